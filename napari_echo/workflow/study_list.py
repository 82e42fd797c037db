"""List the clips of folders and data sets, and decode none of them.

A folder is a data set where it looks like one: a clip data set, EchoNet-Dynamic,
EchoNet-Pediatric or CAMUS. Any other folder is searched for files of clips.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.workflow.studies import OpenedClip, StudyItem

if TYPE_CHECKING:
    from napari_echo.io.clipset import ClipEntry, ClipSet
    from napari_echo.io.sources import ClipSource

_BATCH = 200

Listing = Iterator[StudyItem]


def iter_list(paths: Sequence[Path]) -> Generator[int, None, list[StudyItem]]:
    """List the clips among files, folders and data sets.

    Parameters
    ----------
    paths : sequence of Path
        What to list; each clip is listed once.

    Yields
    ------
    int
        Clips found so far. Closing the generator cancels the search.

    Returns
    -------
    list of StudyItem
        The generator's return value; not empty.

    Raises
    ------
    EchoError
        If a path does not exist, a data set's lists are damaged, or there is
        no clip at all.
    """
    found: dict[str, StudyItem] = {}
    for path in paths:
        listing = iter(_listing(Path(path).absolute()))
        yield len(found)
        while batch := list(islice(listing, _BATCH)):
            found.update((item.key, item) for item in batch)
            yield len(found)
    if not found:
        from napari_echo.io.load import CLIP_SUFFIXES

        names = ", ".join(str(path) for path in paths) or "Nothing"
        raise EchoError(f"{names} holds no clip; clips end in {', '.join(CLIP_SUFFIXES)}.")
    return list(found.values())


def kind_of(path: Path) -> str:
    """Say whether a path is a file, a folder of clips, or a data set, and of which kind."""
    if not path.is_dir():
        return "file"
    if (path / "index.json").is_file() and (path / "clips").is_dir():
        return "clip data set"
    if (path / "FileList.csv").is_file() and (path / "Videos").is_dir():
        return "EchoNet-Dynamic"
    if (path / "database_nifti").is_dir() or path.name == "database_nifti":
        return "CAMUS"
    from napari_echo.io.pediatric import find_views

    return "EchoNet-Pediatric" if find_views(path) else "folder"


def item_of_file(path: Path, n_frames: int | None = None) -> StudyItem:
    """List a file without a look at it.

    Parameters
    ----------
    path : Path
        The file.
    n_frames : int, optional
        How many frames the clip has that is meant: an ED still of CAMUS is
        taken with the ES still beside it for a clip of two.
    """
    path = path.absolute()
    if n_frames == 2:
        from napari_echo.io.camus import pair_source
        from napari_echo.io.camus_layout import es_still

        if es_still(path) is not None:
            return _with_info(pair_source(path))
    return StudyItem(str(path), path.name, (path,), partial(_read_file, path))


def item_of_clip(clip: EchoClip) -> StudyItem | None:
    """List a clip that was opened by its file; None where it came from none."""
    if clip.source is None:
        return None
    return replace(
        item_of_file(clip.source, len(clip)),
        study_id=clip.study_id,
        view=clip.view,
        n_frames=len(clip),
        clip_id=clip.clip_id,
    )


def _listing(path: Path) -> Listing:
    if not path.exists():
        raise EchoError(f"{path} does not exist.")
    listings: dict[str, Callable[[Path], Listing]] = {
        "file": lambda path: iter([item_of_file(path)]),
        "clip data set": _clipset,
        "EchoNet-Dynamic": _echonet,
        "EchoNet-Pediatric": _pediatric,
        "CAMUS": _camus,
        "folder": _folder,
    }
    return listings[kind_of(path)](path)


def _folder(path: Path) -> Listing:
    from napari_echo.io.load import walk_clips

    for file in walk_clips(path):
        # Files of several folders may bear one name.
        yield replace(item_of_file(file), name=file.relative_to(path).as_posix())


def _read_file(path: Path) -> OpenedClip:
    from napari_echo.io.clipset_clips import find_entry, is_in_clipset
    from napari_echo.io.load import load
    from napari_echo.workflow.truth import find_truth, load_truth

    if path.is_file() and is_in_clipset(path):
        # Its data set knows ED, ES and EF, too.
        return _read_entry(*find_entry(path))
    clip = load(path)
    truth = find_truth(clip)
    if truth is None:
        return OpenedClip(clip)
    try:
        return OpenedClip(clip, load_truth(truth, clip))
    except EchoError as error:
        return OpenedClip(clip, remark=str(error))


def _clipset(path: Path) -> Listing:
    from napari_echo.io.clipset import open_clipset

    clips = open_clipset(path, check=False)
    for entry in clips.entries:
        file = path / entry.frames_file
        yield StudyItem(
            str(file),
            entry.source or Path(entry.frames_file).name.removesuffix(".frames.npy"),
            (file, path / entry.labels_file),
            partial(_read_entry, clips, entry),
            entry.study_id,
            entry.view,
            entry.split,
            entry.shape[0],
            entry.ef,
            entry.clip_id,
        )


def _read_entry(clips: ClipSet, entry: ClipEntry) -> OpenedClip:
    from napari_echo.io.clipset import check_files
    from napari_echo.io.clipset_clips import read_clip, read_truth

    check_files(clips.root, entry)
    key_frames = entry.key_frames if entry.key_frames.beats else None
    return OpenedClip(read_clip(clips, entry), read_truth(clips, entry), key_frames, entry.ef)


def _echonet(path: Path) -> Listing:
    from napari_echo.io.echonet import list_echonet

    return map(_labelled, list_echonet(path))


def _pediatric(path: Path) -> Listing:
    from napari_echo.io.pediatric import list_pediatric

    return map(_labelled, list_pediatric(path))


def _camus(path: Path) -> Listing:
    from napari_echo.io.camus import list_reviewed

    root = path.parent if path.name == "database_nifti" else path
    return (_with_info(source) for source in list_reviewed(root) if not source.problem)


def _with_info(source: ClipSource) -> StudyItem:
    from napari_echo.io.camus_layout import NAME, VIEW_OF_CODE, read_info

    match = NAME.match(source.files[0].name)
    assert match is not None  # the listing goes by these names
    info = read_info(source.files[-1])
    item = _labelled(source)
    stills = match["what"] != "half_sequence"
    return replace(
        item,
        # The ED still alone is another clip.
        key=item.key.replace("_ED.nii", "_ED_ES.nii") if stills else item.key,
        view=VIEW_OF_CODE[match["view"]],
        n_frames=2 if stills else info.n_frames,
        ef=info.ef,
    )


def _labelled(source: ClipSource) -> StudyItem:
    video, problem = source.files[0], source.problem
    if problem and video.is_file():
        problem = ""  # only the tracing is damaged: the video itself can be looked at
    return StudyItem(
        str(video),
        source.name,
        source.files,
        partial(_read_source, source),
        source.study_id,
        source.view,
        source.split,
        source.n_frames,
        source.ef,
        problem=problem,
    )


def _read_source(source: ClipSource) -> OpenedClip:
    try:
        item = source.load()
    except EchoError as error:
        # The labels may be all that is wrong.
        clip = replace(_load_unlabelled(source.files[0]), study_id=source.study_id)
        return OpenedClip(clip, ef=source.ef, remark=str(error))
    return OpenedClip(item.clip, item.truth, item.key_frames, item.ef)


def _load_unlabelled(path: Path) -> EchoClip:
    """Load a clip by its file; an ED still of CAMUS with its ES still, where that can be read."""
    from napari_echo.io.load import clips_of

    own, *pairs = clips_of(path)
    for pair in pairs:
        with suppress(EchoError):
            return pair.load()
    return own.load()
