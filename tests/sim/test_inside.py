"""What runs inside Isaac Sim's container keeps to Python 3.10 and to what is installed there."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENTRANCES = ("sitt.cli", "sitt.methods", "sitt.evaluation", "sitt.sim.isaacsim", "sitt.sim.isaacsim.probe.__main__")
"""Where `sitt train`, `sitt evaluate` and `sitt probe` go in."""
METHODS = sorted(path.stem for path in (ROOT / "sitt" / "methods").glob("*.py") if path.stem != "__init__")
OUTSIDE = (
    "sitt.sim.mujoco", "sitt.report", "sitt.store", "sitt.query", "sitt.verify", "sitt.doctor", "sitt.fetch",
)  # fmt: skip
"""Imported by what is not asked for inside: the embedded simulator and the commands before and after the runs."""
INSTALLED = {"torch", "numpy", "pydantic", "yaml", "omegaconf", "hydra", "transformers", "pyarrow", "PIL"}
ISAAC = {"carb", "omni", "pxr", "omniisaacgymenvs"}
"""Isaac Sim's and OIGE's own, imported by the adapter alone."""
LATER = {
    "tomllib", "StrEnum", "UTC", "Self", "Never", "LiteralString", "Required", "NotRequired", "Unpack", "TypeVarTuple",
    "assert_never", "assert_type", "reveal_type", "override", "ExceptionGroup", "BaseExceptionGroup", "TaskGroup",
    "file_digest", "batched", "add_note", "EXACTLY", "ReprEnum", "verify", "exc_info_context", "walk_up",
}  # fmt: skip
"""Names that the standard library has only since 3.11."""


def file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def imports(module: str) -> set[str]:
    """Return all that a file imports, at its head or in a function; not what is for type checkers only."""
    tree, names = ast.parse(file_of(module).read_text()), set()
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def inside() -> dict[str, set[str]]:
    """Follow the imports from the entrances; return what each module of ours imports."""
    found: dict[str, set[str]] = {}
    adapter = [f"sitt.sim.isaacsim.{path.stem}" for path in (ROOT / "sitt" / "sim" / "isaacsim").glob("[a-z]*.py")]
    waiting = [*ENTRANCES, *(f"sitt.methods.{name}" for name in METHODS), *adapter]
    while waiting:
        module = waiting.pop()
        if module in found or file_of(module) is None or module.startswith(OUTSIDE):
            continue
        found[module] = imports(module)
        waiting += [name for name in found[module] if name.startswith("sitt")] + [module.rpartition(".")[0] or module]
    return found


INSIDE = inside()


def test_the_parts_are_all_there():
    parts = {module.split(".")[1] for module in INSIDE if "." in module}
    assert parts >= {"config", "task", "sim", "nn", "rl", "methods", "runs", "evaluation", "env", "cli"}
    assert not parts & {"report", "store", "query", "doctor"}
    assert len([module for module in INSIDE if module.startswith("sitt.sim.isaacsim.")]) == 17


@pytest.mark.parametrize("module", sorted(INSIDE))
def test_it_keeps_to_python_3_10(module):
    tree = ast.parse(file_of(module).read_text(), feature_version=(3, 10))
    assert not any(isinstance(node, getattr(ast, "TryStar", ())) for node in ast.walk(tree))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {name.rpartition(".")[2] for name in INSIDE[module] if not name.startswith("sitt.")}
    assert not used & LATER


def test_it_imports_what_is_installed_there_and_nothing_else():
    for module, names in INSIDE.items():
        others = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"sitt"}
        allowed = INSTALLED | (ISAAC if module.startswith("sitt.sim.isaacsim") else set())
        assert others <= allowed, f"{module}: {others - allowed}"


def test_the_adapter_imports_isaac_sim_only_once_its_application_runs():
    """Nothing of `omni` or `pxr` may be imported before; so the simulator's own modules do not at their head."""
    before = {"sitt.sim", "sitt.sim.isaacsim"} | {
        f"sitt.sim.isaacsim.{name}" for name in ("simulator", "stage", "app", "checks", "kinematics", "cabinet")
    }
    for module in before:
        head = [
            node
            for node in ast.parse(file_of(module).read_text()).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        names = {alias.name for node in head if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in head if isinstance(node, ast.ImportFrom)}
        assert not {name.partition(".")[0] for name in names} & ISAAC, module
        assert not names & {"sitt.sim.isaacsim.task", "sitt.sim.isaacsim.cameras"}, module
