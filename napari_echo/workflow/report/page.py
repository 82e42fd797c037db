"""The report's page: the template filled with numbers, charts and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from napari_echo.metrics.agreement import Agreement
from napari_echo.workflow.report import charts
from napari_echo.workflow.report.pictures import HardFrame
from napari_echo.workflow.report.summary import ALL, Measured, ef_error
from napari_echo.workflow.scores import ClipResult

_UNKNOWN = "–"


def render(
    content: dict[str, Any],
    models: Sequence[Measured],
    commands: Sequence[str],
    hardest: Sequence[tuple[int, Sequence[HardFrame]]],
) -> str:
    """Write the page.

    Parameters
    ----------
    content : dict
        What `report.json` holds.
    models : sequence of Measured
        The models in order.
    commands : sequence of str
        The command that opens each clip.
    hardest : sequence of (int, sequence of HardFrame)
        Places of the hardest clips, and their pictures.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, interval=_interval, p=_p_value)
    lv = content["lv"]
    first = models[0].evaluation.clips
    return environment.get_template("page.html.j2").render(
        report=content,
        counts=content["data"]["counts"],
        lv=lv,
        models=content["models"],
        phases=_phases(content),
        best=_best(content),
        clips=[_clip(i, models, lv, commands[i]) for i in _order(models[0], lv)],
        entries=[clip.entry for clip in first],
        hardest=hardest,
        commands=commands,
        charts=_charts(models, lv),
        ef_tables=_ef_tables(models),
    )


def _charts(models: Sequence[Measured], lv: str) -> dict[str, Any]:
    limits = charts.clip_limits(models, lv)
    ef = []
    for number, model in enumerate(models):
        for reference, found in _agreements(model):
            if found is not None:
                name = f"ef-{number}-{reference}"
                drawn = charts.ef_chart(model, reference, found, name, charts.ef_span(model))
                ef.append((model.name, reference, Markup(drawn)))
    return {
        "distribution": Markup(charts.distribution_chart(models, lv, "distribution")),
        "clips": [
            (model.name, Markup(charts.clip_chart(model, lv, f"clips-{number}", limits)))
            for number, model in enumerate(models)
            if charts.order_by_es(model, lv)
        ],
        "ef": ef,
    }


def _agreements(model: Measured) -> list[tuple[str, Agreement | None]]:
    evaluation = model.evaluation
    return [("true", evaluation.ef_agreement()), ("stated", evaluation.stated_ef_agreement())]


def _ef_tables(models: Sequence[Measured]) -> list[dict[str, Any]]:
    words = {"true": "EF of the true masks", "stated": "EF stated by the data set"}
    return [
        {"model": model.name, "reference": words[reference], "found": found}
        for model in models
        for reference, found in _agreements(model)
        if found is not None
    ]


def _phases(content: dict[str, Any]) -> list[str]:
    """The phases that any frame has; all frames last."""
    structures = content["models"][0]["summary"]["structures"].values()
    return [
        phase
        for phase in ("ED", "ES", "between", ALL)
        if any(structure[phase]["frames"] for structure in structures)
    ]


def _best(content: dict[str, Any]) -> dict[str, str | None]:
    """The model with the best mean of each of the summary's columns, where one is."""

    def pick(means: dict[str, float | None], sign: int, digits: int) -> str | None:
        known = {name: sign * round(v, digits) for name, v in means.items() if v is not None}
        best = [name for name, value in known.items() if value == max(known.values())]
        return best[0] if len(best) == 1 else None

    models, lv = content["models"], content["lv"]
    found = {
        f"{measure}_{phase}": pick(
            {m["name"]: m["summary"]["structures"][lv][phase][measure]["mean"] for m in models},
            sign,
            digits,
        )
        for measure, sign, digits in (("dice", 1, 3), ("hd95_mm", -1, 2), ("asd_mm", -1, 2))
        for phase in ("ED", "ES", ALL)
    }
    errors = {m["name"]: m["summary"]["ef_absolute_error_points"]["mean"] for m in models}
    return {**found, "ef": pick(errors, -1, 1)}


def _order(model: Measured, lv: str) -> list[int]:
    by_es = charts.order_by_es(model, lv)
    return by_es + [i for i in range(len(model.evaluation.clips)) if i not in set(by_es)]


def _clip(place: int, models: Sequence[Measured], lv: str, command: str) -> dict[str, Any]:
    results = [model.evaluation.clips[place] for model in models]
    entry, ef = results[0].entry, results[0].ef
    return {
        "place": place,
        "entry": entry,
        "ef_true": None if ef is None else 100 * ef.true,
        "ef_stated": None if entry.ef is None else 100 * entry.ef,
        "true_jitter": results[0].true_jitter,
        "models": [_cells(result, lv) for result in results],
        "command": command,
    }


def _cells(clip: ClipResult, lv: str) -> dict[str, float]:
    return {
        "dice_ed": clip.mean("dice", lv, "ED"),
        "dice_es": clip.mean("dice", lv, "ES"),
        "dice_all": clip.mean("dice", lv),
        "gap_ed": 100 * clip.area_gap(lv, "ED"),
        "gap_es": 100 * clip.area_gap(lv, "ES"),
        "ef_error": ef_error(clip),
        "jitter": clip.jitter,
    }


def _number(value: float | None, digits: int = 3, sign: str = "") -> str:
    if value is None or value != value:
        return _UNKNOWN
    return f"{value:{sign}.{digits}f}".replace("-", "−")


def _interval(found: dict[str, Any], digits: int = 3, sign: str = "") -> str:
    low, high = (_number(found[end], digits, sign) for end in ("low", "high"))
    between = " to " if sign or low.startswith("−") else "–"
    return "" if low == _UNKNOWN else f"{low}{between}{high}"


def _p_value(value: float | None) -> str:
    if value is None:
        return _UNKNOWN
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
