"""DICOM ultrasound clips: mono, RGB, YBR and palette, whatever pydicom can decompress."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.dicom_decoders import register
from napari_echo.io.doppler import ColourCheck
from napari_echo.io.jpeg_check import damaged_jpegs
from napari_echo.io.reading import captured_log, check_file, check_frames, decoding, luma, rescale
from napari_echo.io.ultrasound_region import find_spacing, shows_colour_flow

_VIEWS = (
    (re.compile(r"(apical|ap)\W*(4|four)|\ba4c\b|4\W?ch|four.chamber", re.IGNORECASE), "A4C"),
    (re.compile(r"(apical|ap)\W*(2|two)|\ba2c\b|2\W?ch|two.chamber", re.IGNORECASE), "A2C"),
)


def load_dicom(path: Path) -> EchoClip:
    """Load a multi-frame DICOM file.

    Colour becomes luma; MONOCHROME1 is inverted; more than 8 bits are scaled
    by the header's window, else by the bits stored. The study is named by a
    hash of its UID, so that no name of a patient is carried on.

    Raises
    ------
    EchoError
        If the file is missing, empty, damaged, cut off, not DICOM, without
        image, of one frame, of colour Doppler, or compressed in a way that
        no installed decoder reads.
    """
    path = Path(path)
    check_file(path)
    with decoding(path, "a DICOM file"), captured_log("pydicom"):
        import pydicom

        try:
            dataset = pydicom.dcmread(path)
        except pydicom.errors.InvalidDicomError as error:
            raise EchoError(
                f"{path.name} is not a DICOM file: its mark DICM is missing."
            ) from error
        if "PixelData" not in dataset or not dataset.get("Rows"):
            header = pydicom.dcmread(path, stop_before_pixels=True)
            raise EchoError(_no_image(path, header))
        if int(dataset.get("NumberOfFrames") or 1) == 1:
            raise EchoError(f"{path.name} has one frame; a clip needs at least two.")
        if shows_colour_flow(dataset):
            raise EchoError(
                f"{path.name} shows colour Doppler (its header declares a colour-flow region); "
                "only grey B-mode clips can be segmented."
            )
        frames, notes = _grey_frames(path, dataset)
        spacing = find_spacing(dataset)
        return EchoClip.from_frames(
            frames,
            fps=_fps(dataset),
            spacing_mm=spacing.mm,
            view=_view(dataset),
            study_id=_study_id(dataset),
            source=path,
            notes=notes + spacing.notes,
        )


def _no_image(path: Path, header: Any) -> str:
    """Tell a file that is cut off, of which pydicom gives what it has, from one of no image."""
    if header.get("Rows"):
        frames = int(header.get("NumberOfFrames") or 1)
        return f"{path.name} is cut off: its {frames} frames are missing or not whole."
    # A DICOMDIR states its kind in the file's meta information alone.
    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    if not kind or "Image" in kind.name:
        return f"{path.name} is cut off: its header ends before the image."
    return f"{path.name} is a DICOM file without an image ({kind.name})."


def _grey_frames(path: Path, dataset: Any) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Decode frame by frame, to hold no more than one frame in colour."""
    expected = int(dataset.NumberOfFrames)
    frames: list[NDArray[np.uint8]] = []
    colours = ColourCheck(path)
    decoded = _decode(path, dataset)
    while True:
        try:
            pixels = next(decoded, None)
        except Exception as error:
            raise EchoError(
                f"{path.name} is damaged or cut off: only the first {len(frames)} of its "
                f"{expected} frames can be decoded."
            ) from error
        if pixels is None:
            break
        frames.append(_grey(pixels, dataset, colours))
    if len(frames) != expected:
        raise EchoError(f"{path.name} is cut off: it holds {len(frames)} of its {expected} frames.")
    colours.finish()
    stack = np.stack(frames)
    check_frames(path, stack)
    if _needs_scaling(dataset):
        low, high = _grey_range(dataset)
        return stack, (f"Grey levels {low:g} to {high:g} were scaled to 0 to 255.",)
    return stack, ()


