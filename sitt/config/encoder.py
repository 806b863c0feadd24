"""The sections of the encoders of what the student is shown.

Sources: [P] the paper, [ours] a choice of this benchmark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import StringConstraints, model_validator

from sitt.config.fields import Strict, Whole, Widths

if TYPE_CHECKING:
    from sitt.config.schema import RunConfig

PATCH = 14
"""Height and width of the patches of every DINOv2 checkpoint, pixels (its model card: ViT-S/14 to ViT-g/14)."""


class EncoderConfig(Strict):
    """The encoder of what the student is shown."""

    name: Literal["random", "cnn", "dinov2", "identity"]
    """'random': frozen seeded convolution; 'cnn': trained convolution; 'dinov2': frozen DINOv2 [P]; 'identity': none,
    for a task that shows a vector."""

    def check(self, run: RunConfig) -> None:
        """Compare the encoder's keys with the rest of the run; ValueError says what does not fit."""


class PlainEncoderConfig(EncoderConfig):
    """An encoder that reads no checkpoint."""

    channels: Widths
    """Output channels of each stride-2 convolution ('random' and 'cnn')."""

    def check(self, run: RunConfig) -> None:
        """The image must be as large as its halvings."""
        size, least = run.task.view[-1], 2 ** len(self.channels)
        if self.name != "identity" and size < least:
            raise ValueError(
                f"encoder.channels = {list(self.channels)} halve the image {len(self.channels)} times, so "
                f"task.camera.image_size = {size} must be at least {least}; raise it, or list fewer channels"
            )


class DinoConfig(EncoderConfig):
    """Frozen DINOv2 [P], its weights named by where they come from and by what they are."""

    name: Literal["dinov2"]
    pretrained: Annotated[str, StringConstraints(pattern=r"^([./].*|[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w.-]*)$")]
    """Model on Hugging Face's hub, OWNER/NAME, which `sitt weights` fetches; or a folder, which begins with / or a dot,
    that holds config.json, preprocessor_config.json and model.safetensors."""
    revision: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40})?$")]
    """Commit of the model on the hub; empty for a folder."""
    checksum: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of model.safetensors; any other file is refused."""
    class_token: bool
    """Put the class token's features before those of the patches."""
    device: Annotated[str, StringConstraints(pattern=r"^(cpu|cuda(:\d+)?)$")]
    """Where features are computed, as torch names it; batch size and dtype follow it (sitt/nn/dinov2.py)."""
    cache_mebibytes: Whole
    """Largest memory of the features kept of images seen before, MiB. Shapes no result."""

    @property
    def is_folder(self) -> bool:
        """Whether the weights lie in a folder of the user's, and not on the hub."""
        return self.pretrained[0] in "./"

    @model_validator(mode="after")
    def _a_model_has_a_revision(self) -> DinoConfig:
        if self.is_folder == bool(self.revision):
            mend = "empty for a folder" if self.is_folder else "the 40 digits of a commit of that model"
            raise ValueError(f"encoder.revision must be {mend}, as encoder.pretrained = {self.pretrained}")
        return self

    def check(self, run: RunConfig) -> None:
        """The image must be whole patches."""
        size = run.task.view[-1]
        if size % PATCH:
            below = size // PATCH * PATCH
            raise ValueError(
                f"task.camera.image_size = {size} must be a multiple of DINOv2's patch size {PATCH}; "
                f"choose {below} or {below + PATCH}"
            )
