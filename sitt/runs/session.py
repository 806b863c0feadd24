"""What all algorithms share: counters, measurements in the course of training, and the final files."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from sitt.config.schema import RunConfig
from sitt.env import make_world
from sitt.errors import UserError
from sitt.evaluation import play, start_seeds, start_states, student_actor, teacher_actor
from sitt.guard import NotFiniteError, require_finite
from sitt.nn.policy import Networks
from sitt.rl.memory import Memory
from sitt.rl.schedule import iterations_before_lambda
from sitt.runs.checkpoint import Checkpoint, Stateful
from sitt.runs.interrupts import interrupts_noted
from sitt.runs.progress import Progress
from sitt.runs.provenance import origin
from sitt.runs.shards import TrainingRow, run_id, write_run_json, write_training
from sitt.runs.weights import save_networks


class _EndOfSliceError(Exception):
    """Ends a training of which only the first iterations were asked for."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations
        self.rows: List[TrainingRow] = []


_asked: ContextVar[Optional[_EndOfSliceError]] = ContextVar("what is asked for of a training", default=None)


@contextmanager
def only_first(iterations: int) -> Iterator[List[TrainingRow]]:
    """Let a training within this block end after its first iterations and leave no results.

    Yields:
        What it measured, once it has ended.
    """
    piece = _EndOfSliceError(iterations)
    token = _asked.set(piece)
    try:
        yield piece.rows
    except _EndOfSliceError:
        pass
    finally:
        _asked.reset(token)


@dataclass
class Counters:
    """What a run has used so far; evaluation is not counted."""

    env_steps: int = 0
    images_rendered: int = 0
    gradient_steps: int = 0
    bad_simulations: int = 0


