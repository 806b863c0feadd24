"""`sitt probe` under the fakes: every point is measured, the right one fails, and a process that dies is survived."""

from __future__ import annotations

import json
import sys

import pytest
from isaac.setup import ABOVE, drawer, isaac, isaac_sim
from PIL import Image

from sitt.config.compose import compose, dump
from sitt.errors import UserError
from sitt.findings import Finding, attempt
from tests.conftest import sentence

TASK = drawer({"camera": ABOVE})
SMOKE = compose("paper-smoke", "joint", 0)
CONFIG = SMOKE.model_copy(
    update={
        "task": TASK,
        "sim": isaac_sim(cameras=4, render_batch=4),
        "training": SMOKE.training.model_copy(update={"num_envs": 4}),
    }
)
FOLLOWING_THE_CABINET = {"cabinet", "drawer", "picture"}
PICTURES = {"images", "saved", "picture", "frames", "order", "light", "paint"}


def measured(folder, monkeypatch, **switches):
    """Return the findings by point, of an Isaac Sim with some switches on."""
    with isaac(TASK) as kit:
        from sitt.sim.isaacsim.probe import points, sight, speed

        free = iter([10 * 2**30, 6 * 2**30])
        monkeypatch.setattr(sight, "free_memory", lambda: next(free))
        monkeypatch.setattr(speed, "LEAST_S", 0.0)
        for switch, value in switches.items():
            setattr(kit, switch, value)
        points.measure(CONFIG, folder)
        return points.Record(folder / points.FINDINGS).findings


def failed(findings):
    return {name for name, finding in findings.items() if not finding.ok}


def test_every_point_passes_and_is_measured(tmp_path, monkeypatch):
    findings = measured(tmp_path, monkeypatch)
    assert not failed(findings), findings
    assert next(iter(findings)) == "start" and len(findings) == 20
    assert findings["cabinet"].measured["off_mm"] < 1 and findings["drawer"].measured["off_mm"] < 1
    assert findings["frames"].measured["frames"] == 2, "the fakes' cameras show the present with their second frame"
    assert findings["gravity"].measured["off_rad"] < 0.001, "MuJoCo's arm has no gravity"
    memory = {"mib_per_camera": 1024.0, "free_mib": 6144.0, "room_for_more": 6}
    assert memory.items() <= findings["cameras"].measured.items()
    assert findings["paint"].measured["red_pixels"] > 0
    assert findings["steps"].measured["steps_per_s"] > 0 and findings["drawing"].measured["batch_ms"] > 0
    pictures = {path.name: Image.open(path).size for path in tmp_path.glob("*.png")}
    assert pictures == {
        "home.png": (32, 32),
        "displaced.png": (32, 32),
        "aside.png": (32, 32),
        "cameras.png": (4 * 32, 32),
    }


@pytest.mark.parametrize(
    ("switch", "points"),
    [
        ("rooted", FOLLOWING_THE_CABINET),
        ("blind", PICTURES | {"drawing"}),
        ("frozen", {"picture", "frames", "order"}),
    ],
)
def test_the_right_points_fail_and_the_others_are_still_measured(tmp_path, monkeypatch, switch, points):
    findings = measured(tmp_path, monkeypatch, **{switch: True})
    assert failed(findings) == points, findings
    assert len(findings) == 20 and all(findings[name].mend for name in points)


