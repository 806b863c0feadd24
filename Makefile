# make reproduce   every training run, Table 1, the figures, the videos, the report and the database
# make test        lint, types and all tests
# make benchmarks  speed beside bare engines and other libraries, which it installs; hours (docs/benchmarks.md)
# All set up .venv first. PYTHON=python3.12 chooses the interpreter; TORCH_INDEX the build of torch.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := reproduce

PYTHON ?= python3
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
BIN := .venv/bin
READY := .venv/ready

.PHONY: reproduce test benchmarks lint format setup

reproduce: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all

test: lint
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest

benchmarks: setup
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[benchmarks]"
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m benchmarks

lint: setup
	PATH="$(CURDIR)/$(BIN):$$PATH"; export PATH
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check workflow
	snakemake --lint
	hadolint containers/*.Dockerfile
	shellcheck containers/*.sh

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt workflow

setup: $(READY)

.ONESHELL:

# torch first and from its own index: PyPI's build for Linux brings 3 GB of CUDA along.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
	  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); Python 3.11 to 3.13 is needed: make PYTHON=python3.12" >&2
	  exit 1
	}
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --retries 1 -c requirements.lock --index-url $(TORCH_INDEX) torch || \
	  echo "torch's CPU build is out of reach at $(TORCH_INDEX); taking the default build" >&2
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[dev]"
	touch $(READY)
