"""SQL on an experiment's database, for reading only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from sitt.errors import UserError, first_line
from sitt.store import SCHEMA_VERSION


def connect(database: Path) -> duckdb.DuckDBPyConnection:
    """Open a database for reading, with no way to other files or to the network.

    Raises:
        UserError: there is no such database, or it is not one.
    """
    if not database.is_file():
        raise UserError(f"{database} does not exist; run the workflow for this experiment first")
    try:
        return duckdb.connect(
            database, read_only=True, config={"enable_external_access": False, "lock_configuration": True}
        )
    except duckdb.Error as error:
        raise _unreadable(database, error) from error


def other_schema(connection: duckdb.DuckDBPyConnection) -> str:
    """Return what to tell of a database whose tables are those of another version of this code; '' of others."""
    try:
        row = connection.execute("SELECT schema_version FROM meta").fetchone()
    except (duckdb.CatalogException, duckdb.BinderException):
        return ""
    if not row or row[0] == SCHEMA_VERSION:
        return ""
    return f"it has schema version {row[0]}, this code's is {SCHEMA_VERSION}; run the workflow again to rebuild it"


def query(database: Path, sql: str) -> str:
    """Return the result of a SQL statement as an aligned text table.

    Raises:
        UserError: the statement is wrong or tries to write or to reach beyond the database, or that is damaged.
    """
    with connect(database) as connection:
        try:
            other = other_schema(connection)
            connection.execute(sql)
            if not connection.description:
                raise UserError('the query is empty; write a statement, such as "SELECT * FROM table1"')
            rows = connection.fetchall()
        except duckdb.Error as error:
            # Files of others are refused with other errors: these are about the database itself.
            if isinstance(error, duckdb.IOException) or str(error).startswith("Corrupt database file"):
                raise _unreadable(database, error) from error
            why = f"{database}: {other}" if other else "the database is for reading only"
            raise UserError(f"the query was refused ({first_line(error)}); {why}") from error
        names = [column[0] for column in connection.description]
    return text_table(names, rows)


def _unreadable(database: Path, error: Exception) -> UserError:
    return UserError(f"{database} cannot be read ({first_line(error)}); delete it and run the workflow again")


def text_table(names: list[str], rows: list[tuple[Any, ...]]) -> str:
    """Return rows below their column names, numbers to the right, NULL written out."""
    cells = [["NULL" if value is None else str(value).replace("\n", " ") for value in row] for row in rows]
    lines = []
    widths = [max(len(text) for text in column) for column in zip(names, *cells)]
    numeric = [all(is_number(value) for value in column) for column in zip(*rows)] or [False] * len(names)
    for line in (names, ["-" * width for width in widths], *cells):
        padded = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def is_number(value: Any) -> bool:
    """Whether a value reads as a number or as the lack of one."""
    return value is None or (not isinstance(value, bool) and hasattr(value, "__float__"))