def test_a_number_that_is_none_is_null_in_the_record(tmp_path):
    from sitt.sim.isaacsim.probe.record import Record

    Record(tmp_path / "findings.json").add("hand", Finding(True, "lost", "", {"off_mm": float("nan"), "seen": 1}))
    text = (tmp_path / "findings.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["points"]["hand"]["measured"] == {"off_mm": None, "seen": 1}


def test_a_cabinet_with_other_joints_leaves_nothing_to_measure(tmp_path, monkeypatch):
    findings = measured(tmp_path, monkeypatch, cabinet_joints=["drawer_top_joint", "a", "b", "c"])
    assert "OIGE reads joint 3 of the cabinet" in findings["start"].text
    others = [finding for name, finding in findings.items() if name != "start"]
    assert {(finding.ok, finding.text) for finding in others} == {(None, "not tried, because start failed")}
    assert len(others) == 19 and others[0].lines("limits") == "– limits           not tried, because start failed"


def test_without_isaac_sim_a_sentence_says_what_is_needed(tmp_path):
    from sitt.sim.isaacsim.probe import points

    points.measure(CONFIG, tmp_path)
    findings = points.Record(tmp_path / points.FINDINGS).findings
    assert "sim.name = isaacsim needs Isaac Sim 4.0.0" in findings["start"].text and findings["start"].mend


PROCESS = """
import json, os, sys, time
from pathlib import Path
path, names = Path(sys.argv[1]), sys.argv[2:]
record = json.loads(path.read_text()) if path.exists() else {{"points": {{}}}}
def write(running):
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({{**record, "running": running}}))
    os.replace(temporary, path)
for name in names:
    if name in record["points"]:
        continue
    write(name)
    if name == {dies!r}:
        {act}
    record["points"][name] = dict(ok=True, text=f"measured by {{os.getpid()}}", mend="", measured={{}})
    write(None)
{end}
"""
"""A process that does as ours does, but measures nothing."""


def watched(folder, dies="", act="pass", end="pass", **limits):
    """Watch a process that measures nothing, and dies where it is told to; return whether trainings can run."""
    from sitt.sim.isaacsim.probe import watch

    dump(SMOKE, folder / "config.yaml")
    code = PROCESS.format(dies=dies, act=act, end=end)
    names = [point.name for point in watch.POINTS]
    command = (sys.executable, "-c", code, str(folder / watch.FINDINGS), *names)
    return watch.probe(folder / "config.yaml", folder, command, **limits)


def test_a_process_that_dies_at_a_point_is_a_finding_and_a_new_one_goes_on(tmp_path, capsys):
    assert watched(tmp_path, "frames", "os.kill(os.getpid(), 11)")
    lines = capsys.readouterr().out.splitlines()
    died = lines.index("✗ frames           the process was killed by SIGSEGV while this was measured")
    assert lines[died + 1].strip().startswith("→ see the end of")
    assert lines[-1].startswith("1 of 21 points failed, 0 were not tried")
    found = json.loads((tmp_path / "findings.json").read_text())
    pids = {name: point["text"] for name, point in found["points"].items() if point["text"].startswith("measured by")}
    assert len(pids) == 19 and len(set(pids.values())) == 2 and pids["start"] != pids["drawing"]
    assert found["points"]["end"]["ok"] and found["points"]["end"]["measured"]["status"] == 0


@pytest.mark.parametrize(
    ("dies", "act", "end", "point", "words"),
    [
        ("cabinet", "time.sleep(60)", "pass", "cabinet", "the process hung for"),
        ("", "pass", "sys.exit(3)", "end", "after the last point the process ended with status 3"),
        ("", "pass", "time.sleep(60)", "end", "after the last point the process hung for"),
    ],
)
def test_a_process_that_hangs_or_ends_badly_is_a_finding(tmp_path, capsys, dies, act, end, point, words):
    able = watched(tmp_path, dies, act, end, point_s=6.0 if dies else 60.0, end_s=2.0 if "sleep" in end else 60.0)
    assert able == (point != "cabinet"), "no training runs where cabinets stay where they are"
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    assert line.startswith(f"✗ {point} ") and words in line


def test_what_cannot_be_probed_is_refused(tmp_path):
    from sitt.sim.isaacsim.probe import watch

    dump(compose("smoke", "joint", 0), tmp_path / "config.yaml")
    assert "sim.name must be isaacsim to be probed" in sentence(watch.probe, tmp_path / "config.yaml", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    config = tmp_path / "config.yaml"
    dump(SMOKE, config)
    command = (sys.executable, "-c", "import no_such_module")
    assert "ended with status 1 outside of any point" in sentence(
        watch.probe, tmp_path / "config.yaml", tmp_path, command
    )


def test_no_bad_finding_is_without_a_mend():
    with pytest.raises(ValueError, match="says no mend"):
        Finding(False, "broken")

    def refused():
        raise UserError("a = 1 is refused; take 2")

    assert attempt(refused).lines("a") == "✗ a                a = 1 is refused\n                   → take 2"
    assert "ZeroDivisionError: division by zero" in attempt(lambda: 1 / 0).lines("b")
