"""The spacing of a pixel from DICOM's Sequence of Ultrasound Regions (C.8.5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SPATIAL_2D, _TISSUE, _COLOUR_FLOW, _CENTIMETRES = 1, 1, 2, 3
_PLAUSIBLE_MM = (0.01, 5.0)


@dataclass(frozen=True)
class Spacing:
    """Height and width of a pixel in mm, or None; and what the reader should know of it."""

    mm: tuple[float, float] | None
    notes: tuple[str, ...] = ()


def shows_colour_flow(dataset: Any) -> bool:
    """Whether a region of the image is declared as colour flow."""
    return any(
        region.get("RegionDataType") == _COLOUR_FLOW
        for region in dataset.get("SequenceOfUltrasoundRegions") or ()
    )


def find_spacing(dataset: Any) -> Spacing:
    """Spacing from the 2D tissue regions, else from Pixel Spacing.

    A region may be written for another size of the image than the one stored:
    then it reaches beyond the image. If the image enlarged by a whole factor
    of 2 to 4 holds the region, and the region fills at least half of it each
    way, each stored pixel is that many of the region's pixels wide.

    Parameters
    ----------
    dataset : pydicom.Dataset
        With `Rows` and `Columns`.
    """
    regions = [r for r in dataset.get("SequenceOfUltrasoundRegions") or () if _is_tissue_in_cm(r)]
    if not regions:
        return _pixel_spacing(dataset)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    factors = {_factor(region, rows, columns) for region in regions}
    factor = factors.pop()
    if factor is None or factors:
        return Spacing(
            None,
            (
                f"The spacing is unknown: the ultrasound region does not fit the {columns}x{rows} "
                "image.",
            ),
        )
    spacings = [
        (abs(float(r.PhysicalDeltaY)) * 10 * factor, abs(float(r.PhysicalDeltaX)) * 10 * factor)
        for r in regions
    ]
    first = spacings[0]
    if any(abs(a - b) > 0.01 * b for s in spacings for a, b in zip(s, first, strict=True)):
        return Spacing(None, ("The spacing is unknown: the image's regions differ in it.",))
    if not all(_PLAUSIBLE_MM[0] <= value <= _PLAUSIBLE_MM[1] for value in first):
        return Spacing(None, (f"The spacing is unknown: {first[0]:g} mm a pixel cannot be right.",))
    if factor == 1:
        return Spacing(first)
    return Spacing(
        first,
        (
            f"The ultrasound region was written for an image of {columns * factor}x{rows * factor} "
            f"pixels, {factor} times the stored one, so its spacing was multiplied by {factor}.",
        ),
    )


def _is_tissue_in_cm(region: Any) -> bool:
    return (
        region.get("RegionSpatialFormat") == _SPATIAL_2D
        and region.get("RegionDataType") == _TISSUE
        and region.get("PhysicalUnitsXDirection") == _CENTIMETRES
        and region.get("PhysicalUnitsYDirection") == _CENTIMETRES
        and bool(region.get("PhysicalDeltaX"))
        and bool(region.get("PhysicalDeltaY"))
    )


def _factor(region: Any, rows: int, columns: int) -> int | None:
    """How many of the region's pixels a stored pixel spans; None where nothing fits."""
    try:
        x0, x1 = int(region.RegionLocationMinX0), int(region.RegionLocationMaxX1)
        y0, y1 = int(region.RegionLocationMinY0), int(region.RegionLocationMaxY1)
    except (AttributeError, TypeError, ValueError):
        return None
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        return None
    # Some writers count the last column and row from 1, or give the first beyond.
    if x1 <= columns and y1 <= rows:
        return 1
    for factor in (2, 3, 4):
        width, height = columns * factor, rows * factor
        if x1 <= width and y1 <= height:
            fills = x1 - x0 >= width / 2 and y1 - y0 >= height / 2
            return factor if fills else None
    return None


def _pixel_spacing(dataset: Any) -> Spacing:
    try:
        dy, dx = (float(value) for value in dataset.PixelSpacing)
    except (AttributeError, TypeError, ValueError):
        return Spacing(None)
    if not all(_PLAUSIBLE_MM[0] <= value <= _PLAUSIBLE_MM[1] for value in (dy, dx)):
        return Spacing(None, (f"The spacing is unknown: {dy:g} mm a pixel cannot be right.",))
    return Spacing((dy, dx))
