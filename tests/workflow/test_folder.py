"""A clone in a folder with spaces, quotes and letters beyond ASCII works like any other."""

import pytest

from tests.workflow.conftest import Clone


@pytest.mark.parametrize("name", ["Räume & Zeit; it's 試験 [1]*"])
def test_any_folder_will_do(tmp_path, name):
    clone = Clone(tmp_path / name)
    path = clone.folder / "configs/experiment/smoke.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("iterations: 20", "iterations: 2"),
        ("evaluations: 21", "evaluations: 2"),
        ("images: 1280", "images: 64"),
        ("gradient_steps: 20", "gradient_steps: 4"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    wanted = ("results/smoke/metrics.duckdb", "reports/smoke/table1.md")
    command = (*wanted, "--config", "experiment=smoke", "methods=[joint,bc]", "seeds=[0]")
    planned = clone.snakemake(*command, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert not (clone.folder / "results").exists()
    done = clone.snakemake(*command)
    assert done.returncode == 0, done.stderr[-6000:]
    assert all((clone.folder / name).is_file() for name in wanted)
    asked = clone.run("sitt", "query", "smoke", "SELECT run_id, bad_simulations FROM runs")
    assert "smoke/joint/seed0" in asked.stdout, asked.stderr
    assert "smoke/bc/seed0" in asked.stdout
