"""What a model is trained on again with: old labels, corrections, and their hard pixels."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_echo.core.clip import EchoClip, hash_array
from napari_echo.core.errors import EchoError
from napari_echo.core.hardness import hard_pixels, hardness_map
from napari_echo.core.labels import IGNORE, LabelSchema
from napari_echo.core.params import HardnessParams, TrainParams
from napari_echo.core.revision import Revision
from napari_echo.io.clipset import ClipEntry, ClipSet, open_clipset
from napari_echo.io.clipset_index import entry_to_dict
from napari_echo.io.clipset_writer import write_index
from napari_echo.io.load import ClipFile
from napari_echo.io.writing import new_folder
from napari_echo.workflow.clip_search import iter_find
from napari_echo.workflow.export import export_clipset
from napari_echo.workflow.export_choose import learned_revisions
from napari_echo.workflow.predict import SegmentationModel, run_steps

TRAIN = "train"
_NAMED = 5  # leaks that a message names
_BATCH = 16  # frames of a model call
OnProgress = Callable[[int, int], None]


class ClipFiles(Mapping[str, EchoClip]):
    """Clips by their id, read from their files each time they are asked for.

    Parameters
    ----------
    files : mapping of str to ClipFile
        The file of each clip.
    """

    def __init__(self, files: Mapping[str, ClipFile]) -> None:
        self.files = dict(files)

    def __getitem__(self, clip_id: str) -> EchoClip:
        return self.files[clip_id].load()

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def find_labelled(
    paths: Sequence[Path], wanted: set[str], on_progress: OnProgress | None = None
) -> ClipFiles:
    """Find clips among files and folders by what they show.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders. Those that hold no clip that can be read are passed
        over: where one of them is a labelled clip, that is told as missing.
    wanted : set of str
        Ids of the clips; the search ends when all are found.
    on_progress : callable, optional
        Called with the files read and their number.

    Raises
    ------
    EchoError
        If a path does not exist, or there is no clip at all.
    """
    return ClipFiles(run_steps(iter_find(paths, wanted), on_progress))


@dataclass(frozen=True)
class Shown:
    """Labelled frames of one clip, by what tells them from others: for finding leaks.

    Parameters
    ----------
    where : str
        For people: the revision, or the data set.
    study_id, clip_id : str
        The study and the clip.
    frame_hashes : frozenset of str
        SHA-256 of the labelled frames.
    """

    where: str
    study_id: str
    clip_id: str
    frame_hashes: frozenset[str]


def shown_by_revisions(revisions: Iterable[Revision]) -> list[Shown]:
    """What revisions label that would be learned: none that was rejected, or is a repeat."""
    every = list(revisions)
    learned = set(learned_revisions(every))
    return [
        Shown(f"revision {r.revision_id[:12]}", r.study_id, r.clip_id, frozenset(r.frame_hashes))
        for r in every
        if r.revision_id in learned
    ]


def shown_by(clips: ClipSet, split: str) -> list[Shown]:
    """What a split of a clip data set labels."""
    return [
        Shown(
            f"split '{split}' of {clips.root}",
            entry.study_id,
            entry.clip_id,
            frozenset(hash_array(np.array(clips.frames(entry)[f])) for f in entry.labelled_frames),
        )
        for entry in clips.entries
        if entry.split == split and entry.labelled_frames
    ]


def check_leaks(learned: Iterable[Shown], judged: Iterable[Shown]) -> None:
    """Refuse to judge a model by what it learned from.

    Parameters
    ----------
    learned : iterable of Shown
        Corrections and old labels.
    judged : iterable of Shown
        The validation set.

    Raises
    ------
    EchoError
        If they share a study, a clip or a labelled frame; the sentence names them.
    """
    judged = list(judged)
    studies = {shown.study_id for shown in judged}
    clips = {shown.clip_id: shown.study_id for shown in judged}
    frames = {digest: shown.study_id for shown in judged for digest in shown.frame_hashes}
    leaks: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for shown in learned:
        same = next((frames[d] for d in sorted(shown.frame_hashes) if d in frames), None)
        if shown.study_id in studies:
            leaks[f"study {shown.study_id}"][shown.where] = None
        elif shown.clip_id in clips:
            leaks[f"the clip of study {clips[shown.clip_id]}"][shown.where] = None
        elif same is not None:
            where = f"{shown.where}, as study {shown.study_id}"
            leaks[f"a frame of study {same}"][where] = None
    if leaks:
        named = [f"{what} ({_first(list(where))})" for what, where in leaks.items()][:_NAMED]
        more = f" and {len(leaks) - _NAMED} more" if len(leaks) > _NAMED else ""
        raise EchoError(
            f"The validation set holds what the model would learn from: {'; '.join(named)}{more}. "
            "The comparison would flatter it: validate on other studies."
        )


def _first(where: Sequence[str]) -> str:
    """The first of the places where something was found, and how many more there are."""
    return where[0] if len(where) == 1 else f"{where[0]} and {len(where) - 1} more"


def check_structures(clips: ClipSet, schema: LabelSchema, model: str, whose: str = "") -> None:
    """Refuse labels that lack a structure which the model knows, as it would unlearn it.

    `whose` names them where they lie in a folder that nobody knows.

    Raises
    ------
    EchoError
        If one is lacking.
    """
    labelled = {structure.index for structure in clips.schema.structures}
    lacking = [s.name for s in schema.structures if s.index not in labelled]
    if lacking:
        raise EchoError(
            f"{whose or clips.root} labels no {' and no '.join(lacking)}, which the model {model} "
            "finds and would unlearn: train on with labels of every structure that it knows."
        )


def fingerprint(clips: ClipSet, split: str) -> str:
    """SHA-256 of a split: of its index, without the names of files, and of its labels.

    The index names each clip by the hash of its frames. The order of the
    clips does not matter.
    """
    digest = hashlib.sha256()
    entries = [entry for entry in clips.entries if entry.split == split]
    for entry in sorted(entries, key=lambda e: (e.clip_id, e.study_id)):
        data = entry_to_dict(entry)
        for name in ("frames_file", "labels_file", "hard_file", "source"):
            del data[name]
        digest.update(json.dumps(data, sort_keys=True).encode())
        digest.update(np.ascontiguousarray(clips.labels(entry)).data)
    return digest.hexdigest()


def write_corrections(
    revisions: Sequence[Revision],
    clips: Mapping[str, EchoClip],
    model: SegmentationModel,
    out: Path,
    on_progress: OnProgress | None = None,
) -> ClipSet:
    """Write corrections as a clip data set that says which of their pixels are hard.

    Hard is a pixel where the model and the correction disagree, and one where
    the model is in doubt: that `mark` calls hard by its defaults.

    Parameters
    ----------
    revisions : sequence of Revision
        As for `workflow.export.export_clipset`.
    clips : mapping of str to EchoClip
        The clips by their id.
    model : SegmentationModel
        The model that was corrected.
    out : Path
        Folder to make; it appears whole or not at all.
    on_progress : callable, optional
        Called with the clips done and their number.

    Raises
    ------
    EchoError
        As `export_clipset` does.
    """
    with new_folder(out) as partial:
        partial.rmdir()  # made anew by the export
        corrections = open_clipset(export_clipset(revisions, clips, partial, split=TRAIN))
        whose = "What was corrected"
        check_structures(corrections, model.schema, model.pack.name, whose)
        entries = []
        for number, entry in enumerate(corrections.entries):
            if on_progress is not None:
                on_progress(number, len(corrections.entries))
            hard_file = entry.labels_file.removesuffix(".labels.npy") + ".hard.npy"
            np.save(partial / hard_file, _hard_pixels(corrections, entry, model))
            entries.append(replace(entry, hard_file=hard_file))
        write_index(partial, corrections.schema, entries)
    return open_clipset(out)


def _hard_pixels(
    clips: ClipSet, entry: ClipEntry, model: SegmentationModel
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    frames, labels = clips.frames(entry), clips.labels(entry)
    hard = np.zeros(labels.shape, np.uint8)
    for first in range(0, len(labels), _BATCH):
        rows = slice(first, first + _BATCH)
        wanted = list(entry.labelled_frames[rows])
        probabilities = model.probabilities(np.ascontiguousarray(frames[wanted]))
        doubt = hard_pixels(hardness_map("entropy", probabilities, None), HardnessParams()).mask
        wrong = (probabilities.argmax(axis=1) != labels[rows]) & (labels[rows] != IGNORE)
        hard[rows] = wrong | doubt
    return hard


def repeats(old: Sequence[int], corrected: int, params: TrainParams) -> list[int]:
    """How often each data set is listed, so that the corrections have their share.

    They make up ``params.share`` of the frames shown, unless each of them would
    be shown more than ``params.visits`` times for it: few corrections get less,
    and are not learned by heart. Nor do many corrections drown few old labels,
    which are then repeated in turn.

    Parameters
    ----------
    old : sequence of int
        Labelled frames of each old data set.
    corrected : int
        Labelled frames of the corrections.
    params : TrainParams
        Share, visits, iterations and batch.

    Returns
    -------
    list of int
        Of each old data set, then of the corrections.
    """
    total = sum(old)
    if not total:
        return [*(1 for _ in old), 1]
    visited = params.visits * corrected / (params.iterations * params.batch)
    # What they have anyway is no more than the old labels get.
    share = min(params.share, max(visited, corrected / (corrected + total)), 0.99)
    wanted = share / (1 - share) * total / corrected
    if wanted >= 1:
        return [*(1 for _ in old), round(wanted)]
    return [*(max(1, round(1 / wanted)) for _ in old), 1]
