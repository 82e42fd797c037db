"""Preprocess: a public data set becomes a clip data set that training reads fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from napari_echo import __version__
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, LV_SCHEMA
from napari_echo.io import camus, echonet, pediatric
from napari_echo.io.clipset import ClipEntry
from napari_echo.io.clipset_writer import check_labels
from napari_echo.io.labelled import Skipped
from napari_echo.io.letterbox import letterbox_clip
from napari_echo.io.partial_set import PartialSet, partial_set, read_skipped, was_finished
from napari_echo.io.sources import ClipSource
from napari_echo.io.splits import OfficialSplit, SplitRule
from napari_echo.workflow.parallel import in_processes

Layout = Literal["camus", "echonet", "pediatric"]

_SCHEMAS = {"camus": CAMUS_SCHEMA, "echonet": LV_SCHEMA, "pediatric": LV_SCHEMA}


def preprocess(
    layout: Layout,
    src: Path,
    dst: Path,
    *,
    sequences: bool = False,
    views: Sequence[str] | None = None,
    val_folds: Sequence[int] | None = None,
    test_folds: Sequence[int] | None = None,
    split: SplitRule | None = None,
    size: int | None = None,
    workers: int = 1,
    fresh: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    on_skip: Callable[[Skipped], None] | None = None,
) -> tuple[Path, list[Skipped]]:
    """Write a data set in a public layout as a clip data set.

    A run that was stopped, by whatever means, is gone on with by a call with
    the same arguments: clips that are written stay, those that could not be
    read are tried again. The outcome, byte by byte, depends neither on stops
    nor on the number of workers. `io.partial_set` tells what lies beside
    `dst` meanwhile.

    Parameters
    ----------
    layout : {"camus", "echonet", "pediatric"}
        How `src` is laid out.
    src : Path
        Folder of the data set.
    dst : Path
        Folder to make; it must not exist. It appears whole or not at all.
    sequences : bool
        Take CAMUS's half sequences in place of its ED and ES stills.
    views : sequence of str, optional
        The views to take of CAMUS (``"A4C"``, ``"A2C"``) or EchoNet-Pediatric
        (``"A4C"``, ``"PSAX"``); all of them when left out.
    val_folds, test_folds : sequence of int, optional
        Folds of EchoNet-Pediatric for validation and test, 8 and 9 when left
        out; the others are for training.
    split : SplitRule, optional
        Which studies go to which split; the official split when left out.
    size : int, optional
        Side in pixels of a square that frames and labels are letterboxed to,
        as training does it; their own size when left out.
    workers : int
        Processes that read.
    fresh : bool
        Begin anew, whatever an earlier run has left.
    on_progress : callable, optional
        Called with the clips done and their number.
    on_skip : callable, optional
        Called with each skipped clip in the order of the data set, also where
        all were skipped.

    Returns
    -------
    Path
        `dst`.
    list of Skipped
        The clips that could not be read, with the reasons, as in the data
        set's `skipped.csv`.

    Raises
    ------
    EchoError
        If the layout is unknown or has no such option, `src` is not laid out
        so, the split does not fit, no clip can be read, `dst` exists or cannot
        be written, or an earlier run of other arguments has begun it.
    """
    src, dst = Path(src), Path(dst)
    split = split or OfficialSplit()
    if size is not None and not 16 <= size <= 4096:
        raise EchoError(f"Frames of {size} pixels a side are of no use: give 16 to 4096.")
    sources = split.assign(_list(layout, src, sequences, views, val_folds, test_folds))
    job = {
        "program version": __version__,
        "layout": layout,
        "source": str(src.resolve()),
        "choice of images": "half sequences" if sequences else "stills or videos",
        "choice of views": ", ".join(sorted(views)) if views else "all",
        "choice of folds": f"validation {_typed(val_folds)}, test {_typed(test_folds)}",
        "split": str(split),
        "size": str(size or "as it is"),
    }
    if was_finished(dst, job):
        return dst, read_skipped(dst)
    with partial_set(dst, job, fresh=fresh) as partial:
        outcomes = _convert_all(sources, partial, size, workers, on_progress)
        skipped = [found for found in outcomes if isinstance(found, Skipped)]
        for skip in skipped:
            if on_skip is not None:
                on_skip(skip)
        entries = [
            replace(found, split=source.split)
            for source, found in zip(sources, outcomes, strict=True)
            if isinstance(found, ClipEntry)
        ]
        if not entries:
            partial.clear()
        else:
            partial.finish(dst, _SCHEMAS[layout], entries, skipped)
    if not entries:
        why = f"; the first, {skipped[0].name}: {skipped[0].reason}" if skipped else "."
        raise EchoError(f"No clip of {src} can be read{why}")
    return dst, skipped


def _typed(folds: Sequence[int] | None) -> str:
    return "by default" if folds is None else " ".join(map(str, folds))


def _list(
    layout: str,
    src: Path,
    sequences: bool,
    views: Sequence[str] | None,
    val_folds: Sequence[int] | None,
    test_folds: Sequence[int] | None,
) -> list[ClipSource]:
    if layout not in get_args(Layout):
        raise EchoError(f"There is no layout '{layout}': choose camus, echonet or pediatric.")
    if sequences and layout != "camus":
        raise EchoError("Only CAMUS has half sequences: leave that option out.")
    if layout == "echonet" and set(views or ()) - {"A4C"}:
        raise EchoError("EchoNet-Dynamic has one view, A4C: leave the choice of views out.")
    if (val_folds is not None or test_folds is not None) and layout != "pediatric":
        raise EchoError("Only EchoNet-Pediatric has folds: leave that option out.")
    if layout == "camus":
        return camus.list_camus(src, sequences=sequences, views=views or camus.VIEWS)
    if layout == "echonet":
        return echonet.list_echonet(src)
    return pediatric.list_pediatric(
        src,
        views=views or pediatric.VIEWS,
        val_folds=pediatric.VAL_FOLDS if val_folds is None else val_folds,
        test_folds=pediatric.TEST_FOLDS if test_folds is None else test_folds,
    )


@dataclass(frozen=True)
class _Job:
    """A clip to convert; `number` is its place among the sources."""

    number: int
    source: ClipSource
    partial: PartialSet
    size: int | None


def _convert_all(
    sources: Sequence[ClipSource],
    partial: PartialSet,
    size: int | None,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> list[ClipEntry | Skipped]:
    """Entry in the index, or why there is none, of each source."""
    outcomes: dict[int, ClipEntry | Skipped] = {}
    jobs = []
    for number, source in enumerate(sources):
        if source.problem:
            outcomes[number] = Skipped(source.name, source.problem)
        elif (entry := partial.written(source)) is not None:
            outcomes[number] = entry
        else:
            jobs.append(_Job(number, source, partial, size))
    if on_progress is not None:
        on_progress(len(outcomes), len(sources))
    for number, outcome in in_processes(_convert, jobs, workers):
        outcomes[number] = outcome
        if on_progress is not None:
            on_progress(len(outcomes), len(sources))
    return [outcomes[number] for number in range(len(sources))]


def _convert(job: _Job) -> tuple[int, ClipEntry | Skipped]:
    name = job.source.name
    try:
        item = job.source.load()
        if job.size is not None:
            item = letterbox_clip(item, job.size)
        check_labels(item)
    except EchoError as error:
        return job.number, Skipped(name, str(error))
    except MemoryError:
        return job.number, Skipped(name, f"{name} does not fit in the memory that is free.")
    return job.number, job.partial.write(job.source, item)
