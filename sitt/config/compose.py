"""From the names of an experiment and a method to one validated `RunConfig`.

Hydra composes the groups under configs/, pydantic validates the result, and whatever goes wrong
on the way becomes one `UserError`: a sentence that names the file, the key, the value and the mend.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import yaml
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from sitt.config.explain import SENTENCE_LIMIT, did_you_mean, one_sentence, worst_error
from sitt.config.schema import ExperimentConfig, RunConfig
from sitt.errors import UserError
from sitt.files import atomic_path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
METHOD_RULES = ROOT / "workflow" / "rules" / "methods"

COSMETIC = (
    ("experiment", "title"),
    ("experiment", "methods"),
    ("experiment", "seeds"),
    ("method", "label"),
    ("training", "checkpoint_interval_s"),
    ("encoder", "cache_mebibytes"),
)
"""Keys that shape no result: changing them makes no run stale."""


def experiment_names() -> List[str]:
    """Names of the experiments: the files in configs/experiment."""
    return sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def method_names() -> List[str]:
    """Names of the methods: the rule files in workflow/rules/methods and its subfolders.

    Raises:
        UserError: a rule file has no configuration of its own.
    """
    names = sorted(path.stem for path in METHOD_RULES.rglob("*.smk"))
    for name in names:
        if not (CONFIGS / "method" / f"{name}.yaml").is_file():
            raise UserError(f"workflow/rules/methods/{name}.smk has no configuration; add configs/method/{name}.yaml")
    return names


def benchmark_methods() -> List[str]:
    """Names of the methods that are compared: the rule files in workflow/rules/methods itself.

    Those in its subfolders are for the experiments that name them.
    """
    return sorted(path.stem for path in METHOD_RULES.glob("*.smk"))


def compose(experiment: str, method: str, seed: int, overrides: Sequence[str] = ()) -> RunConfig:
    """Return the configuration of one run.

    Args:
        experiment: name of a file in configs/experiment.
        method: name of a file in configs/method.
        seed: the run's seed.
        overrides: Hydra overrides of single keys, such as "training.num_envs=64".

    Raises:
        UserError: anything is unknown, mistyped or out of range.
    """
    if seed < 0:
        raise UserError(f"seed = {seed} is negative; use 0 or more")
    container, files = _composed(experiment, method, tuple(overrides))
    return _validated({**container, "seed": seed}, files)


def experiment_config(name: str) -> ExperimentConfig:
    """Return the `experiment` section of an experiment: its title, methods and seeds."""
    container, files = _composed(name, None, ())
    section = container.get("experiment", {})
    try:
        return ExperimentConfig.model_validate_json(json.dumps(section))
    except ValidationError as error:
        raise _explained(error, {"experiment": section}, files, ("experiment",)) from None


def load(path: Path) -> RunConfig:
    """Read a resolved configuration that `dump` wrote.

    Raises:
        UserError: the file is missing, is not YAML, or is not a valid configuration.
    """
    path = Path(path)
    try:
        # Nothing is left to resolve: a ${…} of a stranger's would read this machine's environment.
        container: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; write it with `sitt configure --output {path}`") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, OmegaConfBaseException, RecursionError) as error:
        raise UserError(
            one_sentence(
                f"{path}: cannot be read ({_yaml_message(error)}); delete it, and the workflow writes it again"
            )
        ) from None
    if not isinstance(container, dict):
        raise UserError(f"{path}: holds no mapping of keys; delete it, and the workflow writes it again")
    return _validated(container, [(str(path), container)])


def dump(config: RunConfig, path: Path) -> None:
    """Write a resolved configuration as YAML, atomically."""
    with atomic_path(Path(path)) as temporary:
        temporary.write_text(to_yaml(config), encoding="utf-8")


def to_yaml(config: RunConfig) -> str:
    """Return the YAML text of a resolved configuration; equal configurations give equal text."""
    return yaml.safe_dump(
        config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120
    )


def shaping(config: RunConfig) -> Dict[str, Any]:
    """Return the keys of a configuration that shape the run's result, as plain nested values.

    A key at its default is left out: it says what held before there was such a key.
    """
    container = config.model_dump(mode="json", exclude_defaults=True)
    for section, key in COSMETIC:
        container[section].pop(key, None)
    return container


def config_hash(config: RunConfig) -> str:
    """Return 16 hexadecimal digits that change when, and only when, a key that shapes the run's result changes."""
    text = json.dumps(shaping(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# A file's name as the user knows it, and the part of the configuration it sets, most decisive file first.
Files = List[Tuple[str, Dict[str, Any]]]


@functools.cache
def _composed_once(experiment: str, method: Optional[str], overrides: Tuple[str, ...]) -> Tuple[Dict[str, Any], Files]:
    # Hydra takes a third of a second to import, and a resolved configuration is read without it.
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException

    named = {"experiment": experiment} if method is None else {"experiment": experiment, "method": method}
    for group, name in named.items():
        _known(group, name)
    choices = [f"{group}={name}" for group, name in named.items()]
    try:
        with initialize_config_dir(config_dir=str(CONFIGS), version_base="1.3"):
            # A group chosen on the command line brings keys of its own, such as sim=isaacsim its cameras.
            chosen = [override for override in overrides if _chooses(override)]
            composed = hydra_compose("config", overrides=[*choices, *chosen], return_hydra_config=True)
            files = _files(dict(composed.hydra.runtime.choices))
            with open_dict(composed):
                del composed["hydra"]
            if overrides:
                known = _flat_keys(OmegaConf.to_container(composed, resolve=False))
                for override in overrides:
                    _check_override(override, known)
                composed = hydra_compose("config", overrides=[*choices, *overrides])
            container: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, RecursionError) as error:
        raise UserError(one_sentence(_hydra_message(error))) from None
    return container, [("the command line", _as_tree(overrides)), *files] if overrides else files


def _composed(experiment: str, method: Optional[str], overrides: Tuple[str, ...]) -> Tuple[Dict[str, Any], Files]:
    container, files = _composed_once(experiment, method, overrides)
    for group, name in (("experiment", experiment), ("method", method)):
        if name is None:
            continue
        section = container.get(group)
        stated = section.get("name") if isinstance(section, dict) else None
        if stated != name:
            raise UserError(
                one_sentence(f"configs/{group}/{name}.yaml: {group}.name = {stated!r} must be {name}, like the file")
            )
    return copy.deepcopy(container), files


def _validated(container: Dict[str, Any], files: Files) -> RunConfig:
    try:
        # Through JSON, so that strict validation takes YAML's lists for tuples.
        return RunConfig.model_validate_json(json.dumps(container))
    except ValidationError as error:
        raise _explained(error, container, files) from None
    except UserError as error:  # an unknown algorithm, which only the method's file can name
        raise UserError(one_sentence(f"{_deciding_file(('method', 'algorithm'), files)}: {error}")) from None
    except TypeError as error:
        raise UserError(one_sentence(f"{files[0][0]}: {error}; write plain numbers, strings and lists")) from None


def _explained(
    error: ValidationError, container: Dict[str, Any], files: Files, prefix: Tuple[str, ...] = ()
) -> UserError:
    """Translate pydantic's list of complaints into one sentence about the most telling one."""
    path, complaint = worst_error(error, container, prefix)
    return UserError(one_sentence(f"{_deciding_file(path, files)}: {complaint}"))


def _deciding_file(path: Tuple[Any, ...], files: Files) -> str:
    """Return the name of the file that sets the key at `path`, or the section around it."""

    def depth(section: Any) -> int:
        count = 0
        for key in path:
            if not isinstance(section, dict) or key not in section:
                break
            section, count = section[key], count + 1
        return count

    return max(files, key=lambda file: depth(file[1]))[0]


def _known(group: str, name: str) -> None:
    names = sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))
    if name not in names:
        raise UserError(
            one_sentence(
                f"{group} = {name!r} is unknown: there is no configs/{group}/{name}.yaml; {did_you_mean(name, names)}"
            )
        )
    if not re.fullmatch("[a-z][a-z0-9_-]*", name):  # before Hydra reads it as one of its expressions
        raise UserError(
            one_sentence(
                f"{group} = {name!r} is no name: rename configs/{group}/{name}.yaml to lower-case letters, digits and "
                "underscores, a letter first"
            )
        )


