"""Which sections of the dock are folded: as the reader left them, but for the one that is next."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from qtpy.QtWidgets import QWidget

from napari_echo.gui.panels.section import Section
from napari_echo.gui.preferences import read_folded, write_folded


class Folding:
    """Folds the sections as they were the last time.

    A section that holds the button to press next opens by itself, and folds
    again when another one is next. One that is done with folds, to keep the next
    in sight, unless the reader opened it himself. Only what he folds and opens
    is remembered.

    Parameters
    ----------
    sections : sequence of Section
        From top to bottom.
    folded : sequence of Section
        Those that are folded until the reader opens them.

    Attributes
    ----------
    next : Section or None
        The one that holds the button to press next.
    """

    def __init__(self, sections: Sequence[Section], folded: Sequence[Section]) -> None:
        self.sections = tuple(sections)
        self._lifted: Section | None = None
        self.next: Section | None = None
        self._at_first = tuple(folded)
        names = [_name(section) for section in sections]
        self._chosen = {k: v for k, v in read_folded().items() if k in names}
        for section in sections:
            section.fold(self._wanted(section))
            section.fold_chosen.connect(self._remember(section))
            section.done_changed.connect(self._settle)

    def _wanted(self, section: Section) -> bool:
        """Whether a section is to be folded while it is not next."""
        usual = section in self._at_first or section.is_done()
        return self._chosen.get(_name(section), usual)

    def _remember(self, section: Section) -> Callable[[bool], None]:
        def remember(folded: bool) -> None:
            self._chosen[_name(section)] = folded
            if section is self._lifted:
                self._lifted = None
            write_folded(self._chosen)

        return remember

    def _settle(self) -> None:
        """Fold and open all but the one that is next."""
        for section in self.sections:
            if section is not self.next and section.folded is not self._wanted(section):
                section.fold(not section.folded)

    def lift(self, button: QWidget) -> bool:
        """Open the section with the button to press next, and fold the one that was.

        Returns
        -------
        bool
            Whether it is another one than before.
        """
        section = next((s for s in self.sections if s.isAncestorOf(button)), None)
        other_than_before = section is not self.next
        self.next = section
        self._settle()
        if not other_than_before:
            return False
        self._lifted = None
        if section is not None and section.folded:
            section.fold(False)
            self._lifted = section
        return True


def _name(section: Section) -> str:
    """Its title without its place, which may change."""
    return re.sub(r"^\d+\s+", "", section.heading.text())
