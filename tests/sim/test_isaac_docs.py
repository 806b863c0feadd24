"""docs/isaac-sim.md tells of the messages and points that the code has."""

import ast
import re
from pathlib import Path

from sitt.sim.isaacsim.probe.points import POINTS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "isaac-sim.md").read_text(encoding="utf-8")


def rows(heading):
    """The cells of the table below a heading, without its head."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.split(" | ")] for line in section.splitlines() if line.startswith("| ")][1:]


def messages():
    """Every text in the package, with … where a value is put in."""
    for path in (ROOT / "sitt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)


def test_every_message_of_the_table_of_failures_is_one_that_the_code_has():
    known = "\n".join(messages())
    told = [row[0].split("`")[1] for row in rows("When it fails")]
    assert len(told) > 25
    for message in told:
        fragments = [part.strip(" ;:.") for part in message.split("…")]
        missing = [part for part in fragments if len(part) > 8 and part not in known]
        assert not missing, f"{message}: the code does not say {missing}"


def test_every_point_is_explained_and_those_in_bold_are_needed():
    told = [
        re.fullmatch(r"(\*\*)?`(\w+)`(\*\*)?", row[0].removeprefix("| ")) for row in rows("What paper-smoke measures")
    ]
    assert [(match[2], bool(match[1])) for match in told] == [
        *((point.name, point.needed) for point in POINTS),
        ("end", False),
    ]