def _files(choices: Dict[str, Any]) -> Files:
    """Return the files of this composition, each with what it sets; the experiment decides, so it comes first."""
    order = sorted((group for group in choices if "/" not in group), key=lambda group: group != "experiment")
    files: Files = []
    for group in order:
        path = CONFIGS / group / f"{choices[group]}.yaml"
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) or {}
        files.append((str(path.relative_to(ROOT)), content if "@package _global_" in text else {group: content}))
    files.append(("configs/config.yaml", yaml.safe_load((CONFIGS / "config.yaml").read_text(encoding="utf-8"))))
    return files


def _chooses(override: str) -> bool:
    """Return whether an override chooses a file of a group; an unknown one is refused."""
    group, separator, name = override.partition("=")
    if not separator or not re.fullmatch("[a-z_]+", group) or not (CONFIGS / group).is_dir():
        return False
    _known(group, name)
    return True


def _check_override(override: str, known: List[str]) -> None:
    key, separator, _ = override.partition("=")
    if not separator:
        raise UserError(one_sentence(f"the command line: {override!r} is no KEY=VALUE; write it such as seed=1"))
    if key not in known:
        raise UserError(one_sentence(f"the command line: unknown key {key}; {did_you_mean(key, known)}"))


def _flat_keys(container: Any, prefix: str = "") -> List[str]:
    if not isinstance(container, dict):
        return []
    keys = []
    for key, value in container.items():
        keys += [f"{prefix}{key}", *_flat_keys(value, f"{prefix}{key}.")]
    return keys


def _as_tree(overrides: Sequence[str]) -> Dict[str, Any]:
    tree: Dict[str, Any] = {}
    for override in overrides:
        section = tree
        for key in override.partition("=")[0].split("."):
            section = section.setdefault(key, {})
    return tree


def _hydra_message(error: Exception) -> str:
    if isinstance(error, yaml.YAMLError):
        return f"{_yaml_message(error)}; mend the file's YAML"
    cause = error.__cause__
    lines = [line.strip() for line in f"{error}\n{cause or ''}".splitlines() if line.strip()]
    return f"configs cannot be composed: {' '.join(lines)}"[:SENTENCE_LIMIT]


def _yaml_message(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    name = Path(mark.name)
    where = name.relative_to(ROOT) if name.is_relative_to(ROOT) else name
    return f"{where}: line {mark.line + 1}: {getattr(error, 'problem', None) or 'not YAML'}"