def _decode(path: Path, dataset: Any) -> Iterator[NDArray[Any]]:
    """All frames one by one, (H, W) or (H, W, 3) RGB or palette indices."""
    from pydicom.encaps import generate_frames
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.utils import iter_pixels
    from pydicom.uid import JPEGBaseline8Bit

    syntax = dataset.file_meta.TransferSyntaxUID
    register(syntax)
    try:
        decodable = not syntax.is_encapsulated or get_decoder(syntax).is_available
    except NotImplementedError:
        decodable = False
    if not decodable:
        raise EchoError(
            f"{path.name} is compressed as {syntax.name}, for which no decoder is installed; "
            "export it again uncompressed or as JPEG."
        )
    if syntax == JPEGBaseline8Bit:
        encoded = generate_frames(dataset.PixelData, number_of_frames=int(dataset.NumberOfFrames))
        damaged = damaged_jpegs(encoded)
        if damaged:
            raise EchoError(
                f"{path.name} is damaged: {len(damaged)} of its {dataset.NumberOfFrames} frames "
                f"cannot be decoded, the first of them frame {damaged[0]}."
            )
    return iter_pixels(dataset)


def _grey(pixels: NDArray[Any], dataset: Any, colours: ColourCheck) -> NDArray[np.uint8]:
    """Grey levels of one decoded frame."""
    photometric = str(dataset.PhotometricInterpretation)
    if photometric == "PALETTE COLOR":
        pixels = _apply_palette(pixels, dataset)
    elif _needs_scaling(dataset):
        pixels = rescale(_modality_values(pixels, dataset), *_grey_range(dataset))
    if pixels.ndim == 3:
        rgb = pixels.astype(np.uint8)
        colours.add(rgb)
        return luma(rgb)
    grey = pixels.astype(np.uint8)
    return 255 - grey if photometric == "MONOCHROME1" else grey


def _needs_scaling(dataset: Any) -> bool:
    """Whether the stored values are not grey levels of 8 bits."""
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        return False
    return int(dataset.BitsStored) > 8 or int(dataset.get("PixelRepresentation") or 0) == 1


def _apply_palette(indices: NDArray[Any], dataset: Any) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut

    colours = apply_color_lut(indices, dataset)[..., :3]
    bits = int(dataset.RedPaletteColorLookupTableDescriptor[2])
    return np.asarray(colours >> 8 if bits > 8 else colours, np.uint8)


def _modality_values(pixels: NDArray[Any], dataset: Any) -> NDArray[Any]:
    slope = float(dataset.get("RescaleSlope") or 1)
    intercept = float(dataset.get("RescaleIntercept") or 0)
    if (slope, intercept) == (1.0, 0.0) or pixels.ndim == 3:
        return pixels
    return pixels * np.float32(slope) + np.float32(intercept)


def _grey_range(dataset: Any) -> tuple[float, float]:
    """Find the values shown black and white: the first window's, else those that can be stored."""
    center, width = (_first(dataset.get(f"Window{name}")) for name in ("Center", "Width"))
    mono = int(dataset.get("SamplesPerPixel") or 1) == 1
    if mono and center is not None and width is not None and width > 1:
        return center - width / 2, center + width / 2
    bits = int(dataset.BitsStored)
    low, high = (0, 2**bits - 1)
    if int(dataset.get("PixelRepresentation") or 0) == 1:
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    slope = float(dataset.get("RescaleSlope") or 1) if mono else 1.0
    intercept = float(dataset.get("RescaleIntercept") or 0) if mono else 0.0
    return low * slope + intercept, high * slope + intercept


def _first(value: Any) -> float | None:
    """Take the first number of an element that may hold none, one or several."""
    if value is None or isinstance(value, str):
        return float(value) if value else None
    try:
        return float(value[0]) if len(value) else None
    except TypeError:
        return float(value)


def _fps(dataset: Any) -> float | None:
    """Frames a second: Frame Time, Frame Time Vector, Cine Rate, or the display rate."""
    frame_time = _first(dataset.get("FrameTime"))
    if frame_time and frame_time > 0:
        return 1000 / frame_time
    vector = dataset.get("FrameTimeVector")
    if vector is not None and not isinstance(vector, (str, float)) and len(vector) > 1:
        mean = float(np.mean([float(step) for step in vector[1:]]))  # the first is 0
        if mean > 0:
            return 1000 / mean
    for name in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = _first(dataset.get(name))
        if rate and rate > 0:
            return rate
    return None


def _view(dataset: Any) -> str:
    texts = [str(dataset.get("ViewName") or "")]
    texts += [str(code.get("CodeMeaning") or "") for code in dataset.get("ViewCodeSequence") or ()]
    for pattern, view in _VIEWS:
        if any(pattern.search(text) for text in texts):
            return view
    return "unknown"


def _study_id(dataset: Any) -> str | None:
    uid = str(dataset.get("StudyInstanceUID") or "")
    return f"study-{hashlib.sha256(uid.encode()).hexdigest()[:8]}" if uid else None
