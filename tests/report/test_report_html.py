import base64
import re
from html.parser import HTMLParser

import pytest
from synthetic_runs import build

from sitt.report import SMOKE_LABEL
from sitt.report.html import write_html


class Links(HTMLParser):
    """Collects what a browser would fetch or run, and checks that tags nest."""

    def __init__(self):
        super().__init__()
        self.sources, self.scripts, self.open = [], 0, []

    def handle_starttag(self, tag, attributes):
        self.sources += [value for key, value in attributes if key in ("src", "href", "srcset", "action")]
        self.scripts += tag == "script" or any(key.startswith("on") for key, _ in attributes)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def report(database, folder):
    write_html(database, folder)
    assert (folder / "report.html") in folder.iterdir()
    return (folder / "report.html").read_text()


def test_fetches_nothing_and_shows_the_figures_and_videos(complete, tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ("figure2", "figure3", "routes"):
        (tmp_path / f"{name}.png").write_bytes(name.encode())
    for method in ("bc", "joint", "of_another_experiment"):
        (tmp_path / "videos" / f"{method}.gif").write_bytes(method.encode())
    text = report(complete, tmp_path)
    parser = Links()
    parser.feed(text)
    assert parser.open == []
    assert parser.scripts == 0
    assert "@import" not in text
    assert "url(" not in text
    images = [base64.b64decode(source.partition(";base64,")[2]) for source in parser.sources]
    assert images == [b"figure2", b"figure3", b"bc", b"joint"]
    assert re.findall(r"Missing: the video of ([^<]*)<", text) == ["DAgger", "w Align"]


def test_a_figure_that_is_not_there_is_said_to_be_missing(complete, tmp_path):
    text = report(complete, tmp_path)
    assert "Missing: figure2.png" in text and "Missing: figure3.png" in text


def test_shows_the_table_beside_the_paper(complete, tmp_path):
    text = report(complete, tmp_path)
    row = re.search(r"<tr><td>w Align</td>.*</tr>", text).group()
    assert re.findall(r"<td[^>]*>([^<]*)</td>", row) == [
        "w Align", "0.700 ± 0.100", "[0.452, 0.948]", "3", "1.000", "110.00 ± 10.00", "0.77 ± 0.12", "−0.070",
    ]  # fmt: skip
    assert "SMOKE" not in text
    assert "No run is missing." in text


def test_shows_the_comparisons(complete, tmp_path):
    row = re.search(r"<tr><td>w Align − w/o Align</td>.*</tr>", report(complete, tmp_path)).group()
    assert re.findall(r"<td[^>]*>([^<]*)</td>", row)[1:] == ["+0.167", "[0.023, 0.310]", "3", "0.889"]


def test_shows_how_much_of_the_handle_is_seen(complete, tmp_path):
    row = re.search(r"<tr><td>w Align</td><td>student</td>.*</tr>", report(complete, tmp_path)).group()
    assert re.findall(r"<td[^>]*>([^<]*)</td>", row) == [
        "w Align", "student", "0.750 ± 0.000", "[0.750, 0.750]", "3", "–", "–", "0",
    ]  # fmt: skip


def test_names_every_runs_provenance(complete, tmp_path):
    text = report(complete, tmp_path)
    assert text.count("2025-01-02 03:04:05") == 12
    assert text.count("(dirty)") == 4
    assert text.count("3 min 08 s") == 12
    for fact in ("0123456789", "feedc0ffeefe", "python 3.11.7", "renderer: ray tracer", "12 of 12 runs"):
        assert fact in text


def test_escapes_what_comes_from_the_database(ragged, tmp_path):
    text = report(ragged, tmp_path)
    assert "<b>" not in text
    assert "<experiment>" not in text
    assert "A &lt;fast&gt; CPU" in text
    assert "&lt;b&gt;mine&lt;/b&gt; | 50 % &amp; $x_1$" in text


def test_shows_missing_runs_and_the_smoke_test(ragged, tmp_path):
    text = report(ragged, tmp_path)
    assert SMOKE_LABEL in text
    assert "Missing runs (2 of 15): tiny/joint_aligned/seed2, tiny/lost/seed0" in text
    assert text.count("<td>missing</td>") == 2
    assert "2 of 3" in text


def test_the_same_database_gives_the_same_bytes(complete, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    assert report(complete, tmp_path / "one") == report(complete, tmp_path / "two")


@pytest.mark.parametrize("count", [0, 1])
def test_an_experiment_without_results_still_has_a_report(tmp_path, count):
    folders = [tmp_path / "runs" / "joint" / f"seed{seed}" for seed in range(count)]
    database = build(tmp_path, folders, allow_missing=True)
    (tmp_path / "reports").mkdir()
    assert "Table 1" in report(database, tmp_path / "reports")
