"""The choice of what a correction starts from."""

from __future__ import annotations

from napari_echo.gui.editing import Editing
from napari_echo.gui.panels.controls import ElidedChoice
from napari_echo.gui.wording import when
from napari_echo.workflow.starts import Choice, begun

STARTS = {"correction": "the last commit", "truth": "the ground truth", "nothing": "nothing"}


class StartFrom(ElidedChoice):
    """Lists what a correction can start from.

    While one is open it says what that one started from.

    Parameters
    ----------
    editing : Editing
        Begins corrections.
    """

    def __init__(self, editing: Editing) -> None:
        super().__init__()
        self.editing = editing
        self.activated.connect(lambda _: editing.choose(self.currentData()))

    def refresh(self) -> None:
        """List what there is; what was chosen stays chosen."""
        choice = begun(self.editing.session) or self.editing.choice()
        wanted = {each.key: _describe(each) for each in self.editing.choices()}
        if choice is not None:
            wanted.setdefault(choice.key, _describe(choice))
        there = [(self.itemData(i), self.itemText(i)) for i in range(self.count())]
        if there != list(wanted.items()):
            self.clear()
            for key, text in wanted.items():
                self.addItem(text, key)
        if choice is not None:
            self.setCurrentIndex(self.findData(choice.key))


def _describe(choice: Choice) -> str:
    if choice.revision is not None:
        revision = choice.revision
        return f"from {when(revision.committed)}, {revision.reader} ({revision.status})"
    if choice.start == "prediction":
        return f"from {choice.name}"
    return f"from {STARTS[choice.start]}"
