"""What the artefacts say, read from the database once: the views' rows, the runs, and the notes below every table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from sitt.errors import UserError, first_line
from sitt.query import connect, other_schema

COMPARISONS = (
    "Differences of the students' success rates: means over seeds with 95 % paired t-intervals. P(better): the share "
    "of all pairs of two methods' runs in which the first is better; ties count half. An interval that contains 0 "
    "decides nothing."
)
"""What the list of comparisons is."""
MAZE = (
    "How the episodes of the final evaluation ended: parts of them, mean ± sample standard deviation over seeds. "
    "Around: the target was reached without a cell of the path. Steps: of the episodes that reached the target."
)
"""What the table of endings is."""
FEW_SEEDS = 10
"""Below this many seeds the notes warn that an interval says little."""

VIEWS = ("table1", "figure3", "visibility", "maze", "comparisons", "teachers", "sweep")
"""What the artefacts are made of, apart from the runs."""

ROUTES = """
    SELECT method, label, policy, runs.seed AS seed, episode, episodes.seed AS start_seed, ending, route
    FROM episodes JOIN runs USING (run_id) WHERE route IS NOT NULL
    ORDER BY method_rank(method), method, runs.seed, policy, episode
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """An experiment's results and where they came from."""

    experiment: str
    title: str
    smoke_test: bool
    table1: list[Row]
    """Rows of the view table1."""
    figure3: list[Row]
    """Rows of the view figure3."""
    visibility: list[Row]
    """Rows of the view visibility."""
    maze: list[Row]
    """Rows of the view maze; none for the drawer."""
    routes: list[Row]
    """Routes of the maze's episodes: method, label, policy, seed, episode, start_seed, ending, route."""
    comparisons: list[Row]
    """Rows of the view comparisons."""
    teachers: list[Row]
    """Rows of the view teachers."""
    sweep: list[Row]
    """Rows of the view sweep."""
    runs: list[Row]
    """Rows of the table runs, with config, hardware and versions as dictionaries (None for a missing run)."""
    episode_counts: list[int]
    """The different numbers of evaluation episodes per run and policy; one number, if all went well."""

    @property
    def missing(self) -> list[str]:
        """The run_ids without results."""
        return [run["run_id"] for run in self.runs if run["status"] == "missing"]

    def of_runs(self, *keys: str) -> str:
        """Return the different values that the finished runs have under a column (and the keys below it), as text."""
        values = []
        for run in self.runs:
            value: Any = run
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None and value not in values:
                values.append(value)
        return ", ".join(str(value) for value in values) or "unknown"

    @property
    def task(self) -> str:
        """What the success rates are of, as a word for titles."""
        return "maze" if self.maze else "manipulation"

    @property
    def subject(self) -> str:
        """One line: which experiment, encoder and simulator."""
        return (
            f"Experiment {self.experiment}; encoder {self.of_runs('encoder')}; simulator {self.of_runs('simulator')}."
        )

    @property
    def notes(self) -> list[str]:
        """Sentences that belong below the table, as plain text."""
        return [*self._statistics(), *self._protocol(), *self._origin()]

    def _statistics(self) -> list[str]:
        notes = [
            "Mean ± sample standard deviation over seeds; each run's episodes are averaged first. The interval is the "
            "95 % t-interval over seeds, cut at 0 and 1; a dash means that it needs more runs."
        ]
        most = max((row["n"] for row in self.table1), default=0)
        if most < FEW_SEEDS:
            notes.append(
                f"With {most} seed{'s' if most != 1 else ''} at most per method, the intervals are wide and lean on "
                "normality, and a standard deviation of 0 makes them look narrower than they are."
            )
        return notes

    def _protocol(self) -> list[str]:
        counts = ", ".join(str(count) for count in self.episode_counts) or "no"
        if self.maze:
            return self._maze_protocol(counts)
        notes = [
            f"Protocol: {counts} episodes per run and policy from the same fixed start states (seed "
            f"{self.of_runs('config', 'evaluation', 'seed')}), mean actions, "
            f"{self.of_runs('config', 'task', 'episode_length')} control steps whatever happens. Success: the drawer "
            f"was open beyond {self.of_runs('config', 'task', 'success_opening')} m at any time. "
            "Return: undiscounted task reward, without any KL term."
        ]
        notes += self._imitators()
        methods = {row["method"] for row in self.table1}
        if "blind" in methods:
            notes.append("Blind is a control, not in the paper: trained as joint, but its student's image is black.")
        if "joint_top" in methods:
            notes.append(
                "Top camera is a control, not in the paper: trained as joint, but its student looks from above."
            )
        notes.append(
            "Paper: Student-Informed Teacher Training, Table 1, three seeds, Isaac Sim, DINOv2. Ours is a "
            "re-implementation, and comparable only as far as the experiment equals the paper's."
        )
        return notes

    def _maze_protocol(self, counts: str) -> list[str]:
        steps = max(run["env_steps"] or 0 for run in self.runs)
        return [
            f"Protocol: {counts} episodes per run and policy in the same fixed mazes (seed "
            f"{self.of_runs('config', 'evaluation', 'seed')}), likeliest actions, until target, lava or "
            f"{self.of_runs('config', 'task', 'episode_length')} control steps. Success: the target was reached. (The "
            "authors' evaluation counts every finished episode, lava included.) Return: undiscounted task reward, "
            "without any KL term.",
            f"Teachers were trained for {steps:,} control steps; the authors' default is 100,000,000.",
            *self._imitators(),
            "The maze is re-implemented from the facts of the authors' published code; networks, PPO and alignment are "
            "this benchmark's. The paper has no success rates for it.",
        ]

    def _imitators(self) -> list[str]:
        if not {"bc", "dagger"} & {row["method"] for row in self.table1}:
            return []
        return ["BC and DAgger imitate the teacher that joint trained with the same seed."]

    def _origin(self) -> list[str]:
        commits = sorted({_commit(run) for run in self.runs if run["status"] == "finished"})
        seeds = ", ".join(str(seed) for seed in sorted({run["seed"] for run in self.runs}))
        lost = f"Missing runs: {', '.join(self.missing)}." if self.missing else "No run is missing."
        return [f"Seeds: {seeds}. Commit: {', '.join(commits) or 'unknown'}.", lost]


