"""Visualize: films and pictures of what a model says of clips, and of its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.io.clipset import ClipEntry, ClipSet, open_clipset
from napari_echo.io.clipset_clips import find_entry, is_in_clipset, read_clip, read_truth
from napari_echo.io.load import load
from napari_echo.io.writing import new_folder
from napari_echo.workflow.encode import write_gif, write_mp4, write_pngs
from napari_echo.workflow.film import Findings, Painter, contact_sheet, sheet_frames
from napari_echo.workflow.measure import measure
from napari_echo.workflow.predict import SegmentationModel, predict
from napari_echo.workflow.predict_files import output_names
from napari_echo.workflow.truth import find_truth, load_truth

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["mp4", "gif", "png", "sheet"]

_SHEET_FRAMES, _SHEET_SIDE = 12, 300
_FEW = 8


@dataclass(frozen=True)
class Source:
    """A clip to show: its name, and how to load it when its turn comes."""

    path: Path
    load: Callable[[], Shown]


@dataclass(frozen=True, eq=False)
class Shown:
    """A clip with what is known about it beside the model's word."""

    clip: EchoClip
    truth: Segmentation | None = None
    key_frames: KeyFrames | None = None
    stated_ef: float | None = None


@dataclass(frozen=True)
class Visualized:
    """What was written for each clip, and the clips that failed with one sentence each."""

    files: tuple[Path, ...]
    failed: tuple[tuple[Path, str], ...]


def file_sources(paths: Sequence[Path], truths: Sequence[Path] = ()) -> list[Source]:
    """Clips of files; without truths, those that CAMUS keeps beside its images are taken.

    Parameters
    ----------
    paths : sequence of Path
        Files that `io.load.load` reads.
    truths : sequence of Path
        One for each clip, or none at all.

    Raises
    ------
    EchoError
        If there are truths for some clips only.
    """
    if truths and len(truths) != len(paths):
        raise EchoError(
            f"There are {len(paths)} clips and {len(truths)} files of truth: give one for each "
            "clip, in the same order, or none."
        )
    given: list[Path | None] = [*truths] or [None] * len(paths)
    return [
        Source(path, lambda path=path, truth=truth: _from_file(path, truth))  # type: ignore[misc]
        for path, truth in zip(paths, given, strict=True)
    ]


def clipset_sources(data: Path, names: Sequence[str], split: str | None = None) -> list[Source]:
    """Clips of a clip data set, with its truth, key frames and EF.

    Parameters
    ----------
    data : Path
        The clip data set.
    names : sequence of str
        Study ids, starts of clip ids, or names of the clips' files; all clips
        where empty.
    split : str or None
        Take clips of this split alone.

    Raises
    ------
    EchoError
        If the data set cannot be opened, or a name stands for no clip of it.
    """
    clips = open_clipset(data)
    within = [entry for entry in clips.entries if split in (None, entry.split)]
    where = f"{data}" + (f" in the split '{split}'" if split else "")
    chosen: dict[str, ClipEntry] = {}
    for name in names:
        matching = [entry for entry in within if _is_called(entry, name)]
        if not matching:
            raise EchoError(f"There is no clip '{name}' in the clip data set {where}.")
        chosen.update({entry.frames_file: entry for entry in matching})
    entries = list(chosen.values()) if names else within
    if not entries:
        raise EchoError(f"There is no clip in the clip data set {where}.")
    return [
        Source(
            data / entry.frames_file.replace(".frames.npy", ".npy"),
            lambda entry=entry: _from_clipset(clips, entry),  # type: ignore[misc]
        )
        for entry in entries
    ]


