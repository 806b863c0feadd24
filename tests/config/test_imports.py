"""What a command has no use for is not imported: torch alone takes a second, and a job is a process."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "mujoco", "mujoco_warp", "transformers", "matplotlib", "seaborn", "pandas", "duckdb", "pyarrow"}
HEAVY |= {"torch._dynamo", "sympy"}
STEP = """
import torch
from sitt.rl.optimization import Adam, descend
weights = [torch.nn.Parameter(torch.ones(2))]
descend("learner", weights[0].sum(), Adam(weights, 0.1), weights, 1.0)
"""


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("from sitt.runs.plan import make_plan; make_plan({}); make_plan({'experiment': 'paper'})", set()),
        ("from sitt.config.compose import compose; compose('maze', 'dagger', 0)", set()),
        ("import sitt.store, sitt.query, sitt.report.table1, sitt.report.html", {"duckdb"}),
        ("import sitt.methods.joint, sitt.evaluation", {"torch"}),
        (STEP, {"torch"}),
        ("import sitt.report.videos", {"torch", "mujoco", "matplotlib"}),
        ("import sitt.sim.mujoco, mujoco_warp; mujoco_warp.put_model", {"torch", "mujoco", "mujoco_warp"}),
    ],
)
def test_each_part_imports_only_what_it_needs(code, needed):
    script = f"import sys\n{code}\nprint(*sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == needed


@pytest.mark.parametrize(
    ("arguments", "frozen"),
    [
        (["configure", "--experiment", "maze", "--method", "dagger", "--seed", "0", "--output", "c.yaml"], True),
        (["query", "nosuch", "SELECT 1"], False),
    ],
)
def test_a_job_ends_without_a_search_for_garbage_unless_duckdb_would_complain(tmp_path, arguments, frozen):
    script = "import atexit, gc\natexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
    script += f"from sitt.cli import main\nmain({arguments})"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(frozen)
    assert "nanobind" not in done.stderr
