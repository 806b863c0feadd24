"""Resources that run out: one sentence says so, what was finished stays, and the next call goes on."""

import resource
import shutil
import subprocess

import duckdb
import pytest
import torch
from synthetic_runs import build, write_experiment

from sitt.cli import main
from sitt.config.compose import dump
from sitt.evaluation import evaluate_run
from sitt.methods import train
from sitt.report.figure3 import write_figure3
from sitt.report.html import write_html
from sitt.report.table1 import write_table1
from sitt.report.videos import write_video
from sitt.runs import provenance
from sitt.runs.progress import Progress
from tests.conftest import assert_same_results, at_iteration, sentence, tiny
from tests.workflow.conftest import Clone, wait_for


class Disk:
    """A file system of its own, in memory."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def leave(self, free) -> None:
        """Fill it up but for so many bytes."""
        self.clear()
        with self.ballast.open("wb") as file:
            file.write(b"x" * (shutil.disk_usage(self.folder).free - free))

    def clear(self) -> None:
        """Give it room again."""
        self.ballast.unlink(missing_ok=True)

    def mount(self, options) -> None:
        """Mount it once more, with other options."""
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)


class Limit:
    """Where nothing may be mounted: a limit on the size of every file, which fails the same calls."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.soft, self.hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def leave(self, free) -> None:
        """Let no file grow beyond so many bytes."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (free, self.hard))

    def clear(self) -> None:
        """Lift the limit."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.soft, self.hard))


