"""How fast DINOv2's features are computed, and looked up, beside a plain loop over transformers' processor and model.

    python benchmarks/dinov2.py                     some minutes; wants both cores for itself
    python benchmarks/dinov2.py --rounds 1 --images 8

The network has the size of facebook/dinov2-small and random weights, so nothing is fetched. All loops have the same
images, batch, dtype and threads, and take turns at being first; each ratio is the median over the rounds. Writes what
it measured as JSON. Exit status 1 if the encoder is slower than the plain loop, or less than 5 times as fast for
images seen before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

import torch
from torch import Tensor
from transformers import AutoImageProcessor, BitImageProcessor, Dinov2Config, Dinov2Model

from sitt.config.encoder import DinoConfig
from sitt.files import atomic_path
from sitt.nn.dinov2 import COMPUTE, DinoEncoder
from sitt.nn.pretrained import sha256
from sitt.runs.provenance import git_state, hardware, versions

SIZES = (112, 224)
FIRST_GOAL, SEEN_GOAL = 1.0, 5.0
BATCH = COMPUTE["cpu"].batch
PLAIN, BARE, FIRST, SEEN = "transformers, processor + model", "transformers, model alone", "seen first", "seen before"


def save_checkpoint(folder: Path) -> DinoConfig:
    """Write a checkpoint like facebook/dinov2-small but for the values of its weights; return its section."""
    torch.manual_seed(0)
    network = Dinov2Config(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14)
    Dinov2Model(network).save_pretrained(folder)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    BitImageProcessor(image_mean=mean, image_std=std, size={"shortest_edge": 256}).save_pretrained(folder)
    return DinoConfig(
        name="dinov2",
        pretrained=str(folder),
        revision="",
        checksum=sha256(folder / "model.safetensors"),
        class_token=False,
        device="cpu",
        cache_mebibytes=1024,
    )


def measure(folder: Path, section: DinoConfig, size: int, count: int, rounds: int) -> Dict[str, List[float]]:
    """Return the images per second of each loop in each round, and check that they agree."""
    model = Dinov2Model.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    encoder = DinoEncoder(section, size)

    def tokens(pixels: Tensor) -> Tensor:
        with torch.no_grad():
            return model(pixel_values=pixels).last_hidden_state[:, 1:].flatten(1)

    def processed(images: Tensor) -> Tensor:
        arrays = [image.permute(1, 2, 0).numpy() for image in images]
        return processor(arrays, do_resize=False, do_center_crop=False, return_tensors="pt")["pixel_values"]

    def plain(images: Tensor) -> Tensor:
        return torch.cat([tokens(processed(part)) for part in images.split(BATCH)])

    speeds: Dict[str, List[float]] = {name: [] for name in (PLAIN, BARE, FIRST, SEEN)}
    for number in range(rounds + 1):
        images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
        pixels = processed(images)
        loops: Dict[str, Callable[[], Tensor]] = {
            PLAIN: lambda images=images: plain(images),
            BARE: lambda pixels=pixels: torch.cat([tokens(part) for part in pixels.split(BATCH)]),
            FIRST: lambda images=images: encoder.embed(images),
            SEEN: lambda images=images: encoder.embed(images),
        }
        features, names = {}, list(loops)
        for name in names if number % 2 else names[2:] + names[:2]:
            started = time.perf_counter()
            features[name] = loops[name]()
            if number:  # the first round warms up
                speeds[name].append(count / (time.perf_counter() - started))
        torch.testing.assert_close(features[FIRST], features[PLAIN], rtol=0, atol=1e-4)
        assert torch.equal(features[SEEN], features[FIRST])
    return speeds


def main() -> int:
    """Measure, print a table, and keep the numbers; exit status 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--images", type=int, default=64, help="distinct images per round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path("reports/benchmarks/dinov2.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kept = {"rounds": options.rounds, "images": options.images, "batch": BATCH, "dtype": "float32", "sizes": {}}
    reached = True
    print(f"| pixels | loop | images/s | {FIRST}, ratio | {SEEN}, ratio |\n|--:|:--|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as place:
        section = save_checkpoint(Path(place))
        for size in SIZES:
            speeds = measure(Path(place), section, size, options.images, options.rounds)
            middle = {name: statistics.median(values) for name, values in speeds.items()}
            ratios = {
                of: {name: statistics.median(a / b for a, b in zip(speeds[of], speeds[name])) for name in (PLAIN, BARE)}
                for of in (FIRST, SEEN)
            }
            for name, speed in middle.items():
                compared = [f"{ratios[of][name]:.2f}" if name in ratios[of] else "" for of in (FIRST, SEEN)]
                print(f"| {size} | {name} | {speed:.1f} | {' | '.join(compared)} |", flush=True)
            kept["sizes"][size] = {"images_per_s": speeds, "median": middle, "ratios": ratios}
            reached &= ratios[FIRST][PLAIN] >= FIRST_GOAL and ratios[SEEN][PLAIN] >= SEEN_GOAL
    commit, dirty = git_state()
    kept.update(commit=commit, dirty=dirty, versions=versions(), hardware=hardware("none", options.threads))
    with atomic_path(options.output) as temporary:
        temporary.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    print(f"required: {FIRST_GOAL} and {SEEN_GOAL} against {PLAIN}; written to {options.output}")
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
