"""Write labelled clips in the layout of EchoNet-Dynamic."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.discs import N_DISCS, LongAxis, chords_at, disc_chords, long_axis
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.core.labels import IGNORE, LV
from napari_echo.io.echonet_fit import fit_discs
from napari_echo.io.labelled import (
    LabelledClip,
    Outcome,
    Skipped,
    Written,
    log_skipped,
    report_skipped,
)
from napari_echo.io.writing import FileNames, new_folder

FILE_LIST = (
    "FileName", "EF", "ESV", "EDV", "FrameHeight", "FrameWidth", "FPS", "NumberOfFrames", "Split"
)  # fmt: skip
TRACINGS = ("FileName", "X1", "Y1", "X2", "Y2", "Frame")

_FRACTIONS = np.linspace(0.01, 1.0, N_DISCS)
"""Where the outline is cut: from the apex to the annulus, so that it is redrawn whole."""


def write_echonet(
    root: Path,
    clips: Iterable[LabelledClip],
    *,
    size: int = 112,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Path:
    """Write labelled clips as a new EchoNet-Dynamic folder: the whole of it or nothing.

    Frames are padded to a square and resampled; the first beat whose ED and
    ES are annotated is traced, ES listed first, by the long axis and 20 cuts
    across it, the last along the annulus, fitted to the mask
    (`io.echonet_fit`). The videos are motion JPEG of the best quality, as
    EchoNet's are motion JPEG. EDV and ESV are single-plane volumes by the
    method of discs, in ml where the spacing is known, else in cubic pixels of
    the written video.

    Parameters
    ----------
    root : Path
        Folder to make; it must not exist.
    clips : iterable of LabelledClip
        Their LV cavity is written.
    size : int
        Height and width of the videos.
    on_skip : callable
        Called with each clip that the layout cannot hold.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    EchoError
        If `root` exists or cannot be written, or no clip can be written.
    """
    root = Path(root)
    with new_folder(root) as partial:
        if not list(report_skipped(fill_echonet(partial, clips, size=size), on_skip)):
            raise EchoError(f"No clip can be written as EchoNet, so {root} was not made.")
    return root


def fill_echonet(
    folder: Path, clips: Iterable[LabelledClip], *, size: int = 112
) -> Iterator[Outcome]:
    """Write labelled clips into an empty folder, one as each is asked for; see `write_echonet`."""
    files: list[tuple[object, ...]] = []
    tracings: list[tuple[object, ...]] = []
    names = FileNames()
    (folder / "Videos").mkdir()
    for item in clips:
        try:
            beat, traced, volumes = _trace(item, size)
        except EchoError as error:
            yield Skipped(item.clip.name, str(error))
            continue
        name = names.take(item.clip.study_id)
        _write_video(folder / "Videos" / f"{name}.avi", item, size)
        tracings += [(f"{name}.avi", *row) for row in traced]
        files.append(_list_row(item, name, size, *volumes))
        yield Written(name, tuple(sorted((beat.ed, beat.es))), (f"Videos/{name}.avi",))
    if files:
        _write_csv(folder / "FileList.csv", FILE_LIST, files)
        _write_csv(folder / "VolumeTracings.csv", TRACINGS, tracings)


def _trace(
    item: LabelledClip, size: int
) -> tuple[Beat, list[tuple[object, ...]], tuple[float, float]]:
    """The beat that is traced, rows of the tracing, ES first, and the volumes of ED and ES."""
    if item.clip.fps is None:
        raise EchoError("Its frame rate is unknown, which the layout needs.")
    beat = item.annotated_beat()
    if beat is None:
        raise EchoError("It has no beat whose ED and ES are annotated.")
    rows: list[tuple[object, ...]] = []
    volumes = {}
    side = max(item.clip.frame_shape)
    unit = size / side  # to cubic pixels of the written video
    if item.clip.spacing_mm is not None:
        dy, dx = item.clip.spacing_mm
        if abs(dy - dx) > 0.01 * dx:
            raise EchoError("Its pixels are not square, which the layout cannot tell.")
        unit = dx / 10  # to cm, whose cube is a ml
    for frame in (beat.es, beat.ed):
        if (item.truth.labels[frame] == IGNORE).any():
            raise EchoError(
                f"Its frame {frame} has unlabelled pixels, which the layout cannot tell."
            )
        mask = item.truth.labels[frame] == LV
        axis = long_axis(mask)
        if axis is None:
            raise EchoError(f"Its frame {frame} has no LV cavity to trace.")
        discs = disc_chords(mask, axis)
        widths = unit * np.linalg.norm(discs[:, 0] - discs[:, 1], axis=1)
        volumes[frame] = float(np.pi / 4 * (widths**2).sum() * unit * axis.length() / len(discs))
        for (y1, x1), (y2, x2) in trace(mask, axis, size):
            rows.append((*(round(float(v), 4) for v in (x1, y1, x2, y2)), frame))
    return beat, rows, (volumes[beat.ed], volumes[beat.es])


def trace(mask: NDArray[np.bool_], axis: LongAxis, size: int) -> NDArray[np.float64]:
    """Trace a mask as EchoNet does.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The LV cavity in a frame.
    axis : LongAxis
        Its long axis.
    size : int
        Height and width of the written video.

    Returns
    -------
    ndarray of float64, shape (21, 2, 2)
        Ends (y, x), in pixels of the video, of the long axis and of 20 discs.
    """
    shape = (mask.shape[0], mask.shape[1])
    lines = np.concatenate([[(axis.apex, axis.base)], chords_at(mask, axis, _FRACTIONS)])
    # Across an oblique annulus the last disc would leave a corner of the cavity out.
    lines[-1] = axis.annulus
    lines = _to_square(lines, shape, size)
    lines[1:] = fit_discs(lines[1:], square_mask(mask, size))
    return lines


def _list_row(
    item: LabelledClip, name: str, size: int, edv: float, esv: float
) -> tuple[object, ...]:
    ef = (edv - esv) / edv if item.ef is None else item.ef
    fps = round(item.clip.fps or 0, 4)
    split = item.split.upper()
    volumes = (round(100 * ef, 4), round(esv, 4), round(edv, 4))
    return (name, *volumes, size, size, fps, len(item.clip), split)


def _to_square(
    points: NDArray[np.float64], shape: tuple[int, int], size: int
) -> NDArray[np.float64]:
    """Move points (y, x) of a frame to the padded and resampled one, pixel centre to centre."""
    side = max(shape)
    pad = np.array([(side - shape[0]) // 2, (side - shape[1]) // 2])
    return np.asarray((points + pad + 0.5) * (size / side) - 0.5)


def _write_video(path: Path, item: LabelledClip, size: int) -> None:
    import av

    with av.open(str(path), "w", format="avi") as container:
        rate = Fraction(item.clip.fps or 0).limit_denominator(1001)
        stream = container.add_stream("mjpeg", rate=rate, options={"qmin": "1", "qmax": "1"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuvj420p"
        for frame in item.clip.frames:
            small = _square(frame, size)
            picture = av.VideoFrame.from_ndarray(small, format="gray").reformat(format="yuvj420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def square_mask(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """A frame's mask on the padded and resampled grid: the pixels that it fills by half."""
    return _square(mask.astype(np.uint8) * 255, size) >= 128


def from_square(
    points: NDArray[np.float64], shape: tuple[int, int], size: int
) -> NDArray[np.float64]:
    """Move points (y, x) of a written video back to the frame that it was made of."""
    side = max(shape)
    pad = np.array([(side - shape[0]) // 2, (side - shape[1]) // 2])
    return np.asarray((points + 0.5) * (side / size) - 0.5 - pad)


def _square(frame: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Pad a frame to a square and resample it, as `_to_square` moves points."""
    import cv2

    height, width = frame.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side), np.uint8)
    square[top : top + height, left : left + width] = frame
    shrink = cv2.INTER_AREA if size < side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=shrink), np.uint8)


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
