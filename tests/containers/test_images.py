"""The two recipes of Isaac Sim's image agree, and hold neither consent nor secrets. (Lint: make lint.)"""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from sitt.config.container import DEFAULT_IMAGES

ROOT = Path(__file__).parents[2]
CONTAINERS = ROOT / "containers"
RECIPES = sorted(path.name for path in CONTAINERS.iterdir() if path.suffix in (".Dockerfile", ".def", ".sh"))
SCRIPT = (CONTAINERS / "isaacsim.sh").read_text()
LOCK = dict(
    line.split("==") for line in (CONTAINERS / "isaacsim.lock").read_text().splitlines() if not line.startswith("#")
)


def dockerfile(name):
    """Instructions and their arguments, in order."""
    text = re.sub(r"\\\n\s*", "", (CONTAINERS / name).read_text())
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line and not line.startswith("#")]


def definition():
    """Head and sections of isaacsim.def, each as its lines."""
    sections, name = {"head": []}, "head"
    for line in (CONTAINERS / "isaacsim.def").read_text().splitlines():
        if line.startswith("%"):
            name = line[1:]
            sections[name] = []
        elif line.strip() and not line.startswith("#"):
            sections[name].append(line.strip())
    return sections


def test_both_recipes_of_isaac_sim_do_the_same():
    docker, apptainer = dockerfile("isaacsim.Dockerfile"), definition()
    assert [instruction for instruction, _ in docker] == ["ARG", "FROM", "COPY", "RUN", "ENTRYPOINT"]
    assert set(apptainer) == {"head", "arguments", "files", "post", "runscript"}
    (_, base), (_, origin), (_, copied), (_, ran), (_, entry) = docker
    # The base, an argument of the build in both.
    assert base == "BASE=nvcr.io/nvidia/isaac-sim:4.0.0"
    assert apptainer["arguments"] == [base]
    assert origin == "${BASE}"
    assert apptainer["head"] == ["Bootstrap: docker", "From: {{ BASE }}"]
    # The same files, script and lock, at the same place.
    *files, folder = copied.split()
    assert files == ["containers/isaacsim.sh", "containers/isaacsim.lock"]
    assert apptainer["files"] == [f"{file} {folder}{Path(file).name}" for file in files]
    assert all((ROOT / file).is_file() for file in files)
    # The same work, and the same entry, which is what the workflow runs.
    assert [ran] == apptainer["post"] == [f"bash {folder}isaacsim.sh"]
    (python,) = json.loads(entry)
    assert apptainer["runscript"] == [f'exec {python} "$@"']
    assert python == yaml.safe_load((ROOT / "configs/container.yaml").read_text())["python"]
    assert f"\npython={python}\n" in SCRIPT


def test_oige_is_the_commit_that_the_adapter_is_written_against():
    (commit,) = re.findall(r"^commit=(.*)$", SCRIPT, re.M)
    assert re.fullmatch("f8f91bc[0-9a-f]{33}", commit)
    assert "--no-deps --editable" in SCRIPT
    assert "f8f91bc" in (ROOT / "sitt/sim/isaacsim/app.py").read_text()


def test_the_lock_is_whole_and_fits_oige_and_our_imports():
    # OIGE's setup.py, as far as our path imports it.
    pinned = {
        "numpy": "1.23.5",
        "omegaconf": "2.3.0",
        "hydra-core": "1.3.2",
        "urllib3": "1.26.16",
        "gymnasium": "0.28.1",
    }
    assert pinned.items() <= LOCK.items()
    assert LOCK.keys() >= {"pydantic", "pyyaml", "pyarrow", "transformers", "safetensors"}
    assert not LOCK.keys() & {"torch", "duckdb", "snakemake", "mujoco", "seaborn"}
    assert int(LOCK["transformers"].split(".")[0]) < 5, "5 needs a newer torch"
    assert list(LOCK) == sorted(LOCK)


@pytest.mark.parametrize("name", RECIPES)
def test_images_hold_neither_consent_nor_secrets(name):
    text = (CONTAINERS / name).read_text().lower()
    for word in (
        "accept_eula",
        "privacy_consent",
        "token",
        "password",
        "api_key",
        "apikey",
        "http_proxy",
        "credential",
    ):
        assert word not in text
    assert not re.search(r"https?://[^/\s]*@", text)


def test_scripts_are_bash():
    for script in (SCRIPT, "\n".join(definition()["post"]), "\n".join(definition()["runscript"])):
        assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False).returncode == 0
    for line in dict(dockerfile("embedded.Dockerfile")).values():
        assert line


def test_the_embedded_image_follows_the_lock_and_takes_any_base():
    instructions = dockerfile("embedded.Dockerfile")
    assert instructions[0][0] == "ARG"
    assert instructions[0][1].startswith("BASE=")
    assert instructions[1] == ("FROM", "${BASE}")
    copied = " ".join(arguments for instruction, arguments in instructions if instruction == "COPY")
    assert all((ROOT / file).exists() for file in copied.split() if file != "./")
    assert any(
        "-c requirements.lock -e ." in arguments for instruction, arguments in instructions if instruction == "RUN"
    )


def test_the_documentation_builds_the_images_that_are_asked_for():
    text = (ROOT / "docs/isaac-sim.md").read_text()
    assert f"apptainer build {DEFAULT_IMAGES['apptainer']} containers/isaacsim.def" in text
    assert f"docker build -f containers/isaacsim.Dockerfile -t {DEFAULT_IMAGES['docker']} ." in text
    assert DEFAULT_IMAGES["podman"] == f"localhost/{DEFAULT_IMAGES['docker']}"
