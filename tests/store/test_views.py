"""The views: what the database makes of the runs' tables."""

from decimal import Decimal

import pytest
from scipy import stats
from synthetic_runs import (
    EPISODES,
    build,
    rows,
    write_experiment,
    write_maze_run,
    write_parquet,
    write_run,
)


def test_table1_is_the_hand_computed_one(database):
    found = rows(
        database, "SELECT method, n, n_expected, success_mean, success_std, success_low, success_high FROM table1"
    )
    d = Decimal
    assert found == [
        # t(0.975, 2 degrees of freedom) = 4.3027; 4.3027 * 0.1 / sqrt(3) = 0.2484
        ("bc", 3, 3, d("0.200"), d("0.100"), d("0.000"), d("0.448")),
        ("dagger", 3, 3, d("0.500"), d("0.000"), d("0.500"), d("0.500")),
        # 0.4, 0.6, 0.6: mean 16/30, std sqrt((2 * (1/15)^2 + (2/15)^2) / 2) = 0.11547, margin 0.28685
        ("joint", 3, 3, d("0.533"), d("0.115"), d("0.246"), d("0.820")),
        ("joint_aligned", 3, 3, d("0.700"), d("0.100"), d("0.452"), d("0.948")),
    ]
    found = rows(database, "SELECT DISTINCT teacher_success_mean, return_mean, return_std FROM table1")
    assert found == [(d("1.000"), d("110.00"), d("10.00"))]


def test_each_seed_counts_once_however_many_episodes_it_has(tmp_path):
    folders = [write_run(tmp_path, "joint", seed, successes=10 * seed) for seed in (0, 1)]
    write_parquet(  # seed 1 has one student episode, a success; seed 0 has ten failures
        folders[1] / "episodes.parquet",
        f"""{EPISODES} FROM (VALUES ('tiny/joint/seed1', 'student', 0, 1, true))
            AS t(run_id, policy, episode, "return", success)""",
    )
    assert rows(build(tmp_path, folders), "SELECT success_mean FROM table1") == [(Decimal("0.500"),)]


COMPARISON = """SELECT n, n_expected, difference, difference_low, difference_high, probability_of_improvement
    FROM comparisons WHERE method = 'joint_aligned' AND baseline = 'joint'"""


def write_pair(root, aligned, joint):
    """Write runs of joint_aligned and joint with these numbers of successes in ten episodes, seed by seed."""
    return [
        write_run(root, method, seed, successes=count)
        for method, counts in (("joint_aligned", aligned), ("joint", joint))
        for seed, count in enumerate(counts)
    ]


def test_comparisons_are_method_minus_baseline_in_the_papers_order(database):
    found = rows(database, "SELECT method, baseline, difference, probability_of_improvement FROM comparisons")
    d = Decimal
    assert found == [
        ("dagger", "bc", d("0.300"), d("1.000")),  # 0.5 thrice, and 0.1, 0.2, 0.3
        ("joint", "dagger", d("0.033"), d("0.667")),  # 0.4, 0.6, 0.6, and 0.5 thrice
        ("joint_aligned", "joint", d("0.167"), d("0.889")),  # 0.6, 0.7, 0.8, and 0.4, 0.6, 0.6: two ties of nine
    ]


def test_the_ablation_goes_from_no_pressure_to_both(tmp_path):
    methods = ("joint_aligned", "joint_gradient", "joint_penalty", "joint")
    ablation = build(tmp_path, [write_run(tmp_path, method, 0) for method in methods])
    assert rows(ablation, "SELECT method FROM table1") == [(method,) for method in reversed(methods)]
    assert rows(ablation, "SELECT method, baseline FROM comparisons") == [
        ("joint_penalty", "joint"),
        ("joint_gradient", "joint"),
        ("joint_aligned", "joint"),
    ]


def test_a_comparison_is_the_paired_t_test_and_the_share_of_all_pairs(tmp_path):
    first, second = (5, 9, 10, 7), (2, 8, 5, 7)
    paired = stats.ttest_rel(first, second).confidence_interval(0.95)
    pairs = stats.mannwhitneyu(first, second).statistic / 16
    found = rows(build(tmp_path, write_pair(tmp_path, first, second)), COMPARISON)[0]
    assert found[:3] == (4, 4, Decimal("0.225"))
    assert [float(x) for x in found[3:]] == pytest.approx([paired.low / 10, paired.high / 10, pairs], abs=6e-4)


