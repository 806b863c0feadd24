"""PPO: one update equal to Stable-Baselines3's, which parameters move, and what changes over a training."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO as ReferencePPO
from stable_baselines3.common.logger import Logger

from sitt.config.compose import compose
from sitt.nn.distributions import Gaussian
from sitt.nn.policy import Networks
from sitt.rl.ppo import PPO
from sitt.rl.rollout import Rollout
from sitt.seeding import generator

STEPS, ENVS = 8, 6


@pytest.fixture
def networks():
    return Networks(compose("smoke", "joint", 3))


def random_rollout(networks, seed=0):
    rng = torch.Generator().manual_seed(seed)
    observations = torch.randn(STEPS * ENVS, 23, generator=rng)
    teacher = networks.teacher
    with torch.no_grad():
        means = teacher.decoder(teacher.encoder(observations))
        actions = means + teacher.log_std.exp() * torch.randn(means.shape, generator=rng)
        values = teacher.value(observations)
        # Another behaviour policy than the present one, so that some ratios leave the clipping range.
        log_probs = teacher.distribution(means).log_prob(actions) + 0.3 * torch.randn(len(values), generator=rng)
    advantages = torch.randn(len(values), generator=rng)
    behaviour = teacher.distribution(means).detached()
    return Rollout(observations, actions, log_probs, behaviour, values, advantages, advantages + values)


def ppo_of(networks, lambda_gradient=0.0, **changes):
    cfg = compose("smoke", "joint", 3).ppo.model_copy(update=changes)
    return PPO(cfg, networks.teacher, networks.proxy, lambda_gradient, generator(0, "test"))


def test_one_update_equals_stable_baselines3(networks):
    """Same weights, same batch, plain gradient descent: the same step, in every parameter."""
    rollout = random_rollout(networks)
    rate, entropy, value_weight, limit = 0.1, 0.01, 0.7, 0.5
    reference = reference_ppo(networks, rate, entropy, value_weight, limit)
    fill(reference.rollout_buffer, rollout)
    reference.train()

    ours = ppo_of(
        networks,
        epochs=1,
        minibatches=1,
        clip_value=False,
        desired_kl=0.0,
        bounds_coefficient=0.0,
        entropy_coefficient=entropy,
        value_coefficient=value_weight,
        max_grad_norm=limit,
    )
    ours.optimizer = torch.optim.SGD(ours.parameters, lr=rate)
    before = [p.detach().clone() for p in ours.parameters]
    ours.update(rollout, progress=0.0)
    assert all(not torch.equal(p, old) for p, old in zip(ours.parameters, before))
    for (name, mine), theirs in zip(named(networks), reference_parameters(reference.policy)):
        assert torch.allclose(mine, theirs, atol=1e-6), name


def reference_ppo(networks, rate, entropy, value_weight, limit):
    class Empty(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (23,))
        action_space = gymnasium.spaces.Box(-1, 1, (9,))

    widths = [module.out_features for module in networks.teacher.encoder if isinstance(module, torch.nn.Linear)]
    model = ReferencePPO(
        "MlpPolicy",
        Empty(),
        learning_rate=rate,
        n_steps=STEPS * ENVS,
        batch_size=STEPS * ENVS,
        n_epochs=1,
        clip_range=0.2,
        ent_coef=entropy,
        vf_coef=value_weight,
        max_grad_norm=limit,
        policy_kwargs=dict(
            net_arch=dict(pi=widths, vf=widths), activation_fn=torch.nn.ReLU, optimizer_class=torch.optim.SGD
        ),
        device="cpu",
    )
    model.set_logger(Logger(None, []))
    with torch.no_grad():
        for (_, mine), theirs in zip(named(networks), reference_parameters(model.policy)):
            theirs.copy_(mine)
    return model


def named(networks):
    teacher = networks.teacher
    parts = [teacher.encoder, teacher.decoder, teacher.critic]
    return [item for part in parts for item in part.named_parameters()] + [("log_std", teacher.log_std)]


def reference_parameters(policy):
    extractor = policy.mlp_extractor
    parts = [extractor.policy_net, policy.action_net, extractor.value_net, policy.value_net]
    return [parameter for part in parts for parameter in part.parameters()] + [policy.log_std]


def fill(buffer, rollout):
    as_steps = lambda tensor: tensor.numpy()[:, None]  # noqa: E731
    buffer.observations[:] = as_steps(rollout.observations)
    buffer.actions[:] = as_steps(rollout.actions)
    for name in ("values", "log_probs", "advantages", "returns"):
        getattr(buffer, name)[:] = as_steps(getattr(rollout, name))
    buffer.full = True


def changed(module, before):
    return {name for name, p in module.state_dict().items() if not torch.equal(p, before[name])}


def snapshot(module):
    return {name: p.clone() for name, p in module.state_dict().items()}


def test_each_epoch_has_the_same_minibatches_and_all_transitions(networks, monkeypatch):
    rollout, ours, seen = random_rollout(networks), ppo_of(networks, epochs=3, minibatches=4), []
    backward = ours.backward
    monkeypatch.setattr(ours, "backward", lambda batch, weights: seen.append(batch) or backward(batch, weights))
    ours.update(rollout, progress=0.0)
    assert [len(batch.actions) for batch in seen] == [STEPS * ENVS // 4] * 12
    first, *others = (torch.cat([batch.actions for batch in seen[at : at + 4]]) for at in (0, 4, 8))
    assert all(torch.equal(first, other) for other in others)
    assert not torch.equal(first, rollout.actions)
    assert sorted(first.tolist()) == sorted(rollout.actions.tolist())


@pytest.mark.parametrize("lambda_gradient", [0.0, 0.5])
def test_the_policy_update_changes_the_teacher_and_nothing_else(networks, lambda_gradient):
    before = snapshot(networks)
    ppo_of(networks, lambda_gradient).update(random_rollout(networks), progress=0.0)
    trained = {f"teacher.{name}" for name, _ in networks.teacher.named_parameters()}
    assert changed(networks, before) == trained


def test_the_weight_of_the_kl_rises(networks):
    rollout = random_rollout(networks)
    ppo = ppo_of(networks, lambda_gradient=0.3, lambda_start=0.0, lambda_rise=0.5)
    without = ppo_of(networks)
    for progress, expected in ((0.0, 0.0), (0.25, 0.15), (0.5, 0.3), (0.9, 0.3)):
        loss = ppo.backward(rollout.select(torch.arange(10)), ppo.weights(progress))
        added = loss.total(ppo.weights(progress)) - loss.total(without.weights(progress))
        assert added == pytest.approx(expected * loss.alignment_kl, abs=1e-5)


def test_the_kl_gradient_reaches_the_teachers_encoder_only(networks):
    batch = random_rollout(networks).select(torch.arange(10))
    gradients = []
    for alignment in (0.0, 1.0):
        ppo = ppo_of(networks, lambda_gradient=1.0)
        loss = ppo.backward(batch, ppo.weights(0.0)._replace(alignment=alignment))
        gradients.append({name: p.grad for name, p in networks.named_parameters() if p.grad is not None})
    without, aligned = gradients
    reached = {name for name in aligned if not torch.equal(aligned[name], without[name])}
    assert reached == {f"teacher.encoder.{name}" for name, _ in networks.teacher.encoder.named_parameters()}
    assert all(name.startswith("teacher.") for name in aligned)
    mean = networks.teacher.decoder(networks.teacher.encoder(batch.observations))
    proxy = networks.teacher.decoder(networks.proxy(batch.observations))
    log_std = networks.teacher.log_std
    expected = Gaussian(mean, log_std).kl(Gaussian(proxy, log_std)).mean()
    assert loss.alignment_kl == pytest.approx(expected.item(), rel=1e-5)


def test_the_learning_rate_follows_the_kl(networks):
    ppo = ppo_of(networks, learning_rate=1e-3)
    ppo._adapt_learning_rate(0.03, 0.01)
    assert ppo.learning_rate == pytest.approx(1e-3 / 1.5)
    ppo._adapt_learning_rate(0.01, 0.01)
    assert ppo.learning_rate == pytest.approx(1e-3 / 1.5)
    ppo._adapt_learning_rate(0.001, 0.01)
    assert ppo.optimizer.learning_rate == pytest.approx(1e-3)


def test_steps_are_constant_while_exploring_and_then_shrink(networks):
    ppo = ppo_of(networks, desired_kl=0.01, final_kl=0.002, exploration_fraction=0.5)
    targets = [ppo._desired_kl(progress) for progress in (0.0, 0.5, 0.75, 1.0)]
    assert targets == pytest.approx([0.01, 0.01, 0.006, 0.002])
    assert ppo_of(networks, desired_kl=0.01, final_kl=0.002, exploration_fraction=1.0)._desired_kl(0.9) == 0.01


def test_means_beyond_the_bound_are_penalised_by_hand(networks):
    """0.4 and 0.9 beyond ± 1.1, squared."""
    decoder = networks.teacher.decoder
    decoder.weight.data.zero_()
    decoder.bias.data.copy_(torch.tensor([1.5, -2.0, 1.1, -1.1, 0.5, 0.0, 0.0, 0.0, 0.0]))
    ppo, batch = ppo_of(networks, bounds_coefficient=1.0), random_rollout(networks).select(torch.arange(2))
    loss = ppo.backward(replace(batch, advantages=torch.zeros(2)), ppo.weights(0.0))
    assert loss.bounds == pytest.approx(0.4**2 + 0.9**2, rel=1e-5)
    assert decoder.bias.grad.tolist() == pytest.approx([0.8, -1.8, *7 * [0.0]], rel=1e-5)


def test_the_noise_fades_after_the_exploration(networks):
    rollout = random_rollout(networks)
    ppo = ppo_of(networks, initial_std=0.4, final_std=0.1, exploration_fraction=0.5)
    for progress, largest in ((0.75, 0.2), (1.0, 0.1)):
        networks.teacher.log_std.data.fill_(0.0)
        ppo.update(rollout, progress)
        assert networks.teacher.log_std.exp().tolist() == pytest.approx([largest] * 9)
    networks.teacher.log_std.data.fill_(0.0)
    ppo.update(rollout, 0.5)
    assert networks.teacher.log_std.exp().min() > 0.9  # while exploring, the noise is what was learned
    networks.teacher.log_std.data.fill_(-4.0)
    ppo.update(rollout, 1.0)
    assert networks.teacher.log_std.exp().max() < 0.05  # a limit, not a setting


def test_the_entropy_bonus_falls_to_zero_over_the_exploration(networks):
    rollout = random_rollout(networks)
    ppo = ppo_of(networks, entropy_coefficient=0.4, exploration_fraction=0.5)
    for progress, expected in ((0.0, 0.4), (0.25, 0.2), (0.5, 0.0), (0.9, 0.0)):
        weights = ppo.weights(progress)
        loss = ppo.backward(rollout.select(torch.arange(10)), weights)
        without = loss.policy + ppo.cfg.value_coefficient * loss.value + ppo.cfg.bounds_coefficient * loss.bounds
        assert without - loss.total(weights) == pytest.approx(expected * loss.entropy, abs=1e-5)


def test_the_entropy_bonus_may_stop_short_of_zero(networks):
    ppo = ppo_of(networks, entropy_coefficient=0.4, final_entropy_coefficient=0.1, exploration_fraction=0.5)
    weights = [ppo._entropy_coefficient(progress) for progress in (0.0, 0.25, 0.5, 0.9)]
    assert weights == pytest.approx([0.4, 0.25, 0.1, 0.1])


def test_the_critic_learns_returns_on_their_own_scale(networks):
    """Returns a hundred times as large, and as widely spread, make the same loss once they are standardised."""
    rollout, ppo = random_rollout(networks), ppo_of(networks)
    normalizer = networks.teacher.return_normalizer
    normalizer.update(rollout.returns.unsqueeze(-1))
    small = ppo.backward(ppo.standardised(rollout), ppo.weights(0.0)).value
    normalizer.load_state_dict({"mean": torch.zeros(1), "variance": torch.ones(1), "count": torch.zeros(())})
    large = Rollout(**{**vars(rollout), "returns": 100.0 * rollout.returns, "values": 100.0 * rollout.values})
    normalizer.update(large.returns.unsqueeze(-1))
    large_loss = ppo.backward(ppo.standardised(large), ppo.weights(0.0)).value
    assert large_loss == pytest.approx(small, rel=1e-3)
    # What the critic says is in units of the returns.
    observations = rollout.observations[:3]
    said = networks.teacher.critic(observations).squeeze(-1)
    assert torch.allclose(networks.teacher.value(observations), normalizer.restore(said), rtol=1e-5)
    assert networks.teacher.value(observations).abs().max() > 10 * said.abs().max()
