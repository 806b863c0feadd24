import json

import pytest
from synthetic_runs import build, write_json, write_run

from sitt.query import query
from sitt.report import SMOKE_LABEL, drawing, sweep
from sitt.report.contents import read

SETTINGS = {
    "joint": (0.0, 0.0, 4000),
    "joint_aligned": (0.002, 0.01, 4000),
    "weak": (0.0, 0.01, 4000),
    "strong": (0.002, 0.04, 4000),
    "rich": (0.002, 0.01, 40000),
    "elsewhere": (0.5, 0.5, 4000),
}
"""λ_penalty, λ_gradient and images of the methods; each run has 4 million control steps."""


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Two seeds of each method, with known success; one of "strong" is missing."""
    root = tmp_path_factory.mktemp("sweep")
    folders = []
    for number, (method, (penalty, gradient, images)) in enumerate(SETTINGS.items()):
        for seed in (0, 1):
            folders.append(write_run(root, method, seed, successes=number + 4 * seed))
            path = folders[-1] / "run.json"
            run = json.loads(path.read_text())
            run["images_rendered"] = images
            run["config"]["method"] = {
                "algorithm": "joint", "lambda_penalty": penalty, "lambda_gradient": gradient
            }  # fmt: skip
            write_json(path, run)
    folders.append(write_run(root, "bc", 0))  # has no such settings
    (root / "runs/strong/seed1/run.json").unlink()
    return build(root, folders, smoke=True, allow_missing=True)


def test_a_method_stands_where_it_differs_from_the_aligned_one_in_that_setting_alone(database):
    rows = [(r["setting"], r["value"], r["method"], float(r["success_mean"])) for r in read(database).sweep]
    assert rows == [
        ("images_share", 0.001, "joint_aligned", 0.3),
        ("images_share", 0.01, "rich", 0.6),
        ("lambda_gradient", 0.01, "joint_aligned", 0.3),
        ("lambda_gradient", 0.04, "strong", 0.3),
        ("lambda_penalty", 0.0, "weak", 0.4),
        ("lambda_penalty", 0.002, "joint_aligned", 0.3),
    ]


def test_intervals_are_over_seeds_and_a_missing_run_shows(database):
    rows = {row["method"]: row for row in read(database).sweep}
    assert (rows["rich"]["n"], rows["rich"]["success_low"], rows["rich"]["success_high"]) == (2, 0, 1)  # 0.6 ± 2.54
    assert (rows["strong"]["n"], rows["strong"]["n_expected"], rows["strong"]["success_low"]) == (1, 2, None)


def test_the_figure_has_a_panel_per_setting(database):
    with drawing.style():
        figure = sweep.draw(read(database))
    points = [[tuple(map(float, point)) for point in axes.lines[0].get_xydata()] for axes in figure.axes]
    assert points == [
        [(0.0, 0.4), (0.002, 0.3)],
        [(0.01, 0.3), (0.04, 0.3)],
        [(pytest.approx(0.1), 0.3), (pytest.approx(1.0), 0.6)],
    ]
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [[], ["1 of 2"], []]
    legends = [axes.get_legend() for axes in figure.axes]
    assert [legend and legend.texts[0].get_text() for legend in legends] == ["w/o Align", "w/o Align", None]
    assert figure.get_suptitle() == SMOKE_LABEL


def test_any_experiment_may_be_drawn(complete, tmp_path):
    """These runs' configurations do not say what alignment weighed."""
    assert query(complete, "SELECT count(*) AS n FROM sweep").split() == ["n", "-", "0"]
    sweep.write_sweep(complete, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.pdf", "sweep.png"]
