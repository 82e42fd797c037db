"""Labels that leave as a data set and labels that come in: what is chosen, done and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.gui.steps import Step, obstacle
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import frames_text
from napari_echo.gui.workers import Job, Progress, shown
from napari_echo.workflow.export_choose import Fork, LeftOut
from napari_echo.workflow.import_labels import Imported, iter_import

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.export_labels import Exported

EXPORTING, IMPORTING = "Exporting", "Importing"


@dataclass(frozen=True)
class ExportChoice:
    """What is exported, and how: the options of `napari-echo labels export`.

    Parameters
    ----------
    out : Path
        The folder to make.
    whole_store : bool
        Whether every clip of the label store is exported, or those of this session.
    clips : tuple of Path
        Where the clips of the whole store lie; those of this session are known.
    format, split, split_file, splits_from, fork, view
        As for `iter_export` and `Splits`.
    """

    out: Path
    whole_store: bool = False
    clips: tuple[Path, ...] = ()
    format: str = "clips"
    split: str = "train"
    split_file: Path | None = None
    splits_from: tuple[Path, ...] = ()
    fork: Fork = "leave"
    view: str = "unknown"


@dataclass(frozen=True)
class ImportChoice:
    """What is imported: the options of `napari-echo labels import`.

    Parameters
    ----------
    path : Path
        A data set's folder, or a file of labels.
    format, reader : str
        Its format, and whose labels they are.
    clips : tuple of Path
        Clips that were labelled; empty for those in `path`.
    """

    path: Path
    format: str
    reader: str
    clips: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What an export or an import came to.

    Parameters
    ----------
    short, sentence : str
        For a short line, and in full.
    reasons : tuple of str
        Why something was left out, each once.
    """

    short: str
    sentence: str
    reasons: tuple[str, ...]


class Exchange:
    """What a reader can do with labels of other programs and for them.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.

    Attributes
    ----------
    outcome : Outcome or None
        What the last export or import came to, while its clip is open.
    unfinished : ExportChoice or None
        The last export that was asked for, until it is done: so that a reader
        whose export failed need not type it again.

    Signals
    -------
    changed()
        There is another outcome.
    """

    changed = Signal()

    def __init__(self, verbs: Verbs) -> None:
        self.verbs = verbs
        self.session = verbs.session
        self.outcome: Outcome | None = None
        self.unfinished: ExportChoice | None = None
        self._importing: Imported | None = None
        self.session.clip_changed.connect(self._forget)
        self.session.corrections.store_changed.connect(self._forget)
        verbs.runner.failed.connect(self._on_stopped)
        verbs.runner.cancelled.connect(self._on_stopped)

    def session_clips(self) -> tuple[Path, ...]:
        """List the files of this session's clips that are still there."""
        opened = [clip.source for clip in self.session.corrections.clips.values()]
        files = dict.fromkeys((*self.session.studies.roots, *opened))
        return tuple(path for path in files if path is not None and path.exists())

    def export_obstacle(self, whole_store: bool) -> str:
        """Say in one sentence why there is nothing to export; empty where there is."""
        if not whole_store:
            return obstacle(Step.EXPORT, self.session)
        store = self.session.corrections.store
        if store is None:
            return "Choose a folder for the labels first."
        if not store.path.is_dir() or next(store.path.glob("*.tif"), None) is None:
            return f"The label store {store.path} holds no label yet."
        return ""

    def export(self, choice: ExportChoice) -> None:
        """Write labels as a data set of a format: a new folder or nothing."""
        self.unfinished = choice
        store = self.session.corrections.store
        if self.verbs.may(self.export_obstacle(choice.whole_store)) and store is not None:
            # Those in memory need no search, and may have no file.
            opened = list(self.session.corrections.clips.values())
            paths = (*self.session_clips(), *choice.clips)
            self.verbs.runner.start(
                EXPORTING, export, store, choice, opened, paths, done=self._take_export
            )

    def _take_export(self, exported: Exported) -> None:
        self.unfinished = None
        told = list(filter(None, (exported.told(), exported.told_left_out())))
        # What is missing first: the path is long, and the line short.
        short = " ".join((*told[1:], f"Exported to {exported.path}"))
        self._show(short, " ".join(told), [_reason(left) for left in exported.left_out])
        self.session.corrections.take_export(exported.path)
        self.verbs.told.emit(" ".join(told))

    def import_labels(self, choice: ImportChoice) -> None:
        """Commit labels of another program, and look up what the open clip has then."""
        store = self.session.corrections.store
        reason = "" if store is not None else "Choose a folder for the labels first."
        if self.verbs.may(reason) and store is not None:
            self._importing = Imported()
            self.verbs.runner.start(
                IMPORTING, import_labels, store, choice, self._importing, done=self._take_import
            )

    def _take_import(self, imported: Imported) -> None:
        self._importing = None
        self._tell_import(imported, "")

    def _on_stopped(self, _: str) -> None:
        imported, self._importing = self._importing, None
        if imported is not None and imported.revisions:
            self._tell_import(imported, "The import was stopped; what it committed stays: ")

    def _tell_import(self, imported: Imported, before: str) -> None:
        sentence = f"{before}{imported.told()}"
        counts = (
            ("imported", len(imported.revisions)),
            ("known", len(imported.known)),
            ("left out", len(imported.skipped)),
        )
        short = ", ".join(f"{n} {what}" for what, n in counts if n) or "nothing imported"
        self._show(short, sentence, [f"{s.name}: {s.reason}" for s in imported.skipped])
        self.session.corrections.others_committed.emit()
        self.verbs.recall(sentence)

    def _show(self, short: str, sentence: str, reasons: Sequence[str]) -> None:
        self.outcome = Outcome(short, sentence, tuple(dict.fromkeys(reasons)))
        self.changed.emit()

    def _forget(self) -> None:
        self.outcome = None
        self.changed.emit()


