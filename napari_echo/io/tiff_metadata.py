"""Frame rate and spacing in the metadata that ImageJ and OME put into TIFF files."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

_TO_MM = {
    "mm": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "um": 1e-3,
    "\u00b5m": 1e-3,
    "\u03bcm": 1e-3,
    "micron": 1e-3,
    "\\u00B5m": 1e-3,
    "inch": 25.4,
    "nm": 1e-6,
}
_TO_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3, "min": 60.0}


def tiff_fps(tif: Any) -> float | None:
    """Frames a second of an open `tifffile.TiffFile`, where its metadata has them."""
    imagej = tif.imagej_metadata or {}
    interval = _positive(imagej.get("finterval"))
    if interval:
        return 1 / interval
    if _positive(imagej.get("fps")):
        return float(imagej["fps"])
    pixels = _ome_pixels(tif)
    interval = _positive(pixels.get("TimeIncrement"))
    unit = _TO_SECONDS.get(pixels.get("TimeIncrementUnit", "s"))
    return 1 / (interval * unit) if interval and unit else None


def tiff_spacing(tif: Any) -> tuple[float, float] | None:
    """Height and width of a pixel in mm of an open `tifffile.TiffFile`, where it has them.

    The bare resolution of a TIFF without such metadata is a printing
    resolution and is not used.
    """
    pixels = _ome_pixels(tif)
    dy, dx = (_positive(pixels.get(f"PhysicalSize{axis}")) for axis in "YX")
    if dy and dx:
        fy, fx = (_TO_MM.get(pixels.get(f"PhysicalSize{a}Unit", "\u00b5m")) for a in "YX")
        return (dy * fy, dx * fx) if fy and fx else None
    factor = _TO_MM.get(str((tif.imagej_metadata or {}).get("unit")))
    tags = tif.pages[0].tags
    if factor is None or "XResolution" not in tags or "YResolution" not in tags:
        return None
    ratios = (tags["YResolution"].value, tags["XResolution"].value)
    if any(pixels_per_unit <= 0 or units <= 0 for pixels_per_unit, units in ratios):
        return None
    return (factor * ratios[0][1] / ratios[0][0], factor * ratios[1][1] / ratios[1][0])


def _ome_pixels(tif: Any) -> dict[str, str]:
    if not tif.is_ome or not tif.ome_metadata:
        return {}
    for element in ElementTree.fromstring(tif.ome_metadata).iter():
        if element.tag.rpartition("}")[2] == "Pixels":
            return dict(element.attrib)
    return {}


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < float("inf") else None
