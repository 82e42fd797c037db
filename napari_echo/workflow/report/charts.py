"""The charts of a report, as SVG with tooltips and links to the table of clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.metrics.agreement import Agreement
from napari_echo.workflow.report.summary import Measured
from napari_echo.workflow.report.svg import styled, to_svg
from napari_echo.workflow.scores import ClipResult, EFPair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind readers; the marks differ, too.
ED, ES = ("#0072b2", "o", "-"), ("#d55e00", "s", "--")
GREY = "#666666"
_WIDTH = 11.2  # inches at the font size above: 1075 pixels of a page
_NAMED = 70  # so many clips still have room for their names


def anchor(index: int) -> str:
    """The link to a clip's row in the table of clips."""
    return f"#clip-{index}"


@styled
def clip_chart(model: Measured, lv: str, name: str, limits: tuple[float, float, float]) -> str:
    """Dice at ED and ES of each clip, and the gap of its areas, by ES Dice ascending.

    Parameters
    ----------
    model : Measured
        The model.
    lv : str
        The LV cavity's name.
    name : str
        The figure's name in the page.
    limits : (float, float, float)
        Lowest Dice, lowest and highest gap in percent to show, so that models compare.
    """
    clips = model.evaluation.clips
    dice = {phase: [c.mean("dice", lv, phase) for c in clips] for phase in ("ED", "ES")}
    gap = {phase: [100 * c.area_gap(lv, phase) for c in clips] for phase in ("ED", "ES")}
    order = order_by_es(model, lv)
    tips = {
        anchor(i): (
            f"{clips[i].entry.study_id}: Dice {_number(dice['ES'][i], 3)} at ES, "
            f"{_number(dice['ED'][i], 3)} at ED; area {_number(gap['ES'][i], 1, '+')}% at ES, "
            f"{_number(gap['ED'][i], 1, '+')}% at ED"
        )
        for i in order
    }
    figure = _figure(5.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for axes, values in ((upper, dice), (lower, gap)):
        for phase, style in (("ED", ED), ("ES", ES)):
            _series(axes, [values[phase][i] for i in order], order, phase, style)
    upper.set_ylabel("Dice of the LV cavity")
    upper.set_ylim(limits[0], 1.0)
    upper.legend(loc="lower right", ncols=2)
    lower.axhline(0, color=GREY, linewidth=0.8)
    lower.set_ylabel("area, predicted minus true\n(% of true)")
    lower.set_ylim(limits[1:])
    lower.set_xlim(-0.8, len(order) - 0.2)
    if len(order) <= _NAMED:
        names = [clips[i].entry.study_id for i in order]
        size = min(7.5, 420 / max(len(order), 1) + 1)
        lower.set_xticks(range(len(order)), names, rotation=90, fontsize=size)
    lower.set_xlabel("clips, by Dice at ES")
    for axes in (upper, lower):
        axes.grid(axis="x", visible=False)
    return to_svg(
        figure, name, f"{model.name}: Dice and area gap at ED and ES of {len(order)} clips", tips
    )


def order_by_es(model: Measured, lv: str) -> list[int]:
    """Clips by their Dice at ES, ascending; those without an ED or ES label are left out.

    Clips that lack ES alone come last.
    """
    clips = model.evaluation.clips
    at_es = [clip.mean("dice", lv, "ES") for clip in clips]
    at_ed = [clip.mean("dice", lv, "ED") for clip in clips]
    return by_es(at_es, at_ed)


def by_es(at_es: Sequence[float], at_ed: Sequence[float]) -> list[int]:
    """Places of clips by their value at ES, ascending; see `order_by_es`."""
    known = [i for i in range(len(at_es)) if math.isfinite(at_es[i]) or math.isfinite(at_ed[i])]
    return sorted(
        known, key=lambda i: (math.isnan(at_es[i]), at_ed[i] if math.isnan(at_es[i]) else at_es[i])
    )


@styled
def ef_chart(
    model: Measured, reference: str, found: Agreement, name: str, span: tuple[float, float]
) -> str:
    """Predicted EF against a reference, and Bland and Altman's plot of the two.

    Parameters
    ----------
    model : Measured
        The model.
    reference : {"true", "stated"}
        EF of the true masks, or as the data set states it.
    found : Agreement
        In percentage points.
    name : str
        The figure's name in the page.
    span : (float, float)
        EF in percent to show.
    """
    what = "EF of the true masks" if reference == "true" else "EF stated by the data set"
    places, pairs = _ef_pairs(model.evaluation.clips, reference)
    predicted, true = pairs
    difference, mean = predicted - true, pairs.mean(axis=0)
    tips = {
        anchor(i): f"{model.evaluation.clips[i].entry.study_id}: predicted {p:.1f}%, {what} "
        f"{t:.1f}%, difference {_number(p - t, 1, '+')} points"
        for i, p, t in zip(places, predicted, true, strict=True)
    }
    figure = _figure(4.1)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
    left.plot(span, span, color=GREY, linewidth=0.8, linestyle=":")
    for axes, x, y in ((left, true, predicted), (right, mean, difference)):
        _points(axes, x, y, places, ED[0], "o", 24)
    left.set(xlim=span, ylim=span, xlabel=f"{what} (%)", ylabel="predicted EF (%)")
    left.set_aspect("equal")
    left.set_title(
        f"r {_number(found.r, 2)}, R² {_number(found.r2, 2)}, "
        f"MAE {found.mae:.1f}, RMSE {found.rmse:.1f} points",
        loc="left",
    )
    low, high = found.limits
    lines = (
        (found.bias, "-", f"bias {_number(found.bias, 1, '+')}"),
        (high, "--", f"+1.96 SD: {_number(high, 1, '+')}"),
        (low, "--", f"−1.96 SD: {_number(low, 1, '+')}"),
    )
    right.axhline(0, color=GREY, linewidth=0.8, linestyle=":")
    for value, style, label in lines:
        right.axhline(value, color=ES[0], linewidth=1, linestyle=style)
        right.text(1.005, value, label, transform=right.get_yaxis_transform(),
                   va="center", color="#a34800", fontsize=8.5)  # fmt: skip
    reach = 1.08 * max(np.abs(difference).max(initial=0), abs(low), abs(high), 1)
    right.set(xlim=span, ylim=(-reach, reach), xlabel="mean of the two (%)")
    right.set_ylabel("predicted minus reference (points)")
    right.set_title(f"{found.n} clips, SD {found.sd:.1f} points", loc="left")
    return to_svg(figure, name, f"{model.name}: predicted EF against {what}", tips)


def ef_span(model: Measured) -> tuple[float, float]:
    """EF in percent that holds every pair of a model, with a margin."""
    values = [
        100 * value
        for pair in model.evaluation.ef
        for value in (pair.predicted, pair.true, pair.stated)
        if math.isfinite(value)
    ]
    if not values:
        return 0.0, 100.0
    return 10 * math.floor(min(values) / 10 - 0.1), 10 * math.ceil(max(values) / 10 + 0.1)


def clip_limits(models: Sequence[Measured], lv: str) -> tuple[float, float, float]:
    """Lowest Dice, lowest and highest area gap in percent of any clip, with a margin."""
    clips = [clip for model in models for clip in model.evaluation.clips]
    phases = ("ED", "ES")
    dice = [clip.mean("dice", lv, phase) for clip in clips for phase in phases]
    gaps = [100 * clip.area_gap(lv, phase) for clip in clips for phase in phases]
    lowest = min((d for d in dice if math.isfinite(d)), default=0.5)
    known = [g for g in gaps if math.isfinite(g)] + [-10.0, 10.0]
    margin = 0.06 * (max(known) - min(known))
    return max(0.0, math.floor(lowest * 20 - 0.2) / 20), min(known) - margin, max(known) + margin


@styled
def distribution_chart(models: Sequence[Measured], lv: str, name: str) -> str:
    """Dice at ED and ES of every clip of every model: boxes with the clips as points."""
    clips = models[0].evaluation.clips
    tips = {anchor(i): clip.entry.study_id for i, clip in enumerate(clips)}
    figure = _figure(0.9 + 0.85 * len(models))
    axes = figure.subplots()
    jitter = np.random.default_rng(0).uniform(-0.11, 0.11, len(clips))
    for row, model in enumerate(models):
        for phase, style, offset in (("ED", ED, -0.2), ("ES", ES, 0.2)):
            values = np.array([c.mean("dice", lv, phase) for c in model.evaluation.clips])
            seen = np.isfinite(values)
            _points(axes, values[seen], row + offset + jitter[seen], np.flatnonzero(seen).tolist(),
                    style[0], style[1], 9, alpha=0.45)  # fmt: skip
            if seen.any():
                axes.boxplot(
                    values[seen], positions=[row + offset], widths=0.3, orientation="horizontal",
                    showfliers=False, manage_ticks=False,
                    medianprops={"color": "#000000", "linewidth": 1.4},
                    boxprops={"color": style[0]}, whiskerprops={"color": style[0]},
                    capprops={"color": style[0]},
                )  # fmt: skip
            axes.plot([], [], style[1], color=style[0], label=phase if row == 0 else None)
    axes.set_yticks(range(len(models)), [model.name for model in models])
    axes.set_ylim(len(models) - 0.45, -0.55)
    axes.set_xlabel("Dice of the LV cavity (box: quartiles and median; a point is a clip)")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return to_svg(figure, name, "Dice at ED and ES of every clip of every model", tips)


def _series(
    axes: Axes, values: Sequence[float], order: Sequence[int], label: str, style: tuple[str, ...]
) -> None:
    color, mark, line = style
    x, y = np.arange(len(values)), np.asarray(values, float)
    axes.plot(x, y, line, color=color, linewidth=1.1)
    seen = np.isfinite(y)
    _points(axes, x[seen], y[seen], [order[i] for i in np.flatnonzero(seen).tolist()], color, mark,
            22 if len(values) <= 150 else 8)  # fmt: skip
    axes.plot([], [], line, marker=mark, color=color, markersize=5, label=label)


def _points(
    axes: Axes, x: NDArray[Any], y: NDArray[Any], places: Sequence[int], color: str, mark: str,
    size: float, alpha: float = 0.85,
) -> None:  # fmt: skip
    found = axes.scatter(
        x,
        y,
        s=size,
        c=color,
        marker=mark,
        alpha=alpha,
        linewidths=0.5,
        edgecolors="white",
        zorder=3,
    )
    found.set_urls([anchor(place) for place in places])


def _ef_pairs(clips: Sequence[ClipResult], reference: str) -> tuple[list[int], NDArray[np.float64]]:
    """Places of the clips with both, and predicted and reference EF in percent, (2, N)."""
    none = EFPair("", math.nan, math.nan)
    pairs = np.array(
        [[(c.ef or none).predicted, getattr(c.ef or none, reference)] for c in clips], float
    ).T
    known = np.isfinite(pairs).all(axis=0)
    return np.flatnonzero(known).tolist(), 100 * pairs[:, known]


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height))


def _number(value: float, digits: int, sign: str = "") -> str:
    text = f"{value:{sign}.{digits}f}" if math.isfinite(value) else "–"
    return text.replace("-", "−")
