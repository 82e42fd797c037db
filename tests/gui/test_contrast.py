"""The colours of lists, plots and titles: seen in both themes, and told apart."""

from __future__ import annotations

from colorsys import rgb_to_hls
from itertools import combinations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.gui.cells import make_layer
from napari_echo.gui.contrast import GRAPHICS, TEXT, contrast, readable, readable_on
from napari_echo.gui.learning import DICE as LEARNED
from napari_echo.gui.learning import LOSS, WORSE
from napari_echo.gui.model_colors import (
    CORRECTION,
    HARDNESS,
    MODELS,
    PROPAGATION,
    beside_models,
)
from napari_echo.gui.panels.bland_altman import BLIND, OPEN
from napari_echo.gui.style import theme_colors
from napari_echo.workflow.predictions import MOST
from napari_echo.workflow.report.charts import ED, ES

THEMES = ("dark", "light")
BESIDE = (CORRECTION, HARDNESS, PROPAGATION)
# On linear RGB, severity 1: Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009.
SEEN_BY = {
    "most": np.eye(3),
    "deuteranope": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanope": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanope": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def rgb(color: str) -> NDArray[np.float64]:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def seen(color: str, reader: str) -> NDArray[np.float32]:
    """CIELAB of what a reader sees (D65)."""
    given = rgb(color)
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    turned = np.clip(SEEN_BY[reader] @ linear, 0, 1)
    srgb = np.where(turned <= 0.0031308, 12.92 * turned, 1.055 * turned ** (1 / 2.4) - 0.055)
    return cv2.cvtColor(srgb.astype(np.float32)[None, None], cv2.COLOR_RGB2LAB)[0, 0]


def apart(one: str, other: str, reader: str) -> float:
    return float(np.linalg.norm(seen(one, reader) - seen(other, reader)))


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


@pytest.mark.parametrize("least", [GRAPHICS, TEXT, 6.0])
@pytest.mark.parametrize("background", ["#000000", "#23242b", "#ebe7e6", "#ffffff"])
@pytest.mark.parametrize("color", [*MODELS, *BESIDE, "#0072b2", "#e3b617", "#808080"])
def test_a_readable_colour_is_seen_and_of_the_same_hue(
    color: str, background: str, least: float
) -> None:
    found = readable(color, background, least)
    assert contrast(found, background) >= least
    if contrast(color, background) >= least:
        assert found == color
    elif color != "#808080":
        assert apart_in_hue(color, found) < 0.04
        # And no further from the background than it must be.
        assert contrast(found, background) < 1.05 * least


def apart_in_hue(one: str, other: str) -> float:
    hues = [rgb_to_hls(*map(float, rgb(color)))[0] for color in (one, other)]
    gap = abs(hues[0] - hues[1])
    return min(gap, 1 - gap)


def test_where_no_colour_is_seen_enough_black_or_white_comes_nearest() -> None:
    assert readable("#808080", "#7a7a7a", 15.0) in ("#000000", "#ffffff")
    assert readable("#ffffff", "#ebe7e6", 30.0) == "#000000"
    assert readable("#000000", "#23242b", 30.0) == "#ffffff"


@pytest.mark.parametrize("theme", THEMES)
def test_every_line_and_mark_is_seen(theme: str) -> None:
    background = theme_colors(theme)["background"]
    drawn = {color: color for color in MODELS}
    drawn |= {color: beside_models(color, background) for color in BESIDE}
    drawn |= {
        color: readable(color, background, GRAPHICS) for color in (LOSS, LEARNED, BLIND, OPEN)
    }
    drawn |= {color: readable(color, background) for color in (ED[0], ES[0])}
    faint = {c: round(contrast(c, background), 2) for c in drawn.values()}
    assert min(faint.values()) >= GRAPHICS, faint


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_is_read(theme: str) -> None:
    colors = theme_colors(theme)
    for name in ("text", "faint", "warning"):
        assert contrast(colors[name], colors["background"]) >= TEXT, name
    for background in (colors["current"], WORSE):
        written = {"black": "#000000", "white": "#ffffff"}[readable_on(background)]
        assert contrast(written, background) >= TEXT


def test_a_cells_title_is_read_on_whatever_lies_under_it(clip: EchoClip) -> None:
    title = make_layer(clip, 0, "image").name_overlay
    assert title.box
    *color, opacity = (float(value) for value in title.box_color)
    assert opacity == 1
    behind = "#" + "".join(f"{round(255 * value):02x}" for value in color)
    for color_of_title in (*MODELS, CORRECTION, "#ffffff"):
        assert contrast(color_of_title, behind) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("reader", SEEN_BY)
def test_what_is_compared_is_told_apart_by_every_reader(theme: str, reader: str) -> None:
    background = theme_colors(theme)["background"]
    others = [beside_models(color, background) for color in BESIDE]
    # 10 is plain to see; those that are ticked together from the first are further apart.
    for one, other in combinations(MODELS[:MOST], 2):
        assert apart(one, other, reader) > 23
    for one, other in combinations(MODELS, 2):
        assert apart(one, other, reader) > 13
    for model in MODELS:
        assert min(apart(model, other, reader) for other in others) > 12
    for one, other in combinations(others, 2):
        # Propagation is dashed, and hardness has an axis of its own.
        assert apart(one, other, reader) > 8
