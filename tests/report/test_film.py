"""Figure 2 and the videos: the very episodes of the evaluation, the right moments of them, and what is missing."""

import shutil

import duckdb
import numpy as np
import pytest
from PIL import Image

from sitt.config.compose import dump
from sitt.evaluation import evaluate_run, teacher_actor
from sitt.report import SMOKE_LABEL, figure2
from sitt.report.film import Moment, caption, film
from sitt.report.videos import GAP, LINE, SIZE, STARTS, write_video, write_videos
from tests.conftest import sentence


@pytest.fixture
def runs(trained, tmp_path):
    """Two finished runs in their folders, and the folder of one that is not finished."""
    folders = []
    for method in ("joint", "joint_aligned"):
        folders.append(tmp_path / method / "seed0")
        shutil.copytree(trained(method).folder, folders[-1])
        dump(trained(method).config, folders[-1] / "config.yaml")
    return [*folders, tmp_path / "lost" / "seed0"]


def moment(step, touched=False, opening=0.0):
    return Moment(step / 60, np.zeros(3), opening, touched)


def test_what_is_filmed_is_what_was_evaluated(trained, tmp_path):
    config, policy = trained("joint").config, trained("joint").folder / "policy.pt"
    evaluate_run(config, policy, tmp_path / "episodes.parquet")
    sql = f"SELECT policy, handle_visible, max_opening_m FROM '{tmp_path}/episodes.parquet' ORDER BY policy, episode"
    rows = [row for row in duckdb.sql(sql).fetchall() if row[0] == "teacher"]
    episodes, eyes = film(config, policy, teacher_actor, 3)
    every = config.evaluation.visibility_every
    for episode, (_, visible, opening) in zip(episodes, rows, strict=False):
        assert len(episode) == config.task.episode_length + 1
        assert np.mean([eyes.visible(moment) for moment in episode[:-1:every]]) == pytest.approx(visible, abs=1e-6)
        assert max(moment.opening for moment in episode[1:]) == pytest.approx(opening, abs=1e-7)


def test_the_moments_of_an_episode():
    episode = [moment(step, touched=step in (4, 5, 7), opening=0.1 * (step - 4)) for step in range(10)]
    assert figure2.pick(episode, 0.39) == [episode[0], episode[2], episode[4], episode[8]]
    assert figure2.pick(episode[:4], 0.39) == [episode[0], None, None, None]


def test_captions_give_time_opening_and_what_is_seen():
    assert caption(moment(45, opening=0.391), 0.462) == ("0.75 s, drawer 39 cm", "handle 46 % visible")
    assert caption(moment(0, opening=-1e-4), float("nan")) == ("0.00 s, drawer 0 cm", "handle out of the image")


def test_figure2_has_a_row_per_run_and_start_and_names_what_is_missing(runs):
    figure = figure2._draw({run: figure2._play(run) for run in runs})
    assert figure.get_suptitle() == SMOKE_LABEL
    assert len(figure.subfigs) == figure2.STARTS
    for block in figure.subfigs:
        rows = np.array(block.axes).reshape(3, len(figure2.MOMENTS))
        assert [row[0].get_ylabel() for row in rows] == ["w/o Align\nseed 0", "w Align\nseed 0", "lost\nseed0"]
        assert [axis.texts[0].get_text() for axis in rows[2]] == ["missing"] * 4
        assert [axis.texts[0].get_text() for axis in rows[0][1:]] == ["never"] * 3  # in a fifth of a second
        starts = [rows[row, 0].images[0].get_array() for row in (0, 1)]
        assert starts[0].shape == (figure2.SIZE, figure2.SIZE, 3)
        assert np.array_equal(*starts), "both methods start from the same state"
    other = figure.subfigs[1].axes[0].images[0].get_array()
    assert not np.array_equal(figure.subfigs[0].axes[0].images[0].get_array(), other)


def test_the_same_runs_give_the_same_figure(runs, tmp_path):
    files = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        figure2.write_figure2(runs[:1], folder)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert sorted(files[0]) == ["figure2.pdf", "figure2.png"]
    assert files[0] == files[1]


def test_without_runs_figure2_says_so():
    assert "no run" in figure2._draw({}).texts[0].get_text()


@pytest.mark.parametrize("method", ["joint", "blind"])
def test_a_video_shows_what_the_student_is_shown_beside_the_scene(trained, tmp_path, method):
    config = trained(method).config
    write_video(config, trained(method).folder / "policy.pt", tmp_path / "v.gif")
    with Image.open(tmp_path / "v.gif") as video:
        assert video.size == (2 * SIZE + GAP, SIZE + 2 * LINE)
        assert video.n_frames == 3 * STARTS  # of 12 control steps the start, the sixth and the last
        durations = []
        for number in range(video.n_frames):
            video.seek(number)
            durations.append(video.info["duration"])
        assert durations == [100, 100, 1000] * STARTS
        pixels = np.asarray(video.convert("RGB"))[LINE : LINE + SIZE]
    assert (pixels[:, :SIZE].max() < 8) == (method == "blind"), "a blind student is shown black"
    assert pixels[:, SIZE + GAP :].std() > 20


def test_videos_are_named_by_their_methods_and_have_one_run_each(runs, tmp_path):
    write_videos(runs[:2], tmp_path / "videos")
    assert sorted(path.name for path in (tmp_path / "videos").iterdir()) == ["joint.gif", "joint_aligned.gif"]
    again = shutil.copytree(runs[0], tmp_path / "again")
    message = sentence(write_videos, [*runs[:2], again], tmp_path / "none")
    assert message == f"{runs[0]} and {again} would both be written to joint.gif; leave one of them out"
    assert not (tmp_path / "none").exists()


def test_who_is_not_finished_is_not_filmed(runs, tmp_path):
    assert str(runs[2] / "config.yaml") in sentence(write_videos, runs, tmp_path / "none")
    assert not (tmp_path / "none").exists()
