"""What running the lower rooms loads; import-linter reads the imports themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

TORCH = {"torch", "mmseg", "mmengine", "mmcv"}
WINDOW = {"qtpy", "PyQt6", "napari", "magicgui", "superqt"}
_IMPORT_ALL = """
import importlib, pkgutil, sys
room = importlib.import_module("napari_echo." + sys.argv[1])
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    if ".ml.configs" not in module.name:
        importlib.import_module(module.name)
print(*{name.partition(".")[0] for name in sys.modules})
"""


def _loaded_by(room: str) -> set[str]:
    command = [sys.executable, "-c", _IMPORT_ALL, room]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(result.stdout.split())


@pytest.mark.parametrize("room", ["core", "metrics", "io", "phantom", "workflow", "cli"])
def test_importing_a_room_loads_neither_torch_nor_the_window(room: str) -> None:
    assert _loaded_by(room) & (TORCH | WINDOW) == set()


def test_importing_the_models_room_loads_no_window() -> None:
    assert _loaded_by("ml") & WINDOW == set()
