"""The words and numbers of the measures panel."""

from __future__ import annotations

import math

from napari_echo.core.keyframes import KeyFrames, Which
from napari_echo.metrics.biplane import Biplane, biplane, plane_of
from napari_echo.metrics.readers import READERS_DICE, READERS_EF, dice_band, ef_band
from napari_echo.metrics.volume import LVMeasures
from napari_echo.metrics.walls import wall_names
from napari_echo.workflow.measure_clip import BeatDifference
from napari_echo.workflow.partners import Partner, Partners
from napari_echo.workflow.session import Session, Source

LEFT, APICAL, RIGHT = "left wall", "apical", "right wall"
TIPS: dict[str, str] = {
    "EF": "Ejection fraction (EDV - ESV) / EDV by the method of discs in this one plane.",
    "EDV": "Volume at ED: 20 discs along the long axis, of this one plane.",
    "ESV": "Volume at ES: 20 discs along the long axis, of this one plane.",
    "FAC": "Fractional area change (EDA - ESA) / EDA.",
    "Biplane EF": "EF of 20 elliptical discs, their diameters from the A4C and the A2C clip.",
    "Biplane V": "EDV/ESV of 20 elliptical discs, from the A4C and the A2C clip.",
    "Length": "Long axis at ED/ES: from the apex to the middle of the mitral annulus.",
    "Shortening": "Change of the endocardial contour's length from ED to ES, annulus to annulus. "
    "Below zero it shortens. It compares two outlines; it is not the GLS of speckle tracking.",
    "Volume": "Volume by the method of discs in this one plane.",
    "Area": "Area of the LV cavity.",
    "EF error": "EF minus that of the reference, in points.",
    "Dice ED/ES": "Overlap with the reference at ED and at ES; 1 at best.",
    "Dice": "Mean overlap with the truth over the labelled frames; 1 at best.",
    LEFT: "",
    APICAL: "",
    RIGHT: "",
}
"""The rows of the table, and what their names' tool tips say."""

ROWS = tuple(TIPS)
DETAILS = ("FAC", "Length", "Shortening", LEFT, APICAL, RIGHT)
"""Rows that are shown when they are asked for: the dock has few lines."""
PERCENT = ("EF", "FAC", "Biplane EF", "Shortening")
_WALLS = {LEFT: "left", APICAL: "apical", RIGHT: "right"}


def row_title(row: str, view: str, unit: str) -> str:
    """Name of a row, with its unit: walls go by their name in the view."""
    left, right = wall_names(view)
    names = {LEFT: left, APICAL: "apical", RIGHT: right}
    if row in names:
        return f"{names[row].capitalize()} {unit}"
    return f"{row} {unit}".strip()


def wall_tip(view: str) -> str:
    """What the rows of the walls mean."""
    left, right = wall_names(view)
    known = (
        f"the {left} wall is on the left of the picture, as guidelines display this view"
        if left != "left"
        else "the view is unknown, so the walls go by their side of the picture"
    )
    return (
        "Mean signed distance of the boundary from the reference's at ED/ES: above zero it lies "
        f"outside, the cavity is too large there; {known}. Apical is the third next to the apex, "
        f"{left} and {right} the rest of either side."
    )


def number(value: float, sign: bool = False) -> str:
    """Write a measure as a reader wants it: one digit behind the point, a dash for unknown."""
    if not math.isfinite(value):
        return "–"
    if round(value, 1) == 0:
        return "0.0"
    text = f"{value:+.1f}" if sign else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"
    return text.replace("-", "−")


def short_dice(dice: float) -> str:
    """Write a Dice as papers do, without the nought: three columns of pairs must fit the dock."""
    if not math.isfinite(dice):
        return "–"
    return "1.00" if dice >= 0.9995 else f"{dice:.3f}"[1:]


def _pair(ed: float, es: float, sign: bool = False) -> str:
    return f"{number(ed, sign)}/{number(es, sign)}"


def beat_values(measures: LVMeasures, index: int) -> dict[str, str]:
    """What one source's labels measure at a beat; of a still its size."""
    if index < len(measures.beats):
        beat = measures.beats[index]
        whole = beat.ed != beat.es
        found = {
            "EF": number(100 * beat.ef),
            "EDV": number(beat.edv),
            "ESV": number(beat.esv),
            "FAC": number(100 * beat.fac),
            "Length": _pair(beat.led, beat.les),
            "Shortening": number(100 * beat.shortening, sign=True),
        }
        return found if whole else {}
    if len(measures.area) == 1:
        return {"Volume": number(measures.volume[0]), "Area": number(measures.area[0])}
    return {}


def difference_values(difference: BeatDifference) -> dict[str, str]:
    """How one source's beat differs from the reference's."""
    values: dict[str, str] = {}
    if math.isfinite(difference.ef):
        values["EF error"] = number(100 * difference.ef, sign=True)
    frames = (difference.ed, difference.es)
    if any(frame is not None for frame in frames):
        dices = [frame.dice if frame is not None else math.nan for frame in frames]
        values["Dice ED/ES"] = "/".join(short_dice(d) for d in dices)
        for row, side in _WALLS.items():
            errors = [
                getattr(frame.walls, side) if frame is not None and frame.walls else math.nan
                for frame in frames
            ]
            if any(math.isfinite(error) for error in errors):
                values[row] = _pair(errors[0], errors[1], sign=True)
    return values


