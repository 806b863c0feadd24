# The workflow with its default simulator, where there is a container runtime and nothing else. From the clone's folder:
#   docker build -f containers/embedded.Dockerfile -t sitt .
#   docker run --rm --init --user "$(id -u):$(id -g)" -v "$PWD:/sitt" sitt snakemake --cores all
# (podman: --userns keep-id instead of --user.) The mounted clone takes the place of the image's copy.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# git says which commit made a result.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*

WORKDIR /sitt
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY sitt sitt
COPY configs configs
COPY workflow workflow
RUN python3 -m venv /opt/venv && \
    /opt/venv/bin/pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" -c requirements.lock -e .

# Whoever runs it has no account inside, and so no home.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp/home USER=sitt
CMD ["snakemake", "--cores", "all"]
