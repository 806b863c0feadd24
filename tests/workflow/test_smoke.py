"""The smoke workflow end to end; the tests share one run of it and go on from there, in this order."""

import json
import os

import duckdb
import yaml

from sitt.config.compose import compose
from sitt.nn.policy import Networks
from sitt.runs.plan import make_plan

METHODS = sorted(make_plan({"experiment": "smoke"}).methods)
ARTEFACTS = [
    *["table1.md", "table1.tex", "table1.csv", "figure2.pdf", "figure2.png", "figure3.pdf", "figure3.png"],
    *["report.html", *(f"videos/{method}.gif" for method in METHODS)],
]


def ask(clone, sql):
    with duckdb.connect(str(clone.folder / "results/smoke/metrics.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def run_folder(clone, method, seed):
    return clone.folder / f"results/smoke/runs/{method}/seed{seed}"


def test_every_run_leaves_its_files(smoke):
    assert METHODS == ["bc", "blind", "dagger", "joint", "joint_aligned"]
    for method in METHODS:
        for seed in (0, 1):
            names = {path.name for path in run_folder(smoke, method, seed).iterdir()}
            assert names == {"config.yaml", "policy.pt", "training.parquet", "episodes.parquet", "run.json"}
            provenance = json.loads((run_folder(smoke, method, seed) / "run.json").read_text(encoding="utf-8"))
            assert provenance["run_id"] == f"smoke/{method}/seed{seed}"
            assert provenance["status"] == "finished"


def test_snakemake_looks_for_work_when_a_job_ends_and_not_in_between(smoke):
    ended = smoke.log.count("Finished jobid")
    assert ended > 40
    assert 0 < smoke.log.count("Ready jobs:") <= ended + 1


def test_artefacts_are_there_and_labelled(smoke):
    for name in ARTEFACTS:
        assert (smoke.folder / "reports/smoke" / name).stat().st_size > 0
    report = (smoke.folder / "reports/smoke/report.html").read_text(encoding="utf-8")
    assert report.count("data:image/png") == 2
    assert report.count("data:image/gif") == len(METHODS)
    for name in ("table1.md", "table1.tex", "report.html"):
        assert "smoke test" in (smoke.folder / "reports/smoke" / name).read_text(encoding="utf-8").lower()


def test_database_holds_every_run(smoke):
    assert ask(smoke, "SELECT method, count(*) FROM runs GROUP BY method ORDER BY method") == [(m, 2) for m in METHODS]
    # At least 20 evaluations of both policies, 8 final episodes of each, for each of the 10 runs.
    evaluations = ask(smoke, "SELECT count(*) FROM training GROUP BY run_id, policy")
    assert len(evaluations) == 20
    assert min(count for (count,) in evaluations) >= 20
    assert ask(smoke, "SELECT DISTINCT count(*) FROM episodes GROUP BY run_id, policy") == [(8,)]
    views = {name for (name,) in ask(smoke, "SELECT view_name FROM duckdb_views() WHERE NOT internal")}
    assert {"table1", "figure3", "paper_comparison", "visibility", "comparisons"} <= views


def test_all_students_have_the_same_budget(smoke):
    assert len(ask(smoke, "SELECT DISTINCT gradient_steps FROM runs")) == 1
    assert len(ask(smoke, "SELECT DISTINCT images_rendered FROM runs WHERE method <> 'blind'")) == 1
    assert ask(smoke, "SELECT DISTINCT images_rendered FROM runs WHERE method = 'blind'") == [(0,)]


def test_imitators_have_the_teacher_of_joint(smoke):
    sql = """
        SELECT run_id, list("return" ORDER BY episode) FROM episodes
        WHERE policy = 'teacher' AND run_id LIKE 'smoke/%/seed0' GROUP BY run_id ORDER BY run_id
    """
    bc, blind, dagger, joint, aligned = (returns for _, returns in ask(smoke, sql))
    assert bc == blind == dagger == joint
    assert aligned != joint


def test_query_prints_the_table(smoke):
    done = smoke.run("sitt", "query", "smoke", "SELECT * FROM table1")
    assert done.returncode == 0
    for method in METHODS:
        assert method in done.stdout


def test_second_call_has_nothing_to_do(smoke):
    before = {path: path.stat().st_mtime_ns for path in (smoke.folder / "results/smoke").rglob("*") if path.is_file()}
    done = smoke.snakemake("--config", "experiment=smoke")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stderr
    for path, time in before.items():
        assert path.stat().st_mtime_ns == time, path


def test_a_clock_that_was_set_back_trains_nothing_anew(smoke):
    folder = smoke.folder / "results/smoke"
    moved = {path: path.stat() for name in ("config.yaml", "policy.pt", "run.json") for path in folder.rglob(name)}
    for path, stat in moved.items():
        os.utime(path, (stat.st_atime, stat.st_mtime + 3600))  # made before the clock was set back; its results, after
    planned = smoke.snakemake("--config", "experiment=smoke", "--dry-run")
    for path, stat in moved.items():
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "Nothing to be done" in planned.stderr + planned.stdout
    # Also with weights of the preset's size.
    profile = yaml.safe_load((smoke.folder / "workflow/profiles/default/config.yaml").read_text(encoding="utf-8"))
    weights = Networks(compose("embedded", "joint", 0)).state_dict().values()
    size = sum(tensor.numel() * tensor.element_size() for tensor in weights)
    assert 2 * size < int(profile["max-checksum-file-size"].removesuffix("MB")) * 10**6


def test_trainings_begin_with_the_opening_of_their_seed(smoke):
    for method in METHODS:
        log = (smoke.folder / f"results/smoke/logs/{method}/seed1/train.log").read_text(encoding="utf-8")
        assert ("goes on from the opening" in log) == (method in ("joint", "joint_aligned"))


def test_an_opening_trains_nothing_anew(smoke):
    def planned(*arguments):
        done = smoke.snakemake("--dry-run", *arguments)
        return done.stdout + done.stderr

    opening = smoke.folder / "results/smoke/opening/seed0/opening.pt"
    content, stat = opening.read_bytes(), opening.stat()
    opening.unlink()  # to save room
    chosen = planned("results/smoke/runs/joint_aligned/seed0/policy.pt", "--config", "experiment=smoke", "methods=[bc]")
    assert "Nothing to be done" in chosen
    opening.write_bytes(content + b" ")  # made again, for another method say
    whole = planned("--config", "experiment=smoke")
    opening.write_bytes(content)
    os.utime(opening, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "Nothing to be done" in whole


def test_cosmetic_edit_trains_nothing(smoke):
    path = smoke.folder / "configs/experiment/smoke.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Smoke test of the pipeline", "Smoke test with another title"), encoding="utf-8")
    planned = smoke.snakemake("--config", "experiment=smoke", "--dry-run").stdout
    path.write_text(text, encoding="utf-8")
    assert "store" in planned  # the title stands in the database and on every artefact
    assert "configure" not in planned
    assert "train_" not in planned


def test_change_of_a_number_trains_what_it_concerns(smoke):
    path = smoke.folder / "configs/method/joint_aligned.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("lambda_penalty: 0.0", "lambda_penalty: 0.1"), encoding="utf-8")
    planned = smoke.snakemake("--config", "experiment=smoke", "--dry-run").stdout
    path.write_text(text, encoding="utf-8")
    assert "train_joint_aligned" in planned
    assert "train_joint " not in planned
    assert "train_bc" not in planned


def test_method_of_two_files_shows_up_everywhere(smoke):
    (smoke.folder / "workflow/rules/methods/mine.smk").write_text(
        'use rule train from training as train_mine with:\n    wildcard_constraints:\n        method="mine",\n',
        encoding="utf-8",
    )
    (smoke.folder / "configs/method/mine.yaml").write_text(
        "name: mine\nlabel: My method\nalgorithm: joint\n"
        "lambda_penalty: 0.5\nlambda_gradient: 0.0\nactivation_loss: false\n",
        encoding="utf-8",
    )
    old = (run_folder(smoke, "joint", 0) / "policy.pt").stat().st_mtime_ns
    done = smoke.snakemake("--config", "experiment=smoke", "seeds=[0]")
    assert done.returncode == 0, done.stderr[-6000:]
    assert (run_folder(smoke, "joint", 0) / "policy.pt").stat().st_mtime_ns == old
    assert ask(smoke, "SELECT method FROM runs WHERE seed = 0 ORDER BY method") == [(m,) for m in [*METHODS, "mine"]]
    assert ask(smoke, "SELECT count(*) FROM figure3 WHERE method = 'mine'")[0][0] > 0
    for name in ("table1.md", "table1.tex", "table1.csv", "report.html"):
        assert "My method" in (smoke.folder / "reports/smoke" / name).read_text(encoding="utf-8"), name
