"""The colour maze: its mazes, what is seen of them, what a step earns and when an episode ends."""

from collections import deque
from itertools import pairwise

import pytest
import torch

from sitt.config.compose import compose
from sitt.env import make_env, make_world
from sitt.evaluation import play, start_seeds, start_states
from sitt.nn.distributions import Categorical
from sitt.nn.policy import Networks
from sitt.seeding import generator
from sitt.task.maze import BORDER, FREE, LAVA, MOVES, PATH, STEPS

CONFIG = compose("maze", "joint", 100)
START, TARGET = (10, 19), (10, 1)
AROUND = "L" * 8 + "U" * 18 + "R" * 8
"""The way round the lava by the left margin: cells (2, 1) to (2, 19)."""


def world_of(count):
    world = make_world(CONFIG, count)
    world.reset(torch.arange(count), world.sample_start(count, generator(3, "mazes")))
    return world


def cell(world, env, x, y):
    return int(world.cells[env, world.number(x, y)])


def move(world, letters):
    """Make the same moves in all mazes and return the last outcome."""
    for letter in letters:
        outcome = world.step(torch.full((world.num_envs, 1), MOVES.index(letter)))
    return outcome


def shortest(world, env, allowed):
    """The moves of a shortest way to the target over allowed cells (x, colour), by breadth-first search, or None."""
    ways, queue = {START: ""}, deque([START])
    while queue:
        x, y = queue.popleft()
        for (dx, dy), letter in zip(STEPS, MOVES):
            ahead = (x + dx, y + dy)
            if ahead not in ways and allowed(ahead[0], cell(world, env, *ahead)):
                ways[ahead] = ways[x, y] + letter
                queue.append(ahead)
    return ways.get(TARGET)


def test_a_square_of_lava_within_a_margin():
    world = world_of(50)
    grids = world.cells.view(50, 23, 23)
    assert (grids[:, [0, -1]] == BORDER).all() and (grids[:, :, [0, -1]] == BORDER).all()
    inside = grids[:, 1:-1, 1:-1]
    lava_or_path = (inside == LAVA) | (inside == PATH)
    assert lava_or_path[:, 3:18, 3:18].all()
    assert lava_or_path.sum() == 50 * 15 * 15
    assert torch.equal(inside != FREE, lava_or_path)


def test_a_path_leads_through_and_the_way_around_takes_34_steps():
    world = world_of(50)
    for env in range(50):
        through = shortest(world, env, lambda x, colour: colour == PATH or (colour == FREE and 6 <= x <= 13))
        around = shortest(world, env, lambda x, colour: colour == FREE)
        assert len(through) >= 18
        assert len(around) == len(AROUND) == 34
        one = make_world(CONFIG, 1)
        for way in (through, around, AROUND):
            one.reset(torch.arange(1), (world.cells[env : env + 1],))
            assert not any(move(one, letter).terminated for letter in way[:-1])
            outcome = move(one, way[-1])
            assert outcome.success.all() and outcome.terminated.all() and not outcome.truncated.any()


def test_pieces_of_path_are_as_long_as_configured():
    world = world_of(200)
    grids = world.cells.view(200, 23, 23)[:, 4:19, 4:19] == PATH  # x, y within the lava
    assert grids.any(1).all(), "each row has path"
    columns = grids.any(2)
    assert not columns[:, :3].any() and not columns[:, 11:].any()  # x from 15 // 4 to 3 * 15 // 4 - 1
    assert columns[:, 3:11].any(0).all()
    widths = grids.sum(1)  # cells of path in each row
    assert set(widths.flatten().tolist()) == {1, 2, 3, 4}  # a straight piece, and shifts by 1 to 3 cells
    for rows in (widths > 1).tolist():
        shifts = [y for y, wide in enumerate(rows) if wide]
        assert shifts[0] in (3, 4)
        assert all(later - earlier in (3, 4) for earlier, later in pairwise(shifts))
        assert 14 - shifts[-1] in (1, 2, 3, 4)


def test_the_same_seed_is_the_same_maze():
    world = make_world(CONFIG, 1)
    (three,), (six,) = start_states(world, start_seeds(5, 3)), start_states(world, start_seeds(5, 6))
    assert torch.equal(three, six[:3])
    assert len(six.unique(dim=0)) == 6


def test_observation_by_hand():
    world = world_of(1)
    # Target − here; free cells all around; no step yet, less 1.
    assert world.observe().tolist() == [[0, -18, 0, 0, 0, 0, 0, -1, -1]]
    move(world, "D")
    assert world.observe().tolist() == [[0, -19, 0, BORDER, 0, 0, 0, -1, 0]]
    move(world, "L")
    assert world.observe().tolist() == [[1, -19, 0, BORDER, 0, 0, 0, -2, 0]]  # two steps: left and down
    move(world, "UU")
    below_the_lava = world.observe()[0]
    assert below_the_lava[:2].tolist() == [1, -17]
    assert below_the_lava[5] == cell(world, 0, 9, 17) and below_the_lava[5] in (LAVA, PATH)
    assert below_the_lava[7:].tolist() == [-1, -3]


def test_the_mask_hides_lava_from_the_student_and_nothing_else():
    world = world_of(200)
    move(world, "U")  # to the row below the lava
    everyone = torch.arange(200)
    teacher, student = world.observe(), world.look(everyone)
    above = teacher[:, 5]
    assert (above == LAVA).any() and (above == PATH).any()
    assert (student[:, 5] == PATH).all()
    rest = [0, 1, 2, 3, 4, 6, 7, 8]
    assert torch.equal(student[:, rest], teacher[:, rest])
    world.reset(everyone, (world.cells.clone(),))
    move(world, "D")
    assert torch.equal(world.look(everyone), world.observe())  # far from the lava both see the same
    assert torch.equal(world.look(everyone[3:5]), world.look(everyone)[3:5])


