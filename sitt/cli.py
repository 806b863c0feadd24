"""The command `sitt`: each sub-command calls one function, which is imported only then."""

from __future__ import annotations

import argparse
import atexit
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import List, Optional

from sitt.errors import UserError, first_line, is_out_of_memory

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130
WATCH_INTERVAL_S = 1.0
GRACE_S = 60.0
COLLECT_EVERY = 100_000
"""New objects after which Python looks for garbage. By its own 700 it does so a thousand times while torch and Warp are
imported, and goes through all that they leave."""
MEMORY_MEND = "run fewer jobs at a time, or lower training.num_envs or student.images"


def main(arguments: Optional[List[str]] = None) -> int:
    """Run one sub-command; return 0, 1 (a mistake that the message names) or 2 (wrong usage)."""
    options = _parser().parse_args(arguments)
    gc.set_threshold(COLLECT_EVERY)
    atexit.register(_end_at_once)
    _stop_with_workflow()
    try:
        status = options.run(options)
        sys.stdout.flush()
        return status or 0
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return EXIT_ERROR
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print(f"Error: out of memory ({first_line(error)}); {MEMORY_MEND}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _end_at_once() -> None:
    """Spare Python the search for garbage as it ends: it goes through torch's and Warp's modules for a second."""
    if "duckdb" not in sys.modules:  # which lists at length what it finds alive in the end
        gc.freeze()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sitt",
        description="Student-Informed Teacher Training: what the workflow's rules call, and tools beside it.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    configure = commands.add_parser("configure", help="compose and check the configuration of one run")
    configure.add_argument("--experiment", required=True, help="a file in configs/experiment")
    configure.add_argument("--method", required=True, help="a file in configs/method")
    configure.add_argument("--seed", required=True, type=int)
    configure.add_argument("--output", required=True, type=Path, help="the YAML file to write")
    configure.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="change a key, such as training.num_envs=64"
    )
    configure.set_defaults(run=_configure)

    train = commands.add_parser("train", help="train one run; writes training.parquet and run.json beside policy.pt")
    train.add_argument("--config", required=True, type=Path, help="what `sitt configure` wrote")
    train.add_argument("--output", required=True, type=Path, help="the policy.pt to write")
    train.add_argument("--teacher", type=Path, help="policy.pt of the teacher to imitate, or the recording to replay")
    train.add_argument("--record", type=Path, help="the recording to write, of a training with both λ at 0")
    train.add_argument("--opening", type=Path, help="what the method `opening` wrote: begin with that")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="play the final evaluation of a trained run")
    evaluate.add_argument("--config", required=True, type=Path, help="what `sitt configure` wrote")
    evaluate.add_argument("--policy", required=True, type=Path, help="the run's policy.pt")
    evaluate.add_argument("--output", required=True, type=Path, help="the episodes.parquet to write")
    evaluate.set_defaults(run=_evaluate)

    store = commands.add_parser("store", help="build an experiment's database from its runs")
    store.add_argument("--experiment", required=True, help="a file in configs/experiment")
    store.add_argument("--output", required=True, type=Path, help="the DuckDB file to write")
    store.add_argument("--allow-missing", action="store_true", help="record runs without all their files as missing")
    store.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR", help="folder of one run, METHOD/seedN")
    store.set_defaults(run=_store)

    report = commands.add_parser("report", help="write one artefact from a database")
    report.add_argument("artefact", choices=("table1", "figure3", "sweep", "routes", "html"))
    report.add_argument("--database", required=True, type=Path, help="the experiment's metrics.duckdb")
    report.add_argument("--output", required=True, type=Path, help="the folder to write into")
    report.set_defaults(run=_report)

    verify = commands.add_parser("verify", help="make a slice of finished runs again and compare it with their records")
    verify.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR", help="folder of one run, METHOD/seedN")
    verify.set_defaults(run=_verify)

    query = commands.add_parser("query", help="ask an experiment's database, read-only")
    query.add_argument("experiment", help="name of the experiment")
    query.add_argument("sql", help='such as "SELECT * FROM table1"')
    query.set_defaults(run=_query)

    figure2 = commands.add_parser("figure2", help="draw runs' teachers at work, as the students' camera sees them")
    figure2.add_argument("--output", required=True, type=Path, help="the folder to write into")
    figure2.add_argument("runs", nargs="*", type=Path, metavar="RUN_DIR", help="folder of one run, METHOD/seedN")
    figure2.set_defaults(run=_figure2)

    videos = commands.add_parser("videos", help="film runs' students at work")
    videos.add_argument("--output", required=True, type=Path, help="the folder to write METHOD.gif into")
    videos.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR", help="folder of one run, METHOD/seedN")
    videos.set_defaults(run=_videos)

    kernels = commands.add_parser("kernels", help="compile the simulator's kernels, so that jobs side by side need not")
    kernels.add_argument("--experiment", required=True, help="a file in configs/experiment")
    kernels.set_defaults(run=_kernels)

    probe = commands.add_parser("probe", help="measure what only the real Isaac Sim can show; inside its container")
    probe.add_argument("--config", required=True, type=Path, help="what `sitt configure` wrote, with sim: isaacsim")
    probe.add_argument("--output", required=True, type=Path, help="the folder for findings.json, pictures and the log")
    probe.set_defaults(run=_probe)

    weights = commands.add_parser("weights", help="fetch, once, the checkpoints that runs' image encoders need")
    weights.add_argument("--experiment", required=True, help="a file in configs/experiment")
    weights.add_argument("--method", nargs="+", help="files in configs/method; all of the experiment's by default")
    weights.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="change a key, such as encoder=dinov2")
    weights.set_defaults(run=_weights)

    doctor = commands.add_parser("doctor", help="say what this machine can run, and why not")
    doctor.set_defaults(run=_doctor)
    return parser


