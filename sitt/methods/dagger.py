"""DAgger [Ross et al. 2011]: the student acts more and more, the teacher labels."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Dict, List, Optional

from sitt.config.fields import Count, Fraction
from sitt.config.schema import MethodConfig, RunConfig


class Config(MethodConfig):
    """Rounds of acting and fitting."""

    imitates: ClassVar[bool] = True

    num_envs: Count
    """Environments in which the mixture of teacher and student acts."""
    rounds: Count
    """Rounds; each adds an equal share of the images and of the gradient steps."""
    beta_decay: Fraction
    """The teacher acts with probability β = beta_decay^round; the first round is all the teacher's."""

    def check(self, run: RunConfig) -> None:
        """Rounds must have equal shares of the budget."""
        check_shares(run, self.num_envs, self.rounds)


def train(config: RunConfig, output: Path, teacher: Optional[Path]) -> None:
    """Alternate acting with β = beta_decay^round and fitting on all states so far."""
    method = config.method
    assert isinstance(method, Config)
    betas = [method.beta_decay**round_ for round_ in range(method.rounds)]
    imitate(config, output, teacher, method.num_envs, betas)


def check_shares(run: RunConfig, num_envs: int, rounds: int) -> None:
    """Raise ValueError unless images and iterations divide into rounds of whole control steps."""
    images, iterations = run.student.images, run.training.iterations
    if images % (num_envs * rounds):
        raise ValueError(
            f"student.images = {images} must be a multiple of method.num_envs x rounds = {num_envs} x {rounds}"
        )
    if iterations % rounds:
        raise ValueError(f"training.iterations = {iterations} must be a multiple of method.rounds = {rounds}")


def imitate(config: RunConfig, output: Path, teacher: Optional[Path], num_envs: int, betas: List[float]) -> None:
    """Train a student on a finished teacher in len(betas) rounds with equal shares of the budget.

    Args:
        config: the resolved configuration.
        output: the policy.pt to write.
        teacher: policy.pt of the run whose teacher is imitated.
        num_envs: environments to act in.
        betas: per round, the probability that the teacher acts.
    """
    # Imported here: the workflow reads every Config, and torch takes a second.
    from sitt.env import make_env
    from sitt.nn.policy import Networks
    from sitt.rl.imitation import Cloning, Demonstrator
    from sitt.rl.memory import Memory
    from sitt.rl.schedule import student_learning_rate
    from sitt.runs.session import Session
    from sitt.runs.weights import load_teacher
    from sitt.seeding import generator
    from sitt.threads import use_threads

    assert teacher is not None
    use_threads(config)
    rounds, iterations = len(betas), config.training.iterations
    networks = Networks(config)
    load_teacher(networks, teacher)
    memory = Memory(config.student.images, networks, config.student.buffer_mebibytes)
    env = make_env(config, num_envs, generator(config.seed, "environment"))
    demonstrator = Demonstrator(env, networks, memory, generator(config.seed, "exploration"))
    cloning = Cloning(config.student, networks, memory, generator(config.seed, "minibatches"))
    steps = config.student.images // num_envs // rounds
    gradient_steps = config.student.gradient_steps // iterations
    session = Session(config, networks, teacher_changes=False)

    def iterate(iteration: int) -> Dict[str, float]:
        round_, first = divmod(iteration - 1, iterations // rounds)
        if first == 0:
            session.counters.images_rendered += demonstrator.collect(steps, betas[round_])
            session.counters.env_steps += steps * num_envs
            session.counters.bad_simulations = env.world.bad_simulations
        learning_rate = student_learning_rate(config, (iteration - 1) / iterations)
        loss = cloning.update(gradient_steps, learning_rate)
        session.counters.gradient_steps += gradient_steps
        return {"alignment": loss, "learning_rate": learning_rate}

    session.run(output, {"demonstrator": demonstrator, "cloning": cloning}, memory, iterate)
