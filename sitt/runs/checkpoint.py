"""The rolling checkpoint of a run under way, from which the same training goes on bit for bit."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Tuple

from sitt.config.schema import RunConfig
from sitt.errors import UserError
from sitt.guard import NotFiniteError
from sitt.nn.policy import Networks
from sitt.rl.memory import Memory
from sitt.runs.attempts import Attempts
from sitt.runs.key import BEFORE_LAMBDA, Key, differences, training_key
from sitt.runs.memory_log import MemoryLog
from sitt.runs.paths import checkpoint_folder, require_writable
from sitt.runs.weights import read_tensors, write_tensors

LOCK_WAIT_S = 60
"""How long a training waits for its predecessor, which may still be writing its last checkpoint."""


class Stateful(Protocol):
    """What a checkpoint holds: its state is tensors, numbers and strings in dictionaries and lists."""

    def state_dict(self) -> Dict[str, Any]:
        """Return the state; the tensors may be live."""

    def load_state_dict(self, state: Dict[str, Any]) -> Any:
        """Restore what `state_dict` returned."""


class Checkpoint:
    """One file, replaced as a whole, and beside it the log of the student's memory."""

    def __init__(
        self, config: RunConfig, run_folder: Path, networks: Networks, parts: Mapping[str, Stateful], memory: Memory
    ) -> None:
        """Take the run's checkpoint folder for this process.

        Args:
            config: the resolved configuration.
            run_folder: the folder of the run's results.
            networks: the networks before the first iteration.
            parts: all else that changes in the course of the training, by name, but for the memory.
            memory: the student's memory.

        Raises:
            UserError: the folder cannot be written, or another process keeps it.
        """
        self.config = config
        self.run_folder = run_folder
        self.folder = checkpoint_folder(run_folder, config)
        self.file = self.folder / "checkpoint.pt"
        self.parts = {"networks": networks, **parts}
        self.key = _key(config, networks)
        self.interval = config.training.checkpoint_interval_s
        self.log = MemoryLog(self.folder, memory)
        require_writable(self.folder)
        self._lock = (self.folder / "lock").open("a", encoding="utf-8")
        self._wait_for_lock()
        for half_written in self.folder.glob(".*"):  # by a process that was killed
            shutil.rmtree(half_written, ignore_errors=True)
        self.attempts = Attempts(self.folder)
        self._last = time.monotonic()

    def resume(self, opening: Optional[Path] = None) -> int:
        """Restore all parts and return the number of iterations that are done; 0 if there is nothing to restore.

        Args:
            opening: what `write_opening` wrote, to begin with where there is no checkpoint.

        Raises:
            UserError: the file is missing, damaged or that of another training.
        """
        if self.file.exists():
            return self._restore(self.file, "remove its folder, and the training starts anew")
        if opening:
            done = self._restore(opening, "remove it, and the workflow trains it anew", BEFORE_LAMBDA)
            if checkpoint_folder(opening.parent, self.config) != self.folder:
                discard_checkpoint(self.config, opening.parent)
            return done
        return 0

    def due(self) -> bool:
        """Return whether the last checkpoint is an interval old."""
        return time.monotonic() - self._last >= self.interval

    def write(self, iteration: int) -> None:
        """Write the state after `iteration`; UserError if that is impossible."""
        self.log.write()  # first: what the new checkpoint refers to must be there
        self._save(self.file, iteration)
        self.attempts.note()
        self._last = time.monotonic()

    def dump(self, iteration: int, error: NotFiniteError) -> Path:
        """Write the state within an iteration that met a NaN or Inf, for people to look at; return the file."""
        path = self.folder / "not_finite.pt"
        self._save(path, iteration, quantity=error.quantity, values=error.values)
        return path

    def finish(self, iterations: int, write_results: Callable[[List[Dict[str, Any]]], None]) -> None:
        """Write the results of a training whose `iterations` are done, so that these are never made again.

        In a workflow the checkpoint stays until the run is evaluated, or the opening begun with: Snakemake deletes the
        results of a job that is killed before it was seen to end.

        Args:
            iterations: how many there were.
            write_results: is given the attempts that this training took.
        """
        in_workflow = self.folder.parent != self.run_folder.resolve()
        if in_workflow:
            self.write(iterations)
        write_results(self.attempts.until_now("finished"))
        if in_workflow:
            self.attempts.note("finished")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write_opening(self, path: Path, iteration: int, attempts: List[Dict[str, Any]]) -> None:
        """Write the state after `iteration` for other trainings to begin with: one file, the student's memory in it."""
        self._save(path, iteration, memory=self.log.memory.state_dict(), attempts=attempts)

    def close(self) -> None:
        """Leave the folder to others."""
        self._lock.close()

    def _restore(self, file: Path, remove: str, but_for: Tuple[str, ...] = ()) -> int:
        unusable = UserError(f"{file} is damaged or no checkpoint of this code; {remove}")
        try:
            content = read_tensors(file)
            changes = differences(content["key"], self.key, but_for)
        except FileNotFoundError as error:
            raise UserError(f"{file} does not exist; train it first, or leave it out") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise unusable from error
        if changes:
            raise UserError(f"{file} is of another training: {changes}; undo that, or {remove}")
        try:
            for name, part in self.parts.items():
                part.load_state_dict(content["parts"][name])
            if file == self.file:
                self.log.read(content["states_added"])
            else:
                self.log.memory.load_state_dict(content["memory"])
                self.attempts.follow(content["attempts"])
            return content["iteration"]
        except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise unusable from error

    def _save(self, path: Path, iteration: int, **more: Any) -> None:
        content = {
            "key": self.key,
            "iteration": iteration,
            "states_added": self.log.memory.added,
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            **more,
        }
        write_tensors(content, path)

    def _wait_for_lock(self) -> None:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self.close()
                    raise UserError(f"another process trains into {self.folder}; wait for it, or stop it") from None
            except OSError:  # a file system without locks: there, nothing keeps two trainings apart
                return
            time.sleep(0.5)


def discard_checkpoint(config: RunConfig, run_folder: Path) -> None:
    """Remove the checkpoint of a run whose results are safe; there may be none."""
    shutil.rmtree(checkpoint_folder(run_folder, config), ignore_errors=True)


def _key(config: RunConfig, networks: Networks) -> Key:
    """Return what a checkpoint is stale against, by name: as much as the run's result depends on."""
    digest = hashlib.sha256()
    for tensor in networks.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().data)
    return {**training_key(config), "the first networks or their teacher": digest.hexdigest()[:16]}
