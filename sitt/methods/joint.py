"""Joint training of teacher and student (paper, section 3); with both λ at 0 the paper's 'w/o Align'."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar, Dict, Literal, Optional

from sitt.config.fields import NonNegative
from sitt.config.schema import MethodConfig, RunConfig


class Config(MethodConfig):
    """Strength of the pressure on the teacher to be imitable."""

    shares_decoder: ClassVar[bool] = True
    continues: ClassVar[bool] = True

    lambda_penalty: NonNegative
    """Weight of KL(π_T ‖ π̂_S) in the (scaled) reward; paper, eq. 6, first term."""
    kl_in_reward: Literal["subtracted", "added"] = "subtracted"
    """'subtracted': as in the paper; 'added': as in the authors' published maze code."""
    lambda_gradient: NonNegative
    """Weight of KL(π_T ‖ π̂_S) in the teacher's loss; paper, eq. 6, second term."""
    activation_loss: bool
    """Add L1 on A's activations to the proxy's loss, as the maze code does; off in the paper."""

    @property
    def recordable(self) -> bool:
        """Without pressure the student leaves the teacher as it is."""
        return not self.lambda_penalty and not self.lambda_gradient


def train(
    config: RunConfig,
    output: Path,
    teacher: Optional[Path],
    record: Optional[Path] = None,
    opening: Optional[Path] = None,
    opens: bool = False,
) -> None:
    """Alternate roll-out, policy update and alignment.

    Args:
        config: the resolved configuration.
        output: the policy.pt to write, or the opening.
        teacher: None.
        record: the file to keep a `Recording` in.
        opening: the opening to begin with.
        opens: write an opening: end before λ is in force.
    """
    # Imported here: the workflow reads every Config, and torch takes a second.
    from sitt.env import make_env
    from sitt.nn.policy import Networks
    from sitt.rl.alignment import make_alignment
    from sitt.rl.collector import Collector
    from sitt.rl.ppo import PPO
    from sitt.rl.recording import Recording
    from sitt.rl.schedule import student_learning_rate
    from sitt.runs.checkpoint import Stateful
    from sitt.runs.session import Session
    from sitt.seeding import generator
    from sitt.threads import use_threads

    use_threads(config)
    method = config.method
    assert isinstance(method, Config)
    networks = Networks(config)
    env = make_env(config, config.training.num_envs, generator(config.seed, "environment"))
    networks.teacher.normalizer.update(env.observation)
    images = config.student.images // config.training.iterations
    sign = {"subtracted": 1.0, "added": -1.0}[method.kl_in_reward]
    gradient_steps = config.student.gradient_steps // config.training.iterations
    collector = Collector(
        env,
        networks,
        config.ppo,
        config.task.reward_scale,
        images,
        config.sim.render_batch,
        sign * method.lambda_penalty,
        generator(config.seed, "exploration"),
        generator(config.seed, "rendered subset"),
    )
    ppo = PPO(
        config.ppo, networks.teacher, networks.proxy, method.lambda_gradient, generator(config.seed, "minibatches")
    )
    memory, alignment = make_alignment(config, networks, method.activation_loss)
    recording = Recording.start(config, networks.teacher) if record or opens else None
    session = Session(config, networks, teacher_changes=True)

    def iterate(iteration: int) -> Dict[str, float]:
        progress = (iteration - 1) / config.training.iterations
        rollout, pairs, raw_observations = collector.collect(progress)
        networks.student.observe(pairs.embeddings)
        memory.add(pairs)
        networks.teacher.return_normalizer.update(rollout.returns.unsqueeze(-1))
        losses = ppo.update(rollout, progress)
        losses["alignment"] = alignment.update(gradient_steps, student_learning_rate(config, progress))
        losses["learning_rate"] = ppo.learning_rate
        networks.teacher.normalizer.update(raw_observations)
        session.counters.env_steps += len(raw_observations)
        session.counters.images_rendered += len(pairs.observations) if method.sees else 0
        session.counters.gradient_steps += gradient_steps
        session.counters.bad_simulations = env.world.bad_simulations
        if recording:
            recording.add(iteration, pairs.observations, networks.teacher, losses, env.world.bad_simulations)
        return losses

    parts: Dict[str, Stateful] = {"collector": collector, "ppo": ppo, "alignment": alignment}
    if recording:
        parts["recording"] = recording
    if opens:
        session.open(output, parts, memory, iterate)
    elif recording and record:
        session.run(output, parts, memory, iterate, opening, partial(recording.write, record))
    else:
        session.run(output, parts, memory, iterate, opening)