@pytest.mark.parametrize(
    ("aligned", "joint", "wanted"),
    [
        ((9, 9), (1, 1), ("0.800", "0.800", "0.800", "1.000")),
        ((1, 1), (9, 9), ("-0.800", "-0.800", "-0.800", "0.000")),
        ((5, 5), (5, 5), ("0.000", "0.000", "0.000", "0.500")),
        ((10, 0), (0, 10), ("0.000", "-1.000", "1.000", "0.500")),
    ],
)
def test_better_is_positive_and_above_one_half(tmp_path, aligned, joint, wanted):
    found = rows(build(tmp_path, write_pair(tmp_path, aligned, joint)), COMPARISON)
    assert found == [(2, 2, *map(Decimal, wanted))]


def test_every_method_is_compared_with_the_control(tmp_path):
    folders = write_experiment(tmp_path) + [write_run(tmp_path, "blind", seed, successes=1) for seed in range(3)]
    found = rows(build(tmp_path, folders), "SELECT method, difference FROM comparisons WHERE baseline = 'blind'")
    rates = {"bc": "0.100", "dagger": "0.400", "joint": "0.433", "joint_aligned": "0.600"}
    assert found == [(method, Decimal(difference)) for method, difference in rates.items()]


def test_a_comparison_counts_what_is_missing(tmp_path):
    folders = write_pair(tmp_path, (6, 7, 8), (4, 6, 6))
    (folders[1] / "run.json").unlink()
    found = rows(build(tmp_path, folders, allow_missing=True), COMPARISON)[0]
    assert (found[0], found[1], found[2]) == (2, 3, Decimal("0.200"))
    assert found[-1] == Decimal("0.833")  # 0.6 and 0.8 against 0.4, 0.6, 0.6: two ties of six
    for folder in folders[:3]:
        (folder / "run.json").unlink(missing_ok=True)
    assert rows(build(tmp_path, folders, allow_missing=True), COMPARISON) == [(0, 3, None, None, None, None)]


def test_visibility_is_over_seeds_and_the_episodes_that_have_it(tmp_path):
    folders = [write_run(tmp_path, "joint", seed) for seed in (0, 1, 2)]
    # Seed by seed: 0.2, 0.4, 0.6 in all episodes; at contact 0.1, 0.3 in half of them, and never.
    for folder, visible, at_contact in zip(folders, (0.2, 0.4, 0.6), (0.1, 0.3, "NULL")):
        path = folder / "episodes.parquet"
        write_parquet(
            path,
            f"""SELECT * REPLACE (CASE policy WHEN 'student' THEN {visible} ELSE 1 END::DOUBLE AS handle_visible,
                CASE WHEN episode < 5 THEN {at_contact} END::DOUBLE AS handle_visible_at_contact)
                FROM read_parquet('{path}')""",
        )
    database, d = build(tmp_path, folders), Decimal
    # t-margins: 4.3027 * 0.2 / sqrt(3) = 0.4968 and, for two seeds, 12.7062 * 0.1414 / sqrt(2) = 1.27
    assert rows(database, "FROM visibility") == [
        ("joint", "w/o Align", "student", 3, d("0.400"), d("0.200"), d("0.000"), d("0.897"),
         2, d("0.200"), d("0.141"), d("0.000"), d("1.000")),
        ("joint", "w/o Align", "teacher", 3, d("1.000"), d("0.000"), d("1.000"), d("1.000"),
         2, d("0.200"), d("0.141"), d("0.000"), d("1.000")),
    ]  # fmt: skip


def test_an_aligned_teacher_is_compared_with_the_plain_one_of_its_seed(tmp_path):
    returns = {"joint": (100, 130, 110), "joint_aligned": (110, 120, 150), "bc": (1, 1, 1)}
    visible = {"joint": (0.2, 0.4, 0.3), "joint_aligned": (0.3, 0.8, 0.5), "bc": (1, 1, 1)}
    folders = []
    for method in returns:
        for seed in (0, 1, 2):
            folders.append(write_run(tmp_path, method, seed))
            path = folders[-1] / "episodes.parquet"
            write_parquet(
                path,
                f"""SELECT * REPLACE (
                    (CASE policy WHEN 'teacher' THEN {returns[method][seed]} ELSE 7 END)::DOUBLE AS "return",
                    {visible[method][seed]}::DOUBLE AS handle_visible) FROM read_parquet('{path}')""",
            )
    database = build(tmp_path, folders)
    assert rows(database, "SELECT measure, method, n, mean, n_paired, difference FROM teachers") == [
        ("success", "joint", 3, Decimal(1), 0, None),
        ("success", "joint_aligned", 3, Decimal(1), 3, Decimal(0)),
        ("return", "joint", 3, Decimal("113.333"), 0, None),
        ("return", "joint_aligned", 3, Decimal("126.667"), 3, Decimal("13.333")),
        ("visible", "joint", 3, Decimal("0.300"), 0, None),
        ("visible", "joint_aligned", 3, Decimal("0.533"), 3, Decimal("0.233")),
    ]
    intervals = "SELECT low, high, difference_low, difference_high FROM teachers WHERE method = 'joint_aligned'"
    for measure, values, cut in (("return", returns, None), ("visible", visible, 1)):
        own = stats.ttest_1samp(values["joint_aligned"], 0).confidence_interval(0.95)
        paired = stats.ttest_rel(values["joint_aligned"], values["joint"]).confidence_interval(0.95)
        wanted = [own.low, own.high if cut is None else min(cut, own.high), paired.low, paired.high]
        if cut is not None:
            wanted[0] = max(0.0, own.low)
        found = rows(database, f"{intervals} AND measure = '{measure}'")[0]
        assert [float(x) for x in found] == pytest.approx(wanted, abs=6e-4, rel=1e-4)


