import csv
import io

import pytest

from sitt.errors import UserError
from sitt.query import query
from sitt.report import SMOKE_LABEL
from sitt.report.contents import read
from sitt.report.table1 import write_table1


@pytest.fixture(scope="module")
def written(complete, ragged, tmp_path_factory):
    texts = {}
    for name, database in (("complete", complete), ("ragged", ragged)):
        folder = tmp_path_factory.mktemp(name)
        write_table1(database, folder / "reports")
        assert sorted(path.name for path in (folder / "reports").iterdir()) == ["table1.csv", "table1.md", "table1.tex"]
        texts[name] = {path.suffix: path.read_text() for path in (folder / "reports").iterdir()}
    return texts


def test_markdown_row_is_the_hand_computed_one(written):
    row = "| w Align | 0.700 ± 0.100 | [0.452, 0.948] | 3 | 1.000 | 110.00 ± 10.00 | 0.77 ± 0.12 |"
    assert row in written["complete"][".md"].splitlines()


def test_markdown_lists_the_comparisons_below_the_table(written):
    lines = written["complete"][".md"].splitlines()
    found = [line for line in lines if line.startswith("- ") and " − " in line]
    assert [line.partition(":")[0] for line in found] == [
        "- DAgger − BC",
        "- w/o Align − DAgger",
        "- w Align − w/o Align",
    ]
    assert found[-1] == "- w Align − w/o Align: +0.167 [0.023, 0.310], n = 3, P(better) = 0.889"
    assert "- w Align − w/o Align: +0.150 [-0.485, 0.785], n = 2 of 3" in written["ragged"][".md"]


def test_every_number_of_the_query_stands_in_the_table(written, complete):
    table = [line for line in written["complete"][".md"].splitlines() if line.startswith("|")][2:]
    printed = query(complete, "SELECT * EXCLUDE (method, label, n_expected) FROM table1").splitlines()[2:]
    assert len(table) == len(printed) == 4
    for row, line in zip(table, printed):
        for number in line.split():
            assert number in row.replace("[", " ").replace("]", " ").replace(",", " ").split()


def test_notes_name_protocol_seeds_commit_and_set_up(written):
    text = written["complete"][".md"]
    for fact in (
        "Experiment tiny; encoder random; simulator mujoco.",
        "10 episodes per run and policy",
        "(seed 1000)",
        "beyond 0.39 m",
        "150 control steps",
        "Seeds: 0, 1, 2.",
        "0123456789ab with uncommitted changes",
        "With 3 seeds at most per method, the intervals are wide",
        "No run is missing.",
    ):
        assert fact in text
    assert "SMOKE" not in text


def test_missing_runs_are_counted_and_named(written):
    text = written["ragged"][".md"]
    assert "| w Align | 0.650 ± 0.071 | [0.015, 1.000] | 2 of 3 |" in text
    assert "| lost | missing | – | 0 of 1 | – | – | – |" in text
    assert "Missing runs: tiny/joint_aligned/seed2, tiny/lost/seed0." in text


def test_smoke_test_is_labelled_everywhere(written):
    assert SMOKE_LABEL in written["ragged"][".md"]
    assert SMOKE_LABEL in written["ragged"][".tex"]
    assert all(row["smoke_test"] == "true" for row in csv.DictReader(io.StringIO(written["ragged"][".csv"])))


def test_an_added_method_comes_after_the_papers_with_its_label_escaped(written):
    rows = list(csv.DictReader(io.StringIO(written["ragged"][".csv"])))
    assert [row["method"] for row in rows] == ["bc", "dagger", "joint", "joint_aligned", "lost", "my_method"]
    assert rows[-1]["label"] == "<b>mine</b> | 50 % & $x_1$"
    assert rows[-1]["paper_mean"] == ""
    assert r"| \<b\>mine\</b\> \| 50 % & $x_1$ | 0.500 ± 0.000 |" in written["ragged"][".md"]
    assert r"{<b>mine</b> | 50 \% \& \$x\_1\$} & {0.500 $\pm$ 0.000}" in written["ragged"][".tex"]


def test_latex_is_a_booktabs_table(written):
    text = written["complete"][".tex"]
    assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") == 1
    assert r"{w Align} & {0.700 $\pm$ 0.100} & {[0.452, 0.948]} & {3}" in text
    assert text.count("{") == text.count("}")
    assert text.isascii()


def test_csv_is_the_view(written, complete):
    rows = list(csv.DictReader(io.StringIO(written["complete"][".csv"])))
    for row, wanted in zip(rows, read(complete).table1):
        assert {key: row[key] for key in wanted} == {key: str(value) for key, value in wanted.items()}


def test_a_database_of_another_kind_is_named(tmp_path):
    import duckdb

    duckdb.connect(tmp_path / "other.duckdb").close()
    with pytest.raises(UserError, match=r"other\.duckdb is not a database of"):
        write_table1(tmp_path / "other.duckdb", tmp_path)
    with pytest.raises(UserError, match=r"none\.duckdb does not exist"):
        write_table1(tmp_path / "none.duckdb", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.duckdb"]
