"""Where everything is: the one place that knows the layout of results/, reports/ and weights/."""

from __future__ import annotations

from pathlib import Path

from sitt.config.encoder import DinoConfig
from sitt.config.schema import RunConfig
from sitt.errors import UserError

RESULTS = Path("results")
REPORTS = Path("reports")
WEIGHTS = Path("weights")

CONFIG = "config.yaml"
POLICY = "policy.pt"
TRAINING = "training.parquet"
EPISODES = "episodes.parquet"
RUN_JSON = "run.json"


def run_id(config: RunConfig) -> str:
    """Return "<experiment>/<method>/seed<seed>", the run's key in every table."""
    return f"{config.experiment.name}/{config.method.name}/seed{config.seed}"


def run_folder(experiment: str, method: str, seed: int) -> Path:
    """Return the folder of a run's final files."""
    return RESULTS / experiment / "runs" / method / f"seed{seed}"


def opening_file(experiment: str, seed: int) -> Path:
    """Return the beginning that a seed's joint trainings share."""
    return RESULTS / experiment / "opening" / f"seed{seed}" / "opening.pt"


def checkpoint_folder(run_folder: Path, config: RunConfig) -> Path:
    """Return the folder of a run's rolling checkpoints, which Snakemake does not own and so never deletes.

    Beside runs/ or opening/ when `run_folder` follows the layout, and inside it otherwise (a run by hand).
    """
    resolved, seed = run_folder.resolve(), f"seed{config.seed}"
    for layout in (("runs", config.method.name, seed), ("opening", seed)):
        if resolved.parts[-len(layout) :] == layout:
            return resolved.parents[len(layout) - 1].joinpath("checkpoints", *layout[-2:])
    return resolved / "checkpoints"


def database(experiment: str) -> Path:
    """Return the experiment's DuckDB file."""
    return RESULTS / experiment / "metrics.duckdb"


def lock_file(experiment: str) -> Path:
    """Return the file that the workflow of an experiment locks while it runs."""
    return RESULTS / experiment / ".lock"


def report_folder(experiment: str) -> Path:
    """Return the folder of tables, figures and the report."""
    return REPORTS / experiment


def weights_folder(encoder: DinoConfig) -> Path:
    """Return the folder of an encoder's checkpoint: the user's own, or where `sitt weights` puts it."""
    return Path(encoder.pretrained) if encoder.is_folder else WEIGHTS / encoder.pretrained / encoder.revision


def require_writable(folder: Path) -> None:
    """Create a folder if need be, and refuse one that cannot be written.

    Raises:
        UserError: the folder, or what stands in its place, cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}); make it a folder that you may write") from None