def base_tip(difference: BeatDifference, unit: str) -> str:
    """The error at the annulus, which has no row of its own."""
    errors = [f.walls.base if f and f.walls else math.nan for f in (difference.ed, difference.es)]
    return f"At the annulus: {_pair(errors[0], errors[1], sign=True)} {unit}."


def band_sentence(difference: BeatDifference) -> tuple[str, str]:
    """Whether a beat differs by more than readers do: a sentence, and what it rests on."""
    bands: dict[str, list[str]] = {"within": [], "beyond": []}
    for which, frame in (("ED", difference.ed), ("ES", difference.es)):
        band = dice_band(frame.dice, which) if frame is not None else None  # type: ignore[arg-type]
        if band is not None:
            bands[band].append(f"Dice {which}")
    band = ef_band(difference.ef)
    if band is not None:
        bands[band].append("EF")
    within, beyond = (_listed(bands[band]) for band in ("within", "beyond"))
    if not (within or beyond):
        return "", ""
    if not beyond:
        text = f"{within}: within what readers differ by."
    elif not within:
        text = f"{beyond}: beyond what readers differ by."
    else:
        text = f"Within what readers differ by: {within}. Beyond: {beyond}."
    tip = (
        f"Model against {difference.reference}. Two readers reach a mean Dice of "
        f"{READERS_DICE['ED']:.3f} at ED and {READERS_DICE['ES']:.3f} at ES on CAMUS, and their EF "
        f"differs with a standard deviation of {100 * READERS_EF:.0f} points (Leclerc et al. "
        "2019). Half of all pairs of readers agree by less than the mean."
    )
    return text, tip


def _listed(names: list[str]) -> str:
    return ", ".join(names).replace("Dice ED, Dice ES", "Dice ED, ES")


def biplane_values(found: Biplane) -> dict[str, str]:
    """Volumes and EF of two planes."""
    gap = " !" if found.is_foreshortened else ""
    return {
        "Biplane EF": number(100 * found.ef) + gap,
        "Biplane V": f"{found.edv:.0f}/{found.esv:.0f}",
    }


def biplane_tip(found: Biplane, partner: Partner) -> str:
    """What the volumes of two planes rest on."""
    tip = f"With the first beat of {partner.name} ({partner.view}), by the same source's labels."
    if found.is_foreshortened:
        tip += (
            f" The long axes differ by {found.length_gap:.0%}: one of the views is probably "
            "foreshortened."
        )
    return tip


def origin_tip(key_frames: KeyFrames, which: Which, frame: int) -> str:
    """Where a key frame comes from: who set it, when, and what it was before."""
    setting = key_frames.setting_of(which, frame)
    if setting is None:
        return f"{which} as {key_frames.origin_of(which, frame)}."
    when = setting.when.astimezone().strftime("%Y-%m-%d %H:%M")
    tip = f"{which} set by {setting.reader}, {when}"
    if setting.before is None:
        return f"{tip}, of a beat that was added."
    return f"{tip}; it was frame {setting.before}, {setting.origin or 'of unknown origin'}."


def column(
    session: Session, partners: Partners, source: Source, index: int
) -> tuple[dict[str, str], dict[str, str]]:
    """Write a source's column.

    Parameters
    ----------
    session : Session
        The review; it has measures of the source.
    partners : Partners
        The clips of the other view of the same studies.
    source : Source
        Whose labels were measured.
    index : int
        The beat.

    Returns
    -------
    values : dict of str
        What the cells say, by the row.
    tips : dict of str
        Their tool tips, where they are not the row's.
    """
    clip, measures = session.require_clip(), session.measures[source]
    tips: dict[str, str] = {}
    values = beat_values(measures, index)
    differences = session.differences.get(source, ())
    if index < len(differences):
        difference = differences[index]
        values |= difference_values(difference)
        unit = "mm" if clip.spacing_mm is not None else "px"
        against = f" Against the {difference.reference}."
        tips |= {row: TIPS[row] + against for row in ("EF error", "Dice ED/ES")}
        walls = f"{wall_tip(clip.view)} {base_tip(difference, unit)}{against}"
        tips |= dict.fromkeys((LEFT, APICAL, RIGHT), walls)
    report = session.report
    if source == "prediction" and report is not None and "Dice ED/ES" not in values:
        mean = report.mean_dice()
        if mean is not None:
            values["Dice"] = f"{mean:.3f}"
    partner, plane = partners.of(clip), plane_of(measures, index)
    if partner is not None and plane is not None and source in partner.planes:
        found = biplane(plane, partner.planes[source])
        values |= biplane_values(found)
        tip = biplane_tip(found, partner)
        tips |= {row: f"{TIPS[row]} {tip}" for row in ("Biplane EF", "Biplane V")}
    return values, tips