def _configure(options: argparse.Namespace) -> None:
    from sitt.config.compose import compose, dump

    dump(compose(options.experiment, options.method, options.seed, options.overrides), options.output)


def _train(options: argparse.Namespace) -> None:
    from sitt.config.compose import load
    from sitt.methods import train

    train(load(options.config), options.output, options.teacher, options.record, options.opening)


def _evaluate(options: argparse.Namespace) -> None:
    from sitt.config.compose import load
    from sitt.evaluation import evaluate_run
    from sitt.threads import use_threads

    config = load(options.config)
    use_threads(config)
    evaluate_run(config, options.policy, options.output)


def _store(options: argparse.Namespace) -> None:
    from sitt.config.compose import experiment_config
    from sitt.store import store

    store(experiment_config(options.experiment), options.runs, options.output, allow_missing=options.allow_missing)


def _report(options: argparse.Namespace) -> None:
    module = importlib.import_module(f"sitt.report.{options.artefact}")
    getattr(module, f"write_{options.artefact}")(options.database, options.output)


def _verify(options: argparse.Namespace) -> int:
    from sitt.verify import verify

    failed = 0
    for run_dir in options.runs:
        same, sentence = verify(run_dir)
        print(sentence, flush=True)
        failed += not same
    return EXIT_ERROR if failed else 0


def _query(options: argparse.Namespace) -> None:
    from sitt.query import query
    from sitt.runs.paths import database

    print(query(database(options.experiment), options.sql))


def _figure2(options: argparse.Namespace) -> None:
    from sitt.report.figure2 import write_figure2

    write_figure2(options.runs, options.output)


def _videos(options: argparse.Namespace) -> None:
    from sitt.report.videos import write_videos

    write_videos(options.runs, options.output)


def _kernels(options: argparse.Namespace) -> None:
    from sitt.config.compose import compose, method_names
    from sitt.config.sim import in_mujoco
    from sitt.config.task import DrawerConfig

    config = compose(options.experiment, method_names()[0], 0)  # the same scene for every method and seed
    if config.sim.name not in ("mujoco", "mujoco_warp"):  # the others have none
        return
    from sitt.device import beside
    from sitt.sim import compile_kernels

    assert isinstance(config.task, DrawerConfig)
    with beside(config.sim):
        compile_kernels(config.task, config.sim)
    if config.sim.name != "mujoco":  # the films are made there
        compile_kernels(config.task, in_mujoco(config.sim))


def _probe(options: argparse.Namespace) -> None:
    from sitt.sim.isaacsim.probe.watch import probe

    if not probe(options.config, options.output):
        raise UserError("no training can run in this Isaac Sim yet; mend the lines marked ✗ above")


def _weights(options: argparse.Namespace) -> None:
    from sitt.config.compose import compose
    from sitt.config.encoder import DinoConfig
    from sitt.fetch import fetch
    from sitt.runs.plan import make_plan

    methods = options.method or make_plan({"experiment": options.experiment}).methods
    encoders = {compose(options.experiment, method, 0, options.overrides).encoder for method in methods}
    checkpoints = [encoder for encoder in encoders if isinstance(encoder, DinoConfig)]
    for encoder in checkpoints:
        print(f"{fetch(encoder)} holds {encoder.pretrained}, SHA-256 {encoder.checksum}")
    if not checkpoints:
        print(f"the runs of {options.experiment} need no checkpoint")


def _doctor(options: argparse.Namespace) -> None:
    from sitt.doctor import examine

    if not examine():
        raise UserError("this machine cannot run the default experiment yet; mend the lines marked ✗ above")


def _stop_with_workflow() -> None:
    """End this job when the workflow that started it was killed: its successor goes on with it."""
    host, _, process = os.environ.get("SITT_WORKFLOW", "").partition(" ")
    if host != socket.gethostname():  # no workflow, or one on another machine or outside this container
        return

    def watch() -> None:
        while _alive(int(process)):
            time.sleep(WATCH_INTERVAL_S)
        os.kill(os.getpid(), signal.SIGTERM)  # a training writes a checkpoint first
        time.sleep(GRACE_S)
        os._exit(EXIT_ERROR)

    threading.Thread(target=watch, daemon=True).start()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


if __name__ == "__main__":
    sys.exit(main())
