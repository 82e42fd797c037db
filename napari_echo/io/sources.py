"""What a data set lists, before any of it is read.

A listing tells each clip's study and split at no cost, and each of its clips
can be read alone, in any order and in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_echo.core.errors import EchoError
from napari_echo.io.labelled import LabelledClip, Skipped


@dataclass(frozen=True)
class ClipSource:
    """One clip of a listed data set.

    Parameters
    ----------
    name : str
        What it is called in messages; unique among the readable clips of a listing.
    study_id : str
        The patient, or the study where the data set does not tell patients;
        clips of one study belong to one split.
    split : str
        The split that the data set itself puts it in, one of `SPLITS`.
    files : tuple of Path
        The files that it is read from.
    read : callable or None
        Reads it; a module's function or a partial of one, so that it can be
        sent to another process.
    problem : str
        Why it cannot be read, as one sentence, where the listing shows that already.
    view : str
        As in `EchoClip`, where the listing tells it.
    n_frames : int or None
        Frames, where the listing tells it.
    ef : float or None
        Ejection fraction, 0 to 1, where the listing tells it.
    """

    name: str
    study_id: str
    split: str
    files: tuple[Path, ...] = ()
    read: Callable[[], LabelledClip] | None = None
    problem: str = ""
    view: str = "unknown"
    n_frames: int | None = None
    ef: float | None = None

    def load(self) -> LabelledClip:
        """Read the clip.

        Raises
        ------
        EchoError
            If it cannot be read.
        """
        if self.problem or self.read is None:
            raise EchoError(self.problem)
        return self.read()


def read_sources(
    sources: Iterable[ClipSource], on_skip: Callable[[Skipped], None]
) -> Iterator[LabelledClip]:
    """Read clip by clip, each when it is asked for; tell `on_skip` of those that cannot be."""
    for source in sources:
        try:
            item = source.load()
        except EchoError as error:
            on_skip(Skipped(source.name, str(error)))
        else:
            yield item