def read(database: Path) -> Contents:
    """Read what the artefacts need.

    Raises:
        UserError: there is no such database, or it is not one of ours.
    """
    with connect(database) as connection:
        try:
            if other := other_schema(connection):
                raise UserError(f"{database} cannot be read: {other}")
            meta = _rows(connection, "FROM meta")[0]
            runs = _rows(connection, "FROM runs ORDER BY method_rank(method), method, seed")
            counts = connection.execute(
                "SELECT DISTINCT count(*) FROM episodes GROUP BY run_id, policy ORDER BY ALL"
            ).fetchall()
            routes = _rows(connection, ROUTES)
            views = {view: _rows(connection, f"FROM {view}") for view in VIEWS}
        except (duckdb.Error, LookupError) as error:
            raise UserError(
                f"{database} is not a database of `sitt store` ({first_line(error)}); build it again"
            ) from error
    for run in runs:
        for key in ("config", "hardware", "versions"):
            run[key] = json.loads(run[key]) if run[key] is not None else None
    return Contents(
        experiment=meta["experiment"],
        title=meta["title"],
        smoke_test=meta["smoke_test"],
        **views,
        routes=routes,
        runs=runs,
        episode_counts=[count for (count,) in counts],
    )


def mean_std(mean: Any, std: Any) -> str:
    """Return 'mean ± std', the mean alone where there is no std, or a dash."""
    if mean is None:
        return "–"
    return str(mean) if std is None else f"{mean} ± {std}"


def interval(low: Any, high: Any) -> str:
    """Return '[low, high]', or a dash where there is no interval."""
    return "–" if low is None else f"[{low}, {high}]"


def seeds(row: Row) -> str:
    """Return how many seeds a row is over, and of how many if some are missing."""
    return str(row["n"]) if row["n"] == row["n_expected"] else f"{row['n']} of {row['n_expected']}"


def table1_cells(row: Row) -> dict[str, str]:
    """Return a row of Table 1 as the text of its cells, by column head; nothing is rounded again."""
    return {
        "Method": row["label"],
        "Success rate": mean_std(row["success_mean"], row["success_std"]) if row["n"] else "missing",
        "95 % interval": interval(row["success_low"], row["success_high"]),
        "n": seeds(row),
        "Teacher's success": mean_std(row["teacher_success_mean"], None),
        "Return": mean_std(row["return_mean"], row["return_std"]),
        "Paper's success rate": mean_std(row["paper_mean"], row["paper_std"]),
    }


def comparison_cells(row: Row) -> dict[str, str]:
    """Return a row of the view comparisons as the text of its cells, by column head."""
    difference, probability = row["difference"], row["probability_of_improvement"]
    return {
        "Difference": f"{row['label']} − {row['baseline_label']}",
        "Success rate": "missing" if difference is None else f"{difference:+}",
        "95 % interval": interval(row["difference_low"], row["difference_high"]),
        "n": seeds(row),
        "P(better)": "–" if probability is None else str(probability),
    }


def visibility_cells(row: Row) -> dict[str, str]:
    """Return a row of the view visibility as the text of its cells, by column head."""
    return {
        "Method": row["label"],
        "Policy": row["policy"],
        "Handle visible": mean_std(row["visible_mean"], row["visible_std"]),
        "95 % interval": interval(row["visible_low"], row["visible_high"]),
        "n": str(row["n"]),
        "At first contact": mean_std(row["at_contact_mean"], row["at_contact_std"]),
        "95 % interval at contact": interval(row["at_contact_low"], row["at_contact_high"]),
        "n with contact": str(row["at_contact_n"]),
    }


def teacher_cells(row: Row) -> dict[str, str]:
    """Return a row of the view teachers as the text of its cells, by column head."""
    measures = {"success": "success", "return": "return", "visible": "handle visible", "at_contact": "at first contact"}
    return {
        "Teacher's": measures[row["measure"]],
        "Method": row["label"],
        "Mean": str(row["mean"]),
        "95 % interval": interval(row["low"], row["high"]),
        "n": str(row["n"]),
        "Difference": "–" if row["difference"] is None else f"{row['difference']:+}",
        "95 % interval of it": interval(row["difference_low"], row["difference_high"]),
    }


def maze_cells(row: Row) -> dict[str, str]:
    """Return a row of the view maze as the text of its cells, by column head."""
    return {
        "Method": row["label"],
        "Policy": row["policy"],
        "Target": mean_std(row["target_mean"], row["target_std"]),
        "Lava": mean_std(row["lava_mean"], row["lava_std"]),
        "Time-out": mean_std(row["time_out_mean"], row["time_out_std"]),
        "Around": mean_std(row["around_mean"], row["around_std"]),
        "Steps": mean_std(row["steps_mean"], None),
        "n": str(row["n"]),
    }


def _commit(run: Row) -> str:
    if run["git_commit"] is None:
        return "none (outside Git)"
    return run["git_commit"][:12] + (" with uncommitted changes" if run["git_dirty"] else "")


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]
