"""Texts on the canvas are drawn as vispy draws them, by a shader that is a tenth as long."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from vispy import scene
from vispy.visuals.text import text as vispy_text
from vispy.visuals.text.text import TextVisual

from napari_echo.gui.text_shader import lighten_texts, without_unused

SIZES = (9, 80)
"""Points: from 50 pixels on the text is drawn by one of the filters."""


@pytest.fixture
def original() -> dict[str, str]:
    """Vispy's own shaders, whatever was left out of them meanwhile."""
    spec = importlib.util.spec_from_file_location(
        "vispy.visuals.text.original", vispy_text.__file__
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.TextVisual._shaders)


def drawn(size: int) -> NDArray[np.uint8]:
    canvas = scene.SceneCanvas(size=(420, 160), app="pyqt6", show=False)
    scene.visuals.Text("EF 55%", pos=(200, 80), font_size=size, color="w", parent=canvas.scene)
    picture = canvas.render(alpha=False)
    canvas.close()
    return np.asarray(picture)


def test_the_picture_is_the_same(
    original: dict[str, str], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(TextVisual, "_shaders", original)
    before = [drawn(size) for size in SIZES]
    lighten_texts()
    assert len(TextVisual._shaders["fragment"]) < len(original["fragment"]) + 5000
    after = [drawn(size) for size in SIZES]
    for one, other in zip(before, after, strict=True):
        assert one.max() > 200
        assert np.array_equal(one, other)


def test_what_is_called_stays_with_all_that_it_calls(original: dict[str, str]) -> None:
    code = without_unused(original["fragment"])
    assert "#include" not in code
    for name in ("CatRom2D", "filter2D_radius2", "filter1D_radius2", "unpack_interpolate"):
        assert f"vec4 {name}(" in code or f"float {name}(" in code
    assert "Lanczos2D(" not in code
    assert "filter2D_radius4(" not in code
    # A shader that calls another filter has that one.
    assert "filter2D_radius4(" in without_unused(f"{original['fragment']} Lanczos2D(a, b, c)")


def test_a_vispy_without_the_filters_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"vertex": "v", "fragment": "void main(void) {}"}
    monkeypatch.setattr(TextVisual, "_shaders", other)
    lighten_texts()
    assert TextVisual._shaders is other
