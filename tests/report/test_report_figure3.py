import struct

import pytest
from synthetic_runs import build, write_experiment, write_run

from sitt.report import SMOKE_LABEL, drawing, figure3
from sitt.report.contents import read


def drawn(database):
    with drawing.style():
        return figure3._draw(read(database))


def rendered(database, kind):
    return drawing.rendered(lambda: figure3._draw(read(database)), kind)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_same_results_give_the_same_bytes(tmp_path):
    files = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        figure3.write_figure3(build(folder, write_experiment(folder)), folder / "reports")
        files.append({path.name: path.read_bytes() for path in (folder / "reports").iterdir()})
    assert sorted(files[0]) == ["figure3.pdf", "figure3.png"]
    assert files[0] == files[1]


def test_pdf_embeds_truetype_fonts_and_png_is_300_dpi(complete):
    pdf, png = rendered(complete, "pdf"), rendered(complete, "png")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf
    assert struct.unpack(">II", png[16:24]) == (2040, 1080)  # 6.8 x 3.6 inches


def test_only_methods_whose_teacher_learns_get_curves(complete):
    assert figure3.methods_with_a_teacher(read(complete)) == ["joint", "joint_aligned"]
    assert legend(drawn(complete)) == [
        "w/o Align", "w Align", "student", "teacher", "final student, BC", "final student, DAgger",
    ]  # fmt: skip


def test_the_control_changes_nothing(complete, tmp_path):
    with_control = build(tmp_path, [*write_experiment(tmp_path), write_run(tmp_path, "blind", 0)])
    assert read(with_control).table1[-1]["method"] == "blind"
    assert rendered(with_control, "png") == rendered(complete, "png")


def test_curves_are_the_views_means_in_millions_of_steps_with_a_band_of_one_deviation(complete):
    axes = drawn(complete).axes[0]
    teachers = [line for line in axes.lines if list(line.get_ydata())[-1] == 281.0]  # 280, 281, 282
    assert len(teachers) == 2
    assert list(teachers[0].get_xdata()) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert all(line.is_dashed() for line in teachers)
    bands = [collection.get_paths()[0].get_extents() for collection in axes.collections]
    assert sorted((band.y0, band.y1) for band in bands) == [(0, 120), (0, 120), (200, 282), (200, 282)]


def test_student_and_teacher_of_a_method_share_a_colour_that_no_other_has(complete):
    lines = [line for line in drawn(complete).axes[0].lines if len(line.get_xdata()) == 5]
    colours = [line.get_color() for line in lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_an_added_method_a_missing_run_and_a_smoke_test_show(ragged):
    figure = drawn(ragged)
    names = legend(figure)
    assert "w Align\n(2 of 3 seeds)" in names
    assert "<b>mine</b> | 50 % & $x_1$" in names
    assert not any("lost" in name for name in names)
    assert figure.axes[0].get_title(loc="left") == SMOKE_LABEL


def test_legend_does_not_cover_the_data(ragged):
    with drawing.style():
        figure = figure3._draw(read(ragged))
        figure.draw_without_rendering()
        assert not figure.legends[0].get_window_extent().overlaps(figure.axes[0].get_window_extent())


def test_without_any_finished_run_it_says_so(tmp_path):
    database = build(tmp_path, [tmp_path / "runs" / "joint" / "seed0"], allow_missing=True)
    assert "no finished run" in drawn(database).axes[0].texts[0].get_text()
    figure3.write_figure3(database, tmp_path / "reports")


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_a_failure_keeps_the_old_figure(complete, tmp_path, monkeypatch, kind):
    (tmp_path / f"figure3.{kind}").write_text("old")

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(drawing, "rendered", fail)
    with pytest.raises(MemoryError):
        figure3.write_figure3(complete, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
