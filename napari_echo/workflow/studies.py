"""The clips of a review: what is listed, which one is open, which come before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.io.labelled import UNASSIGNED


@dataclass(frozen=True, eq=False)
class OpenedClip:
    """A decoded clip and what came with it.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    truth : Segmentation or None
        Its ground truth.
    key_frames : KeyFrames or None
        ED and ES as they were traced.
    ef : float or None
        Ejection fraction as the data set states it, 0 to 1.
    remark : str
        Why there is no ground truth where there should be one, as one sentence.
    """

    clip: EchoClip
    truth: Segmentation | None = None
    key_frames: KeyFrames | None = None
    ef: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class StudyItem:
    """One clip of a listing; what is not known before it is decoded is empty.

    Parameters
    ----------
    key : str
        Names it for good: the absolute path of its frames.
    name : str
        What people call it; unique within a data set.
    files : tuple of Path
        The files that it is read from, that of its frames first.
    read : callable
        Decodes it; an `EchoError` where it cannot.
    study_id, view, split : str
        As in `EchoClip` and `LabelledClip`.
    n_frames : int or None
        Frames.
    ef : float or None
        Ejection fraction as the data set states it, 0 to 1.
    clip_id : str
        As in `EchoClip`.
    problem : str
        Why it cannot be read, as one sentence, where the listing shows that.
    """

    key: str
    name: str
    files: tuple[Path, ...]
    read: Callable[[], OpenedClip]
    study_id: str = ""
    view: str = "unknown"
    split: str = UNASSIGNED
    n_frames: int | None = None
    ef: float | None = None
    clip_id: str = ""
    problem: str = ""

    @property
    def path(self) -> Path:
        """The file of its frames."""
        return self.files[0]

    def load(self) -> OpenedClip:
        """Decode the clip.

        Raises
        ------
        EchoError
            If it cannot be read.
        """
        if self.problem:
            raise EchoError(self.problem)
        return self.read()


class Studies:
    """The listed clips, in the order of the queue.

    Attributes
    ----------
    roots : tuple of Path
        The files, folders and data sets that hold the clips.
    current : StudyItem or None
        The clip under review, where it is a listed one.
    problems : dict of str to str
        Why clips could not be read, as one sentence, by their keys.

    Signals
    -------
    items_changed()
        There are other clips.
    order_changed()
        They come in another order, or others of them are to be looked at.
    current_changed()
        Another clip is open.
    problem_found(str)
        The clip of this key cannot be read.
    """

    items_changed = Signal()
    order_changed = Signal()
    current_changed = Signal()
    problem_found = Signal(str)

    def __init__(self) -> None:
        self._items: dict[str, StudyItem] = {}
        self._order: tuple[str, ...] = ()
        self._place: dict[str, int] = {}
        self._wanted: frozenset[str] | None = None
        self.roots: tuple[Path, ...] = ()
        self.current: StudyItem | None = None
        self.problems: dict[str, str] = {}
        self._aside, self._held = "", ""
        self._rewound = False

    @property
    def items(self) -> tuple[StudyItem, ...]:
        """The clips, as they were listed."""
        return tuple(self._items.values())

    @property
    def keys(self) -> Set[str]:
        """The keys of the clips."""
        return self._items.keys()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: str) -> StudyItem | None:
        """The clip of a key."""
        return self._items.get(key)

    def at(self, path: Path | None) -> StudyItem | None:
        """The clip whose frames lie in a file."""
        if path is None:
            return None
        found = self._items.get(str(path.absolute()))
        return found or next((i for i in self._items.values() if path == i.path), None)

    def set_items(self, items: Iterable[StudyItem], roots: Iterable[Path] = ()) -> None:
        """List clips, found in `roots`, in place of those before; opens none."""
        self.roots = tuple(roots)
        self._items = {item.key: item for item in items}
        self.problems = {key: item.problem for key, item in self._items.items() if item.problem}
        self._set_order(tuple(self._items), None)
        self.items_changed.emit()

    def add(self, item: StudyItem) -> None:
        """List one more clip."""
        self.roots = (*self.roots, item.path)
        self._items[item.key] = item
        if item.key not in self._place:
            wanted = None if self._wanted is None else self._wanted | {item.key}
            self._set_order((*self._order, item.key), wanted)
        self.items_changed.emit()

    def set_current(self, item: StudyItem | None) -> None:
        """Say which clip is open."""
        self.current, self._rewound = item, False
        if item is None or item.key != self._aside:
            self._aside = self._held = ""
        self.current_changed.emit()

    def note_problem(self, key: str, sentence: str) -> None:
        """Note why a clip cannot be read; an empty sentence takes it back."""
        if sentence:
            self.problems[key] = sentence
        elif self.problems.pop(key, None) is None:
            return
        self.problem_found.emit(key)

    def rewind(self) -> None:
        """Let the next clip be the first of the queue, wherever the open one is."""
        self._rewound = True
        self.order_changed.emit()

    def step_aside(self, item: StudyItem) -> None:
        """Keep the place of the open clip in the queue while another one is opened."""
        held = self._here()
        self._aside, self._held = item.key, held

    def _here(self) -> str:
        """The clip whose place in the queue counts."""
        return self._held or (self.current.key if self.current is not None else "")

    # The queue ------------------------------------------------------------------

    def set_order(self, keys: Sequence[str], wanted: Iterable[str] | None = None) -> None:
        """Put the clips in an order.

        Parameters
        ----------
        keys : sequence of str
            All of them, the next to look at first.
        wanted : iterable of str or None
            Those to look at; the others only keep their places. None is all.
        """
        self._set_order(tuple(keys), None if wanted is None else frozenset(wanted))
        self.order_changed.emit()

    def _set_order(self, keys: tuple[str, ...], wanted: frozenset[str] | None) -> None:
        self._order, self._wanted = keys, wanted
        self._place = {key: place for place, key in enumerate(keys)}

    def ordered(self) -> list[StudyItem]:
        """All clips, the next to look at first; those to look at before the others."""
        wanted = self._wanted
        places = {key: (wanted is not None and key not in wanted) for key in self._order}
        return [self._items[key] for key in sorted(self._order, key=places.__getitem__)]

    def position(self) -> tuple[int, int]:
        """Place of the open clip among those to look at, from 1 (0 outside), and their number."""
        wanted = [key for key in self._order if self._wanted is None or key in self._wanted]
        key = self._here()
        return (wanted.index(key) + 1 if key in wanted else 0), len(wanted)

    def neighbour(self, step: int) -> StudyItem | None:
        """The clip so many places from the open one; those that cannot be read do not count.

        Where the open clip is not among those to look at any more, its place
        still counts. Without an open clip the first, or the last, is one place away.
        """
        direction = 1 if step > 0 else -1
        place = -1 if self._rewound else self._place.get(self._here(), -1)
        passed = {*self.problems, *({self._here()} if self._rewound else ())}
        if place < 0 and direction < 0:
            place = len(self._order)
        left = abs(step)
        while left:
            place += direction
            if not 0 <= place < len(self._order):
                return None
            key = self._order[place]
            if (self._wanted is None or key in self._wanted) and key not in passed:
                left -= 1
        return self._items[self._order[place]] if step else self.current

    def passed_over(self, item: StudyItem) -> list[StudyItem]:
        """The clips between the open one and another that cannot be read."""
        if self._rewound or self._here() not in self._place:
            return []
        ends = sorted((self._place[self._here()], self._place[item.key]))
        between = self._order[ends[0] + 1 : ends[1]]
        return [
            self._items[key]
            for key in between
            if key in self.problems and (self._wanted is None or key in self._wanted)
        ]