@pytest.fixture
def disk(tmp_path):
    """A small disk, or what comes closest to it here."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], capture_output=True).returncode:
        limit = Limit(folder)
        yield limit
        limit.clear()
    else:
        yield Disk(folder)
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def filled(disk):
    """Return the sentence of a call that finds so many bytes free, and give the disk room again."""

    def call(free, action, *arguments):
        disk.leave(free)
        try:
            return one_of(sentence(action, *arguments), disk.folder)
        finally:
            disk.clear()

    return call


def one_of(message, folder):
    """The sentence is about a file of this folder, and says what to do."""
    assert message.startswith(f"cannot write {folder}/")
    assert "No space left on device" in message or "File too large" in message
    assert "free disk space or choose another place" in message
    return message


def named(message):
    """The name of the file that a sentence says cannot be written."""
    return message.removeprefix("cannot write ").split(" (")[0].rpartition("/")[2]


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_training_whose_disk_fills_up_goes_on_from_its_last_checkpoint(trained, disk, monkeypatch):
    run = trained("joint_aligned")
    config, output = tiny("joint_aligned", 0, "training.checkpoint_interval_s=0"), disk.folder / "run" / "policy.pt"
    for iteration, free in ((2, 4096), (3, 65536)):
        at_iteration(monkeypatch, iteration, lambda free=free: disk.leave(free))
        message = one_of(sentence(train, config, output, None), output.parent / "checkpoints")
        assert named(message) in ("checkpoint.pt", "observations.bin", "embeddings.bin")
        disk.clear()
        assert [path.name for path in output.parent.iterdir()] == ["checkpoints"]
    resumed = []
    monkeypatch.setattr(Progress, "resumed", lambda progress, iteration, env_steps, source: resumed.append(iteration))
    train(config, output, None)
    assert resumed == [2]
    assert_same_results(output.parent, run.folder)


def test_a_training_that_cannot_write_its_results_loses_nothing(trained, disk, monkeypatch):
    run = trained("joint_aligned")
    config, output = tiny("joint_aligned", 0, "training.checkpoint_interval_s=0"), disk.folder / "run" / "policy.pt"
    shutil.copytree(run.folder, disk.folder / "finished before")
    before, refused = files(disk.folder / "finished before"), set()
    close = Progress.close
    # A run of uncommitted code would keep the change in run.json, which may be larger than policy.pt.
    monkeypatch.setattr(provenance, "git_state", provenance.GitState)
    for free in (0, 4096, 8192, 12288, 16384):
        monkeypatch.setattr(Progress, "close", lambda progress, free=free: disk.leave(free))  # the training is over
        refused.add(named(one_of(sentence(train, config, output, None), output.parent)))
        disk.clear()
        assert not output.exists()
    assert {"training.parquet", "policy.pt"} <= refused
    monkeypatch.setattr(Progress, "close", close)
    at_iteration(monkeypatch, 1, lambda: pytest.fail("the training was made again"))
    train(config, output, None)
    assert_same_results(output.parent, run.folder)
    assert files(disk.folder / "finished before") == before


def test_an_evaluation_without_room_leaves_the_old_one(trained, disk, filled):
    run = trained("joint")
    output = disk.folder / "episodes.parquet"
    evaluate_run(run.config, run.folder / "policy.pt", output)
    before = output.read_bytes()
    assert named(filled(1024, evaluate_run, run.config, run.folder / "policy.pt", output)) == "episodes.parquet"
    assert files(disk.folder) == {output.relative_to(disk.folder): before}
    evaluate_run(run.config, run.folder / "policy.pt", output)
    assert output.read_bytes() == before


def test_a_configuration_without_room_is_named(trained, disk, filled):
    assert named(filled(0, dump, trained("joint").config, disk.folder / "config.yaml")) == "config.yaml"
    assert files(disk.folder) == {}


def test_a_database_without_room_leaves_the_old_one(disk, filled, tmp_path):
    folders = write_experiment(tmp_path)
    database = build(disk.folder, folders[:3])
    before = database.read_bytes()
    for free in (0, 65536, len(before) // 2):
        assert named(filled(free, build, disk.folder, folders)) == database.name
        assert files(disk.folder) == {database.relative_to(disk.folder): before}
    build(disk.folder, folders)
    assert database.read_bytes() != before


@pytest.mark.long
def test_a_workflow_whose_disk_fills_up_fails_and_the_same_command_goes_on(disk):
    if isinstance(disk, Limit):
        pytest.skip("nothing may be mounted here")
    clone = Clone(disk.folder / "clone")
    target = ("results/smoke/metrics.duckdb", "--config", "experiment=smoke", "methods=[joint]", "seeds=[0]")
    log = clone.folder / "results/smoke/logs/joint/seed0/train.log"
    process = clone.start("snakemake", "--cores", "1", *target)
    assert wait_for(lambda: log.exists() and " 8/20 " in log.read_text(encoding="utf-8"), 900)
    disk.leave(0)
    assert process.wait(timeout=900) != 0
    disk.clear()
    done = clone.snakemake(*target)
    assert done.returncode == 0, done.stderr[-6000:]
    with duckdb.connect(str(clone.folder / target[0]), read_only=True) as connection:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("finished",)]


@pytest.mark.parametrize("write", [write_table1, write_figure3, write_html])
def test_a_report_without_room_is_named_and_written_by_the_next_call(disk, filled, tmp_path, write):
    database, folder = build(tmp_path, write_experiment(tmp_path)), disk.folder / "report"
    if write is write_html:  # which shows what the others wrote
        write_table1(database, folder)
        write_figure3(database, folder)
    before = files(disk.folder)
    filled(0, write, database, folder)
    assert files(disk.folder) == before
    write(database, folder)
    assert files(disk.folder).keys() > before.keys()


def test_a_video_without_room_is_named_and_written_by_the_next_call(trained, disk, filled):
    run, output = trained("joint"), disk.folder / "joint.gif"
    filled(4096, write_video, run.config, run.folder / "policy.pt", output)
    assert files(disk.folder) == {}
    write_video(run.config, run.folder / "policy.pt", output)
    assert output.stat().st_size > 4096


def test_a_disk_that_may_not_be_written_is_one_sentence(trained, disk, tmp_path):
    if isinstance(disk, Limit):
        pytest.skip("nothing may be mounted here")
    run, database = trained("joint"), build(tmp_path, write_experiment(tmp_path))
    disk.mount("ro")
    for action, arguments in (
        (dump, (run.config, disk.folder / "config.yaml")),
        (train, (run.config, disk.folder / "policy.pt", None)),
        (evaluate_run, (run.config, run.folder / "policy.pt", disk.folder / "episodes.parquet")),
        (write_table1, (database, disk.folder)),
        (build, (disk.folder, write_experiment(tmp_path / "more"))),
    ):
        message = sentence(action, *arguments)
        assert f"{disk.folder}" in message
        assert "Read-only file system" in message
    disk.mount("rw")
    train(run.config, disk.folder / "policy.pt", None)
    weights, expected = (torch.load(path / "policy.pt", weights_only=True) for path in (disk.folder, run.folder))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_out_of_memory_is_one_sentence(tmp_path, capsys):
    many = 10**12  # times 40: more images than any machine can address
    sizes = {"training.iterations": many, "student.images": 40 * many, "student.gradient_steps": many}
    sizes |= {"student.window": many, "student.buffer_mebibytes": 10**15}
    dump(tiny("joint", 0, *(f"{key}={value}" for key, value in sizes.items())), tmp_path / "config.yaml")
    assert main(["train", f"--config={tmp_path}/config.yaml", f"--output={tmp_path}/policy.pt"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("Error: out of memory (")
    assert message.count("\n") == 1
    assert message.endswith("; run fewer jobs at a time, or lower training.num_envs or student.images\n")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