def visualize(
    model: SegmentationModel,
    sources: Sequence[Source],
    out: Path,
    *,
    fmt: Format = "mp4",
    fps: float | None = None,
    side: int = 480,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Visualized:
    """Segment clips and paint prediction, truth and error over them.

    Parameters
    ----------
    model : SegmentationModel
        What segments.
    sources : sequence of Source
        From `file_sources` or `clipset_sources`.
    out : Path
        Folder to make; it must not exist. It appears whole or not at all.
    fmt : {"mp4", "gif", "png", "sheet"}
        A film, an animation, a folder with a picture of each frame, or one
        picture with up to twelve frames of the clip.
    fps : float, optional
        Frames a second to play; the clip's own without it; where that
        is unknown 10, and 1 for a clip of fewer than eight frames.
    side : int
        Longer side of a frame's picture in pixels.
    on_progress : callable, optional
        Called with the frames done, those of the clip, and the clip's name.

    Returns
    -------
    Visualized
        A clip that fails is reported and the others go on.

    Raises
    ------
    EchoError
        If every clip fails, or `out` exists or cannot be written.
    """
    out = Path(out)
    files: list[Path] = []
    failed: list[tuple[Path, str]] = []
    with new_folder(out) as folder:
        names = output_names([source.path for source in sources])
        for source, name in zip(sources, names, strict=True):

            def report(done: int, total: int, name: str = name) -> None:
                if on_progress is not None:
                    on_progress(done, total, name)

            try:
                shown = source.load()
                findings = _find(model, shown, report)
            except EchoError as error:
                failed.append((source.path, str(error)))
                continue
            slow = len(shown.clip) < _FEW  # stills, to be looked at one by one
            rate = fps or shown.clip.fps or (1.0 if slow else 10.0)
            files.append(out / _write(folder, name, findings, fmt, rate, side))
        if not files:
            raise EchoError(failed[0][1] if failed else "There is no clip to show.")
    return Visualized(tuple(files), tuple(failed))


def _from_file(path: Path, truth: Path | None) -> Shown:
    if truth is None and is_in_clipset(path):
        return _from_clipset(*find_entry(path))
    clip = load(path)
    found = truth or find_truth(clip)
    return Shown(clip, load_truth(found, clip) if found is not None else None)


def _from_clipset(clips: ClipSet, entry: ClipEntry) -> Shown:
    key_frames = entry.key_frames if entry.key_frames.beats else None
    return Shown(read_clip(clips, entry), read_truth(clips, entry), key_frames, entry.ef)


def _is_called(entry: ClipEntry, name: str) -> bool:
    stem = Path(entry.frames_file).name.removesuffix(".frames.npy")
    by_hash = len(name) >= 8 and entry.clip_id.startswith(name)
    return by_hash or name in (entry.study_id, stem, f"{stem}.frames.npy", entry.frames_file)


def _find(
    model: SegmentationModel, shown: Shown, on_progress: Callable[[int, int], None]
) -> Findings:
    prediction = predict(shown.clip, model, on_progress=on_progress)
    truth = shown.truth
    return Findings(
        clip=shown.clip,
        predicted=prediction.segmentation,
        measures=measure(shown.clip, prediction.segmentation, shown.key_frames),
        model_name=prediction.model_name,
        truth=truth,
        true_measures=None if truth is None else measure(shown.clip, truth, shown.key_frames),
        stated_ef=shown.stated_ef,
    )


def _write(folder: Path, name: str, findings: Findings, fmt: Format, fps: float, side: int) -> str:
    painter = Painter(findings, _SHEET_SIDE if fmt == "sheet" else side)
    n = len(findings.clip)
    pictures: Iterator[Image] = (painter.frame(index) for index in range(n))
    if fmt == "mp4":
        write_mp4(folder / f"{name}.mp4", pictures, fps)
        return f"{name}.mp4"
    if fmt == "gif":
        write_gif(folder / f"{name}.gif", pictures, fps)
        return f"{name}.gif"
    if fmt == "png":
        write_pngs(folder / name, pictures)
        return name
    frames = sheet_frames(n, painter.key_frames(), _SHEET_FRAMES)
    contact_sheet(painter, frames).save(folder / f"{name}.png")
    return f"{name}.png"
