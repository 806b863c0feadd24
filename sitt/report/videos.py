"""Short videos of runs' students at work: what they are shown, and the scene from outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from sitt.config.compose import load
from sitt.config.schema import RunConfig
from sitt.errors import UserError
from sitt.evaluation import student_actor
from sitt.files import atomic_path
from sitt.report import SMOKE_LABEL
from sitt.report.film import Camera, caption, drawer, film, to_image
from sitt.runs.paths import CONFIG, POLICY

STARTS = 3
"""Start states shown: the first of the evaluation."""
SIZE = 192
"""Pixels of each of the two pictures."""
STRIDE = 6
"""Control steps from frame to frame: ten frames a second, in real time."""
STILL_S = 1.0
"""How long an episode's last frame stays."""
COLOURS = 64
"""In the whole video; fewer make a smaller file."""
LINE, GAP = 18, 4
"""Height of a line of text and distance of the two pictures, pixels."""


def write_videos(run_dirs: list[Path], folder: Path) -> None:
    """Write a video of each run into a folder, METHOD.gif.

    Args:
        run_dirs: folders of finished runs of different methods, .../<method>/seed<seed>.
        folder: where to write.

    Raises:
        UserError: two runs are of one method, a run's files are missing or damaged, or a video cannot be written.
    """
    configs = {run_dir: load(run_dir / CONFIG) for run_dir in run_dirs}
    filmed: dict[str, Path] = {}
    for run_dir, config in configs.items():
        other = filmed.setdefault(config.method.name, run_dir)
        if other != run_dir:
            name = f"{config.method.name}.gif"
            raise UserError(f"{other} and {run_dir} would both be written to {name}; leave one of them out")
    for run_dir, config in configs.items():
        write_video(config, run_dir / POLICY, folder / f"{config.method.name}.gif")


def write_video(config: RunConfig, policy: Path, output: Path) -> None:
    """Write the first evaluation episodes of a run's student as a GIF, one after the other.

    Args:
        config: the run's resolved configuration.
        policy: the run's policy.pt.
        output: the .gif to write.

    Raises:
        UserError: policy.pt is damaged, or the video cannot be written.
    """
    task = drawer(config)
    camera = Camera(task, "overview", SIZE)
    title = f"{config.method.label}, seed {config.seed}: what the student is shown, and the scene"
    if config.experiment.smoke_test:
        title = SMOKE_LABEL
    frames, durations_ms = [], []
    episodes, eyes = film(config, policy, student_actor, STARTS)
    for number, episode in enumerate(episodes, 1):
        for moment in [*episode[:-1:STRIDE], episode[-1]]:
            text = f"start {number} of {len(episodes)}: {', '.join(caption(moment, eyes.visible(moment)))}"
            frames.append(_frame(eyes.shown(moment), camera.picture(moment), title, text))
            durations_ms.append(round(1000 * STRIDE * task.control_dt))
        durations_ms[-1] = round(1000 * STILL_S)
    palette = _palette(frames)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    with atomic_path(output) as temporary:
        first.save(temporary, save_all=True, append_images=others, duration=durations_ms, loop=0)


def _frame(shown: Tensor, scene: Image.Image, title: str, text: str) -> Image.Image:
    """Put what the student is shown beside the scene, between two lines of text."""
    frame = Image.new("RGB", (2 * SIZE + GAP, SIZE + 2 * LINE), "white")
    large = to_image(shown).resize((SIZE, SIZE), Image.Resampling.NEAREST)
    for column, picture in enumerate((large, scene)):
        frame.paste(picture, (column * (SIZE + GAP), LINE))
    draw, font = ImageDraw.Draw(frame), ImageFont.truetype(findfont("DejaVu Sans"), 11)
    for line, top in ((title, 0), (text, LINE + SIZE)):
        draw.text((3, top + LINE // 2), line, "black", font, anchor="lm")
    return frame


def _palette(frames: list[Image.Image]) -> Image.Image:
    """Return an image with the colours that suit all frames: one palette for all makes a small file, and no flicker."""
    some = frames[:: max(1, len(frames) // 8)]
    together = np.concatenate([np.asarray(frame) for frame in some])
    return Image.fromarray(together).quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
