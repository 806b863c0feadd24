"""How many jobs that need a GPU run side by side: the GPUs' places, or fewer if the command line says so."""

import sys

import pytest

from tests.workflow.test_containers import Machine

JOB = """#!{python}
# In place of Isaac Sim's Python: notes how many of its kind are there at most while it waits for a second one.
import os, pathlib, sys, time
output, here = pathlib.Path(sys.argv[sys.argv.index("--output") + 1]), pathlib.Path({here!r})
mine, most, end = here / str(os.getpid()), 0, time.monotonic() + {wait_s}
mine.touch()
while most < 2 and time.monotonic() < end:
    most = max(most, len(list(here.iterdir())))
    time.sleep(0.05)
time.sleep(0.2)  # until the other one has seen this one
mine.unlink()
output.write_text(str(most))
"""
OPENINGS = [f"results/contained/opening/seed{seed}/opening.pt" for seed in (0, 1)]


@pytest.mark.parametrize(
    ("share", "resources", "most"),
    [(2, [], 2), (1, [], 1), (1, ["--resources", "gpu=4"], 1), (2, ["--resources", "gpu=1"], 1)],
)
def test_jobs_fill_the_places_on_the_gpu_and_no_more(tmp_path, share, resources, most):
    machine, here = Machine(tmp_path), tmp_path / "here"
    machine.consent(runtime="none", gpu_share=share)
    here.mkdir()
    machine.python.write_text(JOB.format(python=sys.executable, here=str(here), wait_s=30 if most == 2 else 1))
    config = machine.folder / "results/contained/opening/seed1/config.yaml"
    config.parent.mkdir()
    config.touch()
    done = machine.snakemake(*OPENINGS, *resources, "--config", "experiment=contained")
    assert done.returncode == 0, done.stderr[-4000:]
    assert [int((machine.folder / name).read_text()) for name in OPENINGS] == [most, most]
