"""Strict fakes of the names of `omni`, `carb` and `pxr.PhysxSchema` that the path to Isaac Sim touches.

Modules hold these names and no others, so that a misspelt one fails. USD is the real one (usd-core). Physics and
pictures are MuJoCo's, with PhysX's habits where the adapter depends on them: link poses and pictures are those of the
last physics step, positions set the targets too, a camera that was paused shows the present with its second frame,
environments stand on a grid, and Kit reads sys.argv and takes SIGINT.

Sources of the names and habits: OIGE f8f91bc, and the Python extensions that Isaac Sim 4.1.0 comes with.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Iterator

import gymnasium
import numpy as np
import torch
from isaac import quaternions
from isaac.app import BaseTask, RLTaskInterface, SimulationApp, VecEnvBase, World
from isaac.assets import add_reference_to_stage
from isaac.kit import Kit, current, install
from isaac.physx_schema import PHYSX_SCHEMA, physx_api
from isaac.prims import Cloner, DynamicCuboid, GridCloner, Robot
from isaac.replicator import RenderProduct, get_annotator
from isaac.views import ArticulationView, RigidPrimView

from sitt.config.task import DrawerConfig

STANDIN = Path(__file__).parent / "standin"
"""What stands in for OIGE where there is no checkout of it."""


def modules() -> dict[str, dict[str, object]]:
    """All that there is, by module."""
    kit = current()
    settings = SimpleNamespace(
        set=kit.settings.__setitem__, set_bool=kit.settings.__setitem__, set_string=kit.settings.__setitem__
    )
    context = SimpleNamespace(get_stage=lambda: kit.stage)
    viewport = SimpleNamespace(set_active_camera=lambda path: None)
    camera_state = SimpleNamespace(
        set_position_world=lambda position, rotate: None, set_target_world=lambda target, rotate: None
    )
    window = SimpleNamespace(get_window=lambda name: None)
    maths = {"tensor_clamp": quaternions.tensor_clamp}
    rotations = {name: getattr(quaternions, name) for name in ("quat_mul", "quat_conjugate", "quat_apply")}
    transformations = {name: getattr(quaternions, name) for name in ("tf_inverse", "tf_combine", "tf_vector")}
    return {
        "gym": {"spaces": gymnasium.spaces, "Env": gymnasium.Env},
        "carb": {},
        "carb.settings": {"get_settings": lambda: settings},
        "omni": {},
        "omni.usd": {"get_context": lambda: context},
        "omni.ui": {"Workspace": window, "DockPosition": SimpleNamespace(BOTTOM=0)},
        "omni.kit": {},
        "omni.kit.viewport": {},
        "omni.kit.viewport.utility": {"get_viewport_from_window_name": lambda name: viewport},
        "omni.kit.viewport.utility.camera_state": {"ViewportCameraState": lambda path, api: camera_state},
        "omni.isaac": {},
        "omni.isaac.kit": {"SimulationApp": SimulationApp},
        "omni.isaac.nucleus": {"get_assets_root_path": lambda: "http://assets/Isaac/4.0"},
        "omni.isaac.cloner": {"Cloner": Cloner, "GridCloner": GridCloner},
        "omni.isaac.gym": {},
        "omni.isaac.gym.vec_env": {"VecEnvBase": VecEnvBase},
        "omni.isaac.gym.tasks": {},
        "omni.isaac.gym.tasks.rl_task": {"RLTaskInterface": RLTaskInterface},
        "omni.isaac.core": {},
        "omni.isaac.core.world": {"World": World},
        "omni.isaac.core.tasks": {"BaseTask": BaseTask},
        "omni.isaac.core.objects": {"DynamicCuboid": DynamicCuboid},
        "omni.isaac.core.prims": {"RigidPrim": type("RigidPrim", (), {}), "RigidPrimView": RigidPrimView},
        "omni.isaac.core.articulations": {"ArticulationView": ArticulationView},
        "omni.isaac.core.robots": {},
        "omni.isaac.core.robots.robot": {"Robot": Robot},
        "omni.isaac.core.utils": {},
        "omni.isaac.core.utils.extensions": {"enable_extension": kit.extensions.append},
        "omni.isaac.core.utils.prims": {
            "get_prim_at_path": lambda path: kit.stage.GetPrimAtPath(path),
            "define_prim": lambda path, kind: kit.stage.DefinePrim(path, kind),
        },
        "omni.isaac.core.utils.stage": {
            "get_current_stage": lambda: kit.stage,
            "add_reference_to_stage": add_reference_to_stage,
        },
        "omni.isaac.core.utils.types": {"ArticulationAction": type("ArticulationAction", (), {})},
        "omni.isaac.core.utils.torch": {},
        "omni.isaac.core.utils.torch.maths": maths,
        "omni.isaac.core.utils.torch.rotations": {**maths, **rotations},
        "omni.isaac.core.utils.torch.transformations": transformations,
        "omni.isaac.core.utils.warp": {},
        "omni.isaac.core.utils.warp.tensor": {},
        "omni.replicator": {},
        "omni.replicator.core": {
            "create": SimpleNamespace(render_product=RenderProduct),
            "AnnotatorRegistry": SimpleNamespace(get_annotator=get_annotator),
        },
        "omni.replicator.isaac": {},
        "omni.replicator.isaac.scripts": {},
        "omni.replicator.isaac.scripts.writers": {},
        "omni.replicator.isaac.scripts.writers.pytorch_writer": {"PytorchWriter": type("PytorchWriter", (), {})},
        "omni.replicator.isaac.scripts.writers.pytorch_listener": {"PytorchListener": type("PytorchListener", (), {})},
        "pxr.PhysxSchema": {name: physx_api(name, attributes) for name, attributes in PHYSX_SCHEMA.items()},
    }


@contextmanager
def installed(task: DrawerConfig, oige: Path = STANDIN) -> Iterator[Kit]:
    """Let `import omni`, `import carb` and `import omniisaacgymenvs` find the fakes and OIGE in a folder."""
    kit = Kit(task)
    install(kit)
    here = ("omni", "carb", "gym", "omniisaacgymenvs", "sitt.sim.isaacsim", "pxr.PhysxSchema")

    def forget() -> None:
        for name in [name for name in sys.modules if any(name == top or name.startswith(f"{top}.") for top in here)]:
            module = sys.modules.pop(name)
            parent, _, child = name.rpartition(".")
            if parent in sys.modules and getattr(sys.modules[parent], child, None) is module:
                delattr(sys.modules[parent], child)

    forget()
    handler = signal.getsignal(signal.SIGINT)
    shims = [(np, "Inf", np.inf), (torch._C, "_jit_set_nvfuser_enabled", lambda on: None)]
    shims = [(owner, name, value) for owner, name, value in shims if not hasattr(owner, name)]
    for owner, name, value in shims:  # gone since the versions inside Isaac Sim
        setattr(owner, name, value)
    for name, members in modules().items():
        module = ModuleType(name)
        module.__path__ = []  # a package, so that submodules are looked for, and not found
        vars(module).update(members)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    sys.path.insert(0, str(oige))
    try:
        yield kit
    finally:
        sys.path.remove(str(oige))
        for owner, name, _ in shims:
            delattr(owner, name)
        signal.signal(signal.SIGINT, handler)
        forget()
        install(None)
