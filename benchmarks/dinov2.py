"""How fast DINOv2's features are computed, and looked up, beside a plain loop over transformers' processor and model.

    python -m benchmarks.dinov2                     some minutes; wants both cores for itself
    python -m benchmarks.dinov2 --rounds 1 --images 8

The network has the size of facebook/dinov2-small and random weights, so nothing is fetched. All loops have the same
images, batch, dtype and threads, and take turns at being first; each ratio is the median over the rounds. Writes what
it measured as JSON. Exit status 1 if the encoder is slower than the plain loop, or less than 5 times as fast for
images seen before.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List

import torch
from torch import Tensor
from transformers import AutoImageProcessor, BitImageProcessor, Dinov2Config, Dinov2Model

from benchmarks.record import Figure, conclude, parser, positive, ratio, status_of
from sitt.config.encoder import DinoConfig
from sitt.nn.dinov2 import COMPUTE, DinoEncoder
from sitt.nn.pretrained import sha256

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

    def bare(pixels: Tensor) -> Tensor:
        return torch.cat([tokens(part) for part in pixels.split(BATCH)])

    speeds: Dict[str, List[float]] = {name: [] for name in (PLAIN, BARE, FIRST, SEEN)}
    for number in range(rounds + 1):
        images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
        pixels = processed(images)
        loops: Dict[str, Callable[[], Tensor]] = {
            PLAIN: partial(plain, images),
            BARE: partial(bare, pixels),
            FIRST: partial(encoder.embed, images),
            SEEN: partial(encoder.embed, images),
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
    """Measure and print a table per size."""
    arguments = parser(__doc__, "dinov2")
    arguments.add_argument("--threads", type=positive, default=2)
    arguments.add_argument("--images", type=positive, default=64, help="distinct images per round")
    arguments.add_argument("--rounds", type=positive, default=9)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    figures, measured = [], {}
    print(f"| pixels | loop | images/s | {FIRST}, ratio | {SEEN}, ratio |\n|--:|:--|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as place:
        section = save_checkpoint(Path(place))
        for size in SIZES:
            measured[f"{size} pixels"] = speeds = measure(Path(place), section, size, options.images, options.rounds)
            for name, values in speeds.items():
                compared = [f"{ratio(speeds, of, name):.2f}" if name in (PLAIN, BARE) else "" for of in (FIRST, SEEN)]
                print(f"| {size} | {name} | {statistics.median(values):.1f} | {' | '.join(compared)} |", flush=True)
            for of, goal in ((FIRST, FIRST_GOAL), (SEEN, SEEN_GOAL)):
                name = f"DINOv2, {size} pixels, {of}: beside {PLAIN}"
                figures.append(Figure(name, ratio(speeds, of, PLAIN), "×", goal))
    kept = {"images": options.images, "batch": BATCH, "threads": options.threads, "images per second": measured}
    return conclude(figures, kept, options.output)


if __name__ == "__main__":
    raise SystemExit(status_of(main))
