"""Find clips among files by what they show."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Set
from pathlib import Path

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.load import ClipFile, clips_of, find_clips

OnSkip = Callable[[str], None]


def iter_find(
    paths: Iterable[Path], wanted: Set[str], on_skip: OnSkip = lambda _: None
) -> Generator[tuple[int, int], None, dict[str, ClipFile]]:
    """Find clips by their ids; each is read, and the search ends when all are found.

    Parameters
    ----------
    paths : iterable of Path
        Files, and folders that are searched to the bottom.
    wanted : set of str
        Ids of the clips. That of a pair of stills, which is reviewed as one
        clip, is found at its ED still.
    on_skip : callable
        Told of each file that cannot be read, and why, in one sentence.

    Yields
    ------
    (int, int)
        Files looked at, and in all.

    Returns
    -------
    dict of str to ClipFile
        Those that were found, by their ids.

    Raises
    ------
    EchoError
        If a path does not exist, or there is no clip at all.
    """
    found: dict[str, ClipFile] = {}
    files = find_clips(paths)
    for number, path in enumerate(files):
        if len(found) == len(wanted):
            break
        for file, clip in clips_in(path, on_skip):
            if clip.clip_id in wanted:
                found.setdefault(clip.clip_id, file)
        yield number + 1, len(files)
    return found


def clips_in(path: Path, on_skip: OnSkip) -> Iterator[tuple[ClipFile, EchoClip]]:
    """Load every clip that a review makes of a file (`io.load.clips_of`).

    Parameters
    ----------
    path : Path
        The file.
    on_skip : callable
        Told why it cannot be read, in one sentence.
    """
    for file in clips_of(path):
        try:
            clip = file.load()
        except EchoError as error:
            if not file.pair:  # the two stills of a pair speak for themselves
                on_skip(str(error))
            continue
        yield file, clip