def test_the_maze_by_hand(tmp_path):
    folders = [write_maze_run(tmp_path, "joint", seed, (0, 4 + seed, 6 - seed)) for seed in (0, 1)]
    folders += [write_maze_run(tmp_path, "maze_aligned", seed, (8 + seed, 2 - seed, 0)) for seed in (0, 1)]
    database, d = build(tmp_path, folders), Decimal
    columns = "target_mean, target_std, lava_mean, lava_std, time_out_mean, around_mean, steps_mean"
    assert rows(database, f"SELECT method, policy, n, {columns} FROM maze") == [
        ("joint", "student", 2, d("0.000"), d("0.000"), d("0.450"), d("0.071"), d("0.550"), d("0.000"), None),
        ("joint", "teacher", 2, d("1.000"), d("0.000"), d("0.000"), d("0.000"), d("0.000"), d("0.600"), d("34.00")),
        ("maze_aligned", "student", 2, d("0.850"), d("0.071"), d("0.150"), d("0.071"), d("0.000"), d("0.850"),
         d("34.00")),
        ("maze_aligned", "teacher", 2, d("1.000"), d("0.000"), d("0.000"), d("0.000"), d("0.000"), d("0.600"),
         d("34.00")),
    ]  # fmt: skip
    # The paper's numbers are the drawer's, and so is the handle; the sign is compared with plain joint training.
    found = rows(database, "SELECT method, success_mean, teacher_success_mean, paper_mean FROM table1")
    assert found == [("joint", d("0.000"), d("1.000"), None), ("maze_aligned", d("0.850"), d("1.000"), None)]
    assert rows(database, "FROM visibility") == []
    assert rows(database, "SELECT method, baseline, difference FROM comparisons") == [
        ("maze_aligned", "joint", d("0.850"))
    ]


def test_the_drawer_has_no_maze(database):
    assert rows(database, "FROM maze") == []


def test_paper_comparison(database):
    assert rows(database, "FROM paper_comparison")[-1] == (
        "joint_aligned", "w Align",
        Decimal("0.700"), Decimal("0.100"), 3,
        Decimal("0.77"), Decimal("0.12"), Decimal("-0.070"),
    )  # fmt: skip


def test_figure3_averages_the_seeds_at_each_evaluation(database):
    found = rows(database, "SELECT * FROM figure3 WHERE method = 'joint' AND env_steps = 4000000 ORDER BY policy")
    # student: 100, 110, 120; teacher: 280, 281, 282
    assert found == [
        ("joint", "w/o Align", "student", 4_000_000, 3, Decimal("110.00"), Decimal("10.00"), Decimal("1.000")),
        ("joint", "w/o Align", "teacher", 4_000_000, 3, Decimal("281.00"), Decimal("1.00"), Decimal("1.000")),
    ]


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (2, 4.3027), (10, 2.2281), (11, 2.2010), (30, 2.0423), (120, 1.9799)]
)
def test_t_quantile_is_the_tables(database, freedom, quantile):
    assert rows(database, f"SELECT t_quantile({freedom})")[0][0] == pytest.approx(quantile, abs=6e-5)


def test_one_seed_has_no_deviation(tmp_path):
    found = rows(
        build(tmp_path, [write_run(tmp_path, "joint", 0)]),
        "SELECT n, success_mean, success_std, success_low FROM table1",
    )
    assert found == [(1, Decimal("0.500"), None, None)]