@dataclass
class Session:
    """One training run: measures teacher and student at fixed points and writes the results."""

    config: RunConfig
    networks: Networks
    teacher_changes: bool
    """False where a finished teacher is imitated: it is then measured once."""
    counters: Counters = field(default_factory=Counters)
    rows: List[TrainingRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        training = self.config.training
        self.started_at = datetime.now(timezone.utc)
        self.started = time.monotonic()
        self.origin = origin(self.config)  # before anybody changes the code that is loaded by now
        self.world = make_world(self.config, training.evaluation_episodes)
        # Not the final evaluation's starts: those are never seen before the end.
        seeds = start_seeds(self.config.evaluation.seed + 1, training.evaluation_episodes)
        self.starts = start_states(self.world, seeds)
        last = training.evaluations - 1
        self.schedule = {round(k * training.iterations / last) for k in range(training.evaluations)}
        self.iteration = 0

    def run(
        self,
        output: Path,
        parts: Mapping[str, Stateful],
        memory: Memory,
        iterate: Callable[[int], Dict[str, float]],
        opening: Optional[Path] = None,
        write_more: Callable[[], None] = lambda: None,
    ) -> None:
        """Train from where a killed training left off, else from the opening or the start, and write the results.

        A first SIGTERM or SIGINT ends the process with status 128 + its number, once a checkpoint is written.

        Args:
            output: the policy.pt to write.
            parts: all that the iterations change, by name, but for the networks and the memory.
            memory: the student's memory.
            iterate: makes the iteration of the given number (1, 2, …) and returns its losses by name.
            opening: what `open` wrote for this training and others.
            write_more: writes what else the training leaves, before policy.pt.

        Raises:
            UserError: there is a checkpoint or opening that cannot be used, a file cannot be written, or a number is
                none.
        """
        checkpoint = self._checkpoint(output, parts, memory)
        finish = partial(self._finish, output, write_more)
        self._train(checkpoint, iterate, self.config.training.iterations, finish, opening)

    def open(
        self,
        output: Path,
        parts: Mapping[str, Stateful],
        memory: Memory,
        iterate: Callable[[int], Dict[str, float]],
    ) -> None:
        """Make, as `run` does, the iterations before λ is in force alone, and write the opening `output`."""
        iterations = iterations_before_lambda(self.config)
        checkpoint = self._checkpoint(output, parts, memory)
        self._train(checkpoint, iterate, iterations, partial(checkpoint.write_opening, output, iterations))

    def _checkpoint(self, output: Path, parts: Mapping[str, Stateful], memory: Memory) -> Checkpoint:
        return Checkpoint(self.config, output.parent, self.networks, {"session": self, **parts}, memory)

    def _train(
        self,
        checkpoint: Checkpoint,
        iterate: Callable[[int], Dict[str, float]],
        iterations: int,
        finish: Callable[[List[Dict[str, Any]]], None],
        opening: Optional[Path] = None,
    ) -> None:
        with closing(checkpoint):
            try:
                self._iterate(checkpoint, iterate, iterations, finish, opening)
            except NotFiniteError as error:
                dump = checkpoint.dump(self.iteration, error)
                raise UserError(
                    f"{run_id(self.config)} stopped in iteration {self.iteration}: {error}; {dump} holds the state "
                    "(torch.load); change what leads there, such as a learning rate or a weight, and start again"
                ) from error

    def _iterate(
        self,
        checkpoint: Checkpoint,
        iterate: Callable[[int], Dict[str, float]],
        iterations: int,
        finish: Callable[[List[Dict[str, Any]]], None],
        opening: Optional[Path],
    ) -> None:
        self.progress = Progress(iterations, run_id(self.config))
        piece = _asked.get()
        with interrupts_noted() as interrupt:
            done = checkpoint.resume(opening)
            with checkpoint.attempts.under_way():
                if self.rows:
                    source = "its checkpoint" if checkpoint.file.exists() else "the opening"
                    self.progress.resumed(done, self.counters.env_steps, source)
                else:
                    self._after(0, {})
                for iteration in range(done + 1, iterations + 1):
                    self.iteration = iteration
                    self._after(iteration, iterate(iteration))
                    if interrupt.signal or checkpoint.due():
                        checkpoint.write(iteration)
                    if interrupt.signal:
                        self.progress.interrupted(iteration)
                        raise SystemExit(128 + interrupt.signal)
                    if piece and iteration == piece.iterations:
                        self.progress.close()
                        piece.rows.extend(self.rows)
                        raise piece
                self.progress.close()
                checkpoint.finish(iterations, finish)

    def state_dict(self) -> Dict[str, Any]:
        """Return what was counted, measured and spent so far."""
        return {
            "counters": asdict(self.counters),
            "rows": [asdict(row) for row in self.rows],
            "started_at": self.started_at.isoformat(),
            "wall_s": time.monotonic() - self.started,
        }

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what `state_dict` returned; the time that the run was down does not count."""
        self.counters = Counters(**state["counters"])
        self.rows = [TrainingRow(**{**row, "run_id": run_id(self.config)}) for row in state["rows"]]
        self.started_at = datetime.fromisoformat(state["started_at"])
        self.started = time.monotonic() - state["wall_s"]

    def _after(self, iteration: int, losses: Dict[str, float]) -> None:
        """Measure after an iteration (0: before the first) if that is due."""
        if iteration in self.schedule:
            self._measure(iteration, losses)
        self.progress.update(iteration, self.counters.env_steps)

    def _measure(self, iteration: int, losses: Dict[str, float]) -> None:
        for policy in ("teacher", "student"):
            self.rows.append(self._row(policy, iteration, losses))
        self.progress.evaluated(self.rows[-2], self.rows[-1])

    def _row(self, policy: str, iteration: int, losses: Dict[str, float]) -> TrainingRow:
        if policy == "teacher" and self.rows and not self.teacher_changes:
            previous = self.rows[-2]
            returns, success, kl = previous.return_mean, previous.success_rate, previous.action_kl
        else:
            actor = (teacher_actor if policy == "teacher" else student_actor)(self.networks)
            reference = self.networks if policy == "student" else None
            outcome = play(self.world, self.starts, actor, reference)
            returns, success = float(outcome.returns.mean()), float(outcome.success.double().mean())
            kl = None
            if reference:
                require_finite("divergence", outcome.action_kl)
                kl = float(outcome.action_kl.mean())
        log_std = self.networks.teacher.log_std
        return TrainingRow(
            run_id=run_id(self.config),
            iteration=iteration,
            env_steps=self.counters.env_steps,
            wall_s=time.monotonic() - self.started,
            policy=policy,
            return_mean=returns,
            success_rate=success,
            action_kl=kl,
            episodes=self.config.training.evaluation_episodes,
            images_rendered=self.counters.images_rendered,
            gradient_steps=self.counters.gradient_steps,
            policy_loss=losses.get("policy"),
            value_loss=losses.get("value"),
            alignment_loss=losses.get("alignment"),
            learning_rate=losses.get("learning_rate"),
            action_std=None if log_std is None else float(log_std.detach().exp().mean()),
        )

    def _finish(self, output: Path, write_more: Callable[[], None], attempts: List[Dict[str, Any]]) -> None:
        """Write training.parquet and run.json, and policy.pt last: its presence means a finished run."""
        write_more()
        write_training(output.parent / "training.parquet", self.rows)
        write_run_json(
            output.parent / "run.json",
            self.config,
            started_at=self.started_at,
            wall_s=time.monotonic() - self.started,
            env_steps=self.counters.env_steps,
            images_rendered=self.counters.images_rendered,
            gradient_steps=self.counters.gradient_steps,
            bad_simulations=self.counters.bad_simulations,
            attempts=attempts,
            origin=self.origin,
        )
        save_networks(self.networks, output)
