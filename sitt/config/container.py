"""How jobs that need a GPU or Isaac Sim are run: a matter of the machine, so no part of a run's configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Mapping, Optional, Tuple

import yaml
from pydantic import Field, StringConstraints, ValidationError

from sitt.config import compose
from sitt.config.explain import one_sentence, worst_error
from sitt.config.fields import Count, Strict
from sitt.errors import UserError

Place = Annotated[str, StringConstraints(pattern=r"^[~/][^\x00-\x1f\"'`$\\:,;]*$", max_length=1000)]
"""An absolute path, or one that begins with ~; free of what separates or quotes in commands and lists of mounts."""
Program = Annotated[str, StringConstraints(pattern=r"^[~/][\w./~+-]*$", max_length=1000)]
"""The same, also free of spaces: python.sh splits its path at them."""
Image = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./:@-]*$", max_length=300)]


class ContainerConfig(Strict):
    """The keys of configs/container.yaml; ~/.config/sitt/container.yaml and `--config container={…}` change them."""

    runtime: Literal["none", "apptainer", "docker", "podman"]
    """What runs the container; 'none': the job runs on this machine, by `python`."""
    image: Optional[Image]
    """A .sif file (apptainer), or the name of an image; null: what containers/ builds, see `DEFAULT_IMAGES`."""
    python: Program
    """Isaac Sim's own Python: in the container, or on this machine if there is none."""
    accept_eula: bool
    """You accept NVIDIA's licence for Isaac Sim; without that nothing is started in a container."""
    privacy_consent: bool
    """You let Isaac Sim send NVIDIA usage data."""
    cache: Place
    """Folder for what Isaac Sim keeps from one start to the next: compiled shaders, logs, and the leases of GPUs."""
    assets: Optional[Place]
    """Folder with Isaac Sim's 4.0 assets, the one that holds Isaac/; null: from NVIDIA's server, at every start."""
    gpu_share: Annotated[Count, Field(le=64)]
    """Jobs that may use one GPU at the same time."""
    gpu_memory_gib: Annotated[Count, Field(le=1024)]
    """GPU memory that one job needs; a GPU that has less for each of `gpu_share` jobs is refused."""

    @property
    def cache_folder(self) -> Path:
        """`cache`, absolute."""
        return Path(self.cache).expanduser()

    @property
    def assets_folder(self) -> Optional[Path]:
        """`assets`, absolute."""
        return None if self.assets is None else Path(self.assets).expanduser()

    @property
    def chosen_image(self) -> Optional[str]:
        """`image`, or the runtime's own; None without a container."""
        return self.image or DEFAULT_IMAGES.get(self.runtime)


DEFAULT_IMAGES = {
    "apptainer": "containers/isaacsim.sif",
    "docker": "sitt-isaacsim:4.0.0",
    "podman": "localhost/sitt-isaacsim:4.0.0",
}
"""What docs/isaac-sim.md builds, by runtime."""


def user_file() -> Path:
    """Return the user's own file: this machine's settings and consents, outside the repository."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "sitt" / "container.yaml"


def container_config(changes: Mapping[str, Any] = {}) -> ContainerConfig:
    """Return configs/container.yaml, changed by the user's file, and that by `changes`.

    Args:
        changes: keys of `--config container={…}`; YAML text where Snakemake hands over strings.

    Raises:
        UserError: a file cannot be read, or a key or value is refused.
    """
    layers: List[Tuple[str, Dict[str, Any]]] = [("configs/container.yaml", _read(compose.CONFIGS / "container.yaml"))]
    if user_file().is_file():
        layers.append((str(user_file()), _read(user_file())))
    layers.append(("--config container", {key: _value(key, value) for key, value in changes.items()}))
    merged: Dict[str, Any] = {}
    for _, layer in layers:
        merged.update(layer)
    try:
        return ContainerConfig.model_validate_json(json.dumps(merged, default=str))  # YAML knows dates
    except ValidationError as error:
        path, complaint = worst_error(error, {"container": merged}, ("container",))
        where = next((name for name, layer in reversed(layers) if path[-1] in layer), layers[0][0])
        raise UserError(one_sentence(f"{where}: {complaint}")) from None


def _value(key: str, value: Any) -> Any:
    try:
        return yaml.safe_load(value) if isinstance(value, str) else value
    except yaml.YAMLError:
        raise UserError(one_sentence(f"--config container: {key} = {value!r} is no YAML; put it in quotes")) from None


def _read(path: Path) -> Dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise UserError(one_sentence(f"{path}: cannot be read ({error}); mend its YAML")) from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no mapping of keys; write such as accept_eula: true")
    return content