def test_a_student_acts_alike_where_only_the_mask_differs():
    world = world_of(200)
    move(world, "U")
    networks = Networks(CONFIG).eval()
    policy = networks.student_policy()
    with torch.no_grad():
        views = policy.student.look(world, torch.arange(200))
        student = policy.decoded(policy.student.image.embed(views), world.observe())
        teacher = networks.teacher.decoded(world.observe())
    assert len(student.unique(dim=0)) == 1
    assert len(teacher.unique(dim=0)) > 1


def test_rewards_by_hand():
    world = world_of(1)
    entry = next(x for x in range(6, 14) if cell(world, 0, x, 17) == PATH)
    assert move(world, "U" + ("L" if entry < 10 else "R") * abs(entry - 10)).reward.item() == 0.0
    assert move(world, "U").reward.item() == pytest.approx(0.5)
    assert move(world, "D").reward.item() == 0.0
    again = move(world, "U")
    assert again.reward.item() == pytest.approx(-0.5)  # a path cell that was visited before
    assert not again.terminated.any()
    one = make_world(CONFIG, 1)
    one.reset(torch.arange(1), (world.cells,))
    assert move(one, AROUND).reward.item() == 10.0


def test_lava_ends_the_episode_as_a_failure():
    world = world_of(40)
    outcome = move(world, "UU")  # straight up from the start
    lava = torch.tensor([cell(world, env, 10, 17) == LAVA for env in range(40)])
    assert 0 < lava.sum() < 40
    assert torch.equal(outcome.terminated, lava)
    assert not outcome.success.any()
    assert outcome.reward[lava].tolist() == pytest.approx([-0.1] * int(lava.sum()))


def test_the_border_stops_a_move():
    world = world_of(1)
    move(world, "DDD")  # one cell of margin is below the start
    assert world.coordinates[world.position].tolist() == [[10, 20]]


def walk(letters):
    """An actor that makes these moves, the last one for ever, in all mazes."""
    left = list(letters)

    def act(observations, world):
        letter = left.pop(0) if len(left) > 1 else left[0]
        return Categorical(10.0 * torch.eye(4)[[MOVES.index(letter)] * world.num_envs])

    return act


@pytest.mark.parametrize(
    ("letters", "ending", "length", "returned"),
    [(AROUND, "target", 34, 10.0), ("DDD", "time-out", 442, 0.0)],
)
def test_play_counts_the_target_only_as_success(letters, ending, length, returned):
    world = make_world(CONFIG, 3)
    watcher = world.watcher(1)
    outcome = play(world, start_states(world, start_seeds(5, 3)), walk(letters), observer=watcher)
    assert outcome.success.tolist() == [ending == "target"] * 3
    assert outcome.lengths.tolist() == [length] * 3
    assert outcome.returns.tolist() == pytest.approx([returned] * 3)
    columns = watcher.columns(outcome)
    assert columns["ending"] == [ending] * 3
    route = letters if ending == "target" else "D" + "." * 441
    assert columns["route"] == [route] * 3


def test_play_in_chunks_stops_each_episode_at_its_own_end():
    """Straight up: some mazes have lava there at once; what follows their end counts no more."""
    starts = start_states(make_world(CONFIG, 1), start_seeds(5, 12))
    found = []
    for num_envs in (1, 5, 12):
        world = make_world(CONFIG, num_envs)
        watcher = world.watcher(1)
        walker = play(world, starts, lambda obs, w: walk("U")(obs, w), observer=watcher)
        found.append((walker.returns.tolist(), walker.lengths.tolist(), watcher.columns(walker)))
    assert found[0] == found[1] == found[2]
    returns, lengths, columns = found[0]
    assert set(columns["ending"]) == {"lava"}
    assert columns["route"] == ["U" * length for length in lengths]
    # The last of the cells is lava, and all path cells before it are new.
    assert returns == pytest.approx([0.5 * (length - 2) - 0.1 for length in lengths])


def test_an_ended_episode_starts_anew_in_another_maze():
    env = make_env(CONFIG, 50, generator(1, "environment"))
    env.steps[:] = 0
    mazes = env.world.cells.clone()
    for _ in range(2):
        step = env.step(torch.full((50, 1), MOVES.index("U")))
    ended = step.terminated
    assert 0 < ended.sum() < 50
    assert not step.truncated.any()
    assert torch.equal(env.steps, torch.where(ended, 0, 2))
    assert (step.observation[ended, :2] == torch.tensor([0.0, -18.0])).all()
    assert (step.final_observation[:, :2] == torch.tensor([0.0, -16.0])).all()
    same = (env.world.cells == mazes).all(1)
    assert not same[ended].any() and same[~ended].all()


def test_time_runs_out_as_a_truncation():
    env = make_env(CONFIG, 2, generator(1, "environment"))
    env.steps[:] = torch.tensor([441, 440])
    step = env.step(torch.full((2, 1), MOVES.index("D")))
    assert step.truncated.tolist() == [True, False]
    assert not step.terminated.any()


def test_saved_and_loaded_goes_on_alike(tmp_path):
    env, other = (make_env(CONFIG, 8, generator(seed, "environment")) for seed in (1, 2))
    rng = torch.Generator().manual_seed(0)
    actions = torch.randint(4, (40, 8, 1), generator=rng)
    for action in actions[:20]:
        env.step(action)
    torch.save(env.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for action in actions[20:]:
        one, two = env.step(action), other.step(action)
        assert all(torch.equal(a, b) for a, b in zip(one, two))