def export(
    store: LabelStore, choice: ExportChoice, opened: Sequence[EchoClip], paths: Sequence[Path]
) -> Job[Exported]:
    """Find the labelled clips and write them as a data set."""
    from napari_echo.io.writing import check_new
    from napari_echo.workflow.export_splits import Splits
    from napari_echo.workflow.export_store import iter_export_sought, iter_search, of_clips

    yield Progress(0, 0, "Reading the label store")
    splits = Splits(choice.split, choice.split_file, choice.splits_from)
    check_new(choice.out)
    if choice.whole_store:
        sought = yield from shown(
            iter_search(store, paths, opened), lambda at: Progress(*at, "Looking for clips")
        )
    else:
        sought = of_clips(store, opened)
    steps = iter_export_sought(
        sought,
        choice.out,
        format=choice.format,
        splits=splits,
        fork=choice.fork,
        view=choice.view,
    )
    return (yield from shown(steps, lambda at: Progress(*at, EXPORTING)))


def import_labels(store: LabelStore, choice: ImportChoice, imported: Imported) -> Job[Imported]:
    """Commit the labels of a folder or a file; `imported` is filled as it goes on."""
    yield Progress(0, 0, "Looking for clips")
    steps = iter_import(
        store,
        choice.path,
        format=choice.format,
        reader=choice.reader,
        clips=choice.clips,
        result=imported,
    )
    for done, total in steps:
        so_far = len(imported.revisions) + len(imported.known)
        if done < total or not so_far:
            yield Progress(done, total, "Looking at clips")
        else:
            yield Progress(0, 0, f"Importing, {so_far} done")
    return imported


def _reason(left: LeftOut) -> str:
    """Why labels were left out, and whose they are where the reason does not say so."""
    if not left.revision_id or left.study_id in left.reason:
        return left.reason
    which = f"{left.study_id}, {frames_text(left.frames)} (revision {left.revision_id[:12]})"
    return f"{which}: {left.reason}"
