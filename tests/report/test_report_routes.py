import numpy as np
import pytest
from synthetic_runs import AROUND, build, write_maze_run

from sitt.config.compose import compose
from sitt.env import make_world
from sitt.errors import UserError
from sitt.report.contents import read
from sitt.report.drawing import rendered
from sitt.report.html import html
from sitt.report.routes import _draw, cells_of, visits, write_routes
from sitt.report.table1 import markdown


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    root = tmp_path_factory.mktemp("maze")
    folders = [write_maze_run(root, "joint", seed, (0, 4, 6)) for seed in (0, 1, 2)]
    return build(root, [*folders, *(write_maze_run(root, "maze_added", seed, (7, 3, 0)) for seed in (0, 1, 2))])


@pytest.fixture(scope="module")
def world():
    return make_world(compose("maze", "joint", 0), 1)


def test_cells_of_a_route_by_hand(world):
    assert cells_of(world, "U.RD").tolist() == [[10, 19], [10, 18], [10, 18], [11, 18], [11, 19]]
    assert cells_of(world, "").tolist() == [[10, 19]]
    assert cells_of(world, AROUND)[[8, 26, 34]].tolist() == [[2, 19], [2, 1], [10, 1]]


def test_visits_count_an_episode_once_per_cell(world):
    share = visits(world, ["UDUD", "LR", AROUND, "U"])
    assert share[10, 19] == 1.0
    assert share[10, 18] == 0.5
    assert share[9, 19] == 0.5
    assert share[2, 5] == 0.25
    assert share.sum() == pytest.approx((2 + 2 + 35 + 2) / 4)


def render(contents, kind):
    return rendered(lambda: _draw(contents), kind)


def test_the_picture_is_written_twice_alike(database, tmp_path):
    write_routes(database, tmp_path)
    for kind in ("png", "pdf"):
        written = (tmp_path / f"routes.{kind}").read_bytes()
        assert written == render(read(database), kind)
        assert len(written) > 10_000
    contents = read(database)
    moved = [dict(row, route="UU") if row["policy"] == "student" else row for row in contents.routes]
    assert render(contents.__class__(**{**vars(contents), "routes": moved}), "png") != render(contents, "png")


def test_a_drawer_has_no_picture_of_routes(complete, tmp_path):
    with pytest.raises(UserError, match="has no routes; name the database of an experiment with task: maze"):
        write_routes(complete, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_table_of_endings_stands_below_table_1(database):
    contents = read(database)
    text = markdown(contents)
    assert "| w/o Align | student | 0.000 ± 0.000 | 0.400 ± 0.000 | 0.600 ± 0.000 | 0.000 ± 0.000 | – | 3 |" in text
    assert (
        "| maze_added | student | 0.700 ± 0.000 | 0.300 ± 0.000 | 0.000 ± 0.000 | 0.700 ± 0.000 | 34.00 | 3 |" in text
    )
    assert "Success: the target was reached." in text
    assert "trained for 4,000,000 control steps; the authors' default is 100,000,000" in text
    assert "drawer" not in text
    page = html(contents, database.parent)
    assert "How the episodes ended" in page and "maze success rates" in page
    assert "the handle" not in page


def test_the_drawers_artefacts_say_nothing_of_the_maze(complete):
    contents = read(complete)
    assert "lava" not in markdown(contents) and "lava" not in html(contents, complete.parent)
    assert np.size(contents.routes) == 0
