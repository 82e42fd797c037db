"""What is asked of a retraining, what it tells on the way, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from napari_echo.core.params import TrainParams
from napari_echo.workflow.retrain_process import Trained
from napari_echo.workflow.retrain_verdict import Row


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Parameters
    ----------
    labels : Path
        The label store.
    base : str
        Name or folder of the model pack that was corrected.
    out : Path
        The new pack's folder; it must not exist.
    clips : tuple of Path
        Files and folders of the labelled clips.
    val : Path
        Clip data set to judge by.
    data : tuple of Path
        Clip data sets whose split "train" is learned from again.
    split : str
        The split of `val`.
    work_dir : Path or None
        Work folder; OUT.work beside `out` by default.
    params : TrainParams
        How it is trained.
    licence : str or None
        Licence of the new model; the base's by default.
    found_only : bool
        Leave revisions out whose clip is not among `clips`, in place of refusing.
    command : str
        The command that does it, for the card.
    """

    labels: Path
    base: str
    out: Path
    clips: tuple[Path, ...]
    val: Path
    data: tuple[Path, ...] = ()
    split: str = "val"
    work_dir: Path | None = None
    params: TrainParams = field(default_factory=TrainParams)
    licence: str | None = None
    found_only: bool = False
    command: str = ""

    @property
    def work(self) -> Path:
        """The work folder."""
        return self.work_dir or self.out.with_name(f"{self.out.name}.work")


@dataclass(frozen=True)
class Told:
    """Something worth a line, such as files that were passed over."""

    sentence: str


@dataclass(frozen=True)
class Stage:
    """How far a part of the work is: `done` of `total` (0 where unknown), doing `what`."""

    what: str
    done: int
    total: int


Step = Told | Stage | Trained


@dataclass(frozen=True)
class Retrained:
    """The outcome.

    Parameters
    ----------
    offered : bool
        Whether the new model is no worse than its base; only then `pack` is
        where it was asked for, else it stays in the work folder.
    pack : Path
        The new model.
    base : str
        Name of its base.
    rows : tuple of Row
        The comparison.
    """

    offered: bool
    pack: Path
    base: str
    rows: tuple[Row, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not offered."""
        return tuple(row.worse for row in self.rows if row.worse)
