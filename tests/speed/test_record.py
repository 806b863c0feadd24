"""Ratios, verdicts and exit statuses of the benchmarks, by hand."""

import json
import time

import pytest

from benchmarks import __main__ as command
from benchmarks.record import Figure, conclude, ratio, table, take_turns


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    # 2, 1 and 3; the ratio of the medians would be 4 / 2.
    assert ratio({"a": [4.0, 2.0, 12.0], "b": [2.0, 2.0, 4.0]}, "a", "b") == 2.0
    assert ratio({"a": [1.0, 10.0, 6.0], "b": [10.0, 2.0, 3.0]}, "a", "b") == 2.0


def test_works_take_turns_at_being_first_and_the_first_round_does_not_count():
    calls = []
    works = {name: lambda name=name: (calls.append(name), time.sleep(0.002)) for name in "abc"}
    durations = take_turns(works, 3, lambda: calls.append("|"))
    assert "".join(calls) == "|abc|bca|cab|abc"
    assert {name: len(values) for name, values in durations.items()} == {"a": 3, "b": 3, "c": 3}
    assert min(min(values) for values in durations.values()) >= 0.002


@pytest.mark.parametrize(
    ("figure", "met", "verdict"),
    [
        (Figure("x", 1.5, "×", 1.5), True, "yes"),
        (Figure("x", 1.49, "×", 1.5), False, "**no**"),
        (Figure("x", 5.0, "%", 5.0, at_most=True), True, "yes"),
        (Figure("x", 5.1, "%", 5.0, at_most=True), False, "**no**"),
        (Figure("x", None, "×", 1.1, note="no OpenGL"), False, "not run"),
        (Figure("x", None, "×"), False, "not run"),
        (Figure("x", 0.1, "×"), True, ""),
    ],
)
def test_verdicts(figure, met, verdict, tmp_path):
    assert figure.met is met
    assert figure.row().split("|")[4].strip() == verdict
    file = tmp_path / "x.json"
    assert conclude([figure], {"seconds": [1.0]}, file) == (0 if met else 1)
    kept = json.loads(file.read_text())
    assert kept["figures"][0]["value"] == figure.value
    assert kept["measured"] == {"seconds": [1.0]}
    assert {"commit", "dirty", "versions", "hardware", "finished_at"} <= kept.keys()


def test_the_one_table_shows_what_was_kept_and_what_was_not_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["benchmarks", "--table", "store", "workflow"])
    figure = Figure("10,000 runs of 500 rows: store", 16.1, "s", 60.0, at_most=True)
    conclude([figure], {}, tmp_path / "store.json")
    capsys.readouterr()
    assert command.main() == 1  # the other was not run
    assert table([figure, Figure(command.ALL["workflow"], None, "")]) in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["benchmarks", "--table", "store"])
    assert command.main() == 0
