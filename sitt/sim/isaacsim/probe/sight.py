"""Pictures: whether they come, what they show, and whose and of when they are."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from sitt.findings import Finding
from sitt.sim.isaacsim.checks import AWAY, HOME, default_joints, difference, displace, look, start
from sitt.sim.isaacsim.probe.subject import Subject
from sitt.sim.isaacsim.stage import Stage

PATIENCE = 12
"""Frames in which a picture must come to show the present."""
DARK, BRIGHT, FLAT = 20.0, 235.0, 8.0
"""Levels of 255: limits of a picture's mean, and least standard deviation."""
ASIDE = 1.2
"""rad; by how much the arm is turned about its base, so that the camera sees the handle."""
SHEET = 8
"""Pictures side by side in cameras.png."""


def cameras(subject: Subject) -> Finding:
    """Look through the cameras, and measure what they cost."""
    stage, began, before = subject.stage, time.monotonic(), free_memory()
    stage.add_cameras()
    seconds, count = time.monotonic() - began, stage.cameras.count
    size = stage.drawer.camera.image_size
    text = f"{count} cameras of {size}×{size} pixels in {seconds:.0f} s"
    measured = {"cameras": count, "seconds": seconds}
    after = free_memory()
    if before and after and before > after:
        each = (before - after) / count
        measured |= {"mib_per_camera": each / 2**20, "free_mib": after / 2**20, "room_for_more": int(after / each)}
        text += f", {each / 2**20:.1f} MiB of GPU memory each: {after / each:.0f} more fit into the rest"
    return Finding(True, text, "", measured)


def free_memory() -> int | None:
    """Return the GPU's free memory, bytes; None where torch sees none."""
    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else None


def images(stage: Stage) -> Finding:
    """Look once through every camera."""
    displace(stage, HOME)
    everyone = torch.arange(stage.cameras.count)
    pictures = torch.cat([stage.cameras.images(some) for some in everyone.split(stage.sim.render_batch)])
    flat = [env for env, picture in enumerate(pictures) if picture.max() == picture.min()]
    return Finding(
        not flat,
        f"{len(pictures) - len(flat)} of {len(pictures)} cameras give a picture",
        f"raise sim.warmup_frames and sim.frames_per_image: of one colour are the pictures of environments {flat[:8]}",
        {"pictures": len(pictures), "flat": len(flat)},
    )


def save(subject: Subject) -> Finding:
    """Save pictures for a person to look at."""
    from PIL import Image  # Isaac Sim's own, as all that is drawn here

    stage = subject.stage
    displace(stage, HOME)
    row = stage.cameras.images(torch.arange(min(SHEET, stage.cameras.count)))
    pictures = {"home": row[:1], "cameras": row}
    displace(stage, AWAY)
    pictures["displaced"] = look(stage)[None]
    _turn(stage, torch.arange(stage.num_envs))
    pictures["aside"] = look(stage)[None]
    for name, some in pictures.items():
        sheet = torch.cat(list(some.permute(0, 2, 3, 1)), 1)
        Image.fromarray(sheet.numpy()).save(subject.folder / f"{name}.png")
    return Finding(True, f"home, aside, displaced and cameras.png are in {subject.folder}")


def frames(stage: Stage) -> Finding:
    """Turn the arm, and count the frames after which a camera that was paused shows it there."""
    displace(stage, HOME)
    before = look(stage)
    _turn(stage, torch.arange(stage.num_envs))
    series = stage.cameras.series(0, PATIENCE)
    last = series[-1]
    configured = stage.sim.frames_per_image
    mend = f"raise sim.frames_per_image (now {configured}), and see docs/isaac-sim.md"
    if last is None:
        return Finding(False, f"no picture came within {PATIENCE} frames", mend)
    off = [np.inf if p is None else float(np.abs(p.astype(float) - last.astype(float)).mean()) for p in series]
    moved = float(np.abs(before.permute(1, 2, 0).numpy().astype(float) - last.astype(float)).mean())
    if moved < 1.0:
        return Finding(False, f"the picture shows the past still after {PATIENCE} frames", mend, {"change": moved})
    needed = 1 + max((i for i, value in enumerate(off) if value > moved / 10), default=-1) + 1
    return Finding(
        needed <= configured,
        f"a camera that was paused shows the present with frame {needed}; sim.frames_per_image is {configured}",
        mend,
        {"frames": needed, "change": moved},
    )


def order(stage: Stage) -> Finding:
    """Put every second arm elsewhere, and look whether each picture is of the environment it was asked of."""
    _turn(stage, torch.arange(1, stage.num_envs, 2))
    count = min(stage.cameras.count, stage.sim.render_batch, 8)
    forward = torch.arange(count)
    first, second = stage.cameras.images(forward), stage.cameras.images(forward.flip(0)).flip(0)
    wrong = [env for env in range(count) if _nearest(second[env], first) % 2 != env % 2]
    apart = difference(first[0], first[1]) if count > 1 else 0.0
    return Finding(
        not wrong and apart > 1.0,
        f"{count - len(wrong)} of {count} pictures are of their own environment (two differ by {apart:.1f} of 255)",
        "please report this, with the log: a student would be shown what others see",
        {"pictures": count, "wrong": len(wrong), "apart": apart},
    )


def light(stage: Stage) -> Finding:
    """Look whether the picture is neither dark nor glaring, and shows something."""
    displace(stage, HOME)
    picture = look(stage).float()
    mean, spread = float(picture.mean()), float(picture.std())
    return Finding(
        DARK <= mean <= BRIGHT and spread >= FLAT,
        f"the picture's brightness is {mean:.0f} of 255, its standard deviation {spread:.0f}",
        "look at home.png; OIGE's distant light is switched on by add_distant_light (sitt/sim/isaacsim/app.py)",
        {"mean": mean, "std": spread},
    )


def paint(stage: Stage) -> Finding:
    """Turn the arm out of the way, and look whether something is red, as the handle should be."""
    _turn(stage, torch.arange(stage.num_envs))
    red, green, blue = look(stage).int()
    count = int(((red > 2 * green + 40) & (red > 2 * blue + 40)).sum())
    return Finding(
        count > 0,
        f"{count} pixels are red, of {red.numel()}",
        "look at aside.png: the handle is hidden, or its paint looks otherwise (RED in sitt/sim/isaacsim/cameras.py)",
        {"red_pixels": count, "pixels": red.numel()},
    )


def _turn(stage: Stage, envs: Tensor) -> None:
    """Put every environment at its default, but the arms of some (K,) turned aside."""
    joints = default_joints(stage)
    joints[envs, 0] += ASIDE
    start(stage, joints, torch.zeros(stage.num_envs, 4))


def _nearest(picture: Tensor, others: Tensor) -> int:
    return min(range(len(others)), key=lambda i: difference(picture, others[i]))
