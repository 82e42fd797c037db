"""The rival labels of a clip: whose they are, how far they agree, and the choice between them."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_echo.gui.panels.controls import ElidedLabel, gate
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import frames_text, when
from napari_echo.workflow.forks import Side, compare_heads


class ForkBox(QWidget):
    """Shows the heads of a clip that has several, and lets a reader resolve a fork."""

    def __init__(self, verbs: Verbs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.corrections = verbs.session.corrections
        self.title = ElidedLabel(lines=2)
        self.title.setObjectName("echoNote")
        self.resolve = QCheckBox("Resolve the fork by this commit")
        self._lines: list[ElidedLabel] = []
        self._shown: tuple[str, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(self.title)
        self._column.addWidget(self.resolve)
        self.refresh()

    @property
    def resolves(self) -> bool:
        """Whether the next commit replaces the other heads too."""
        return self.resolve.isEnabled() and self.resolve.isChecked()

    def refresh(self) -> None:
        """Show the heads of the open clip; nothing where there is only one."""
        corrections = self.corrections
        fork = corrections.fork
        heads = fork or corrections.heads
        self.setVisible(len(heads) > 1)
        ids = tuple(head.revision_id for head in heads)
        if len(heads) > 1 and ids != self._shown:
            self._list(compare_heads(corrections.revisions, heads), bool(fork))
        self._shown = ids
        base = corrections.draft.base.id if corrections.draft is not None else None
        rivals = corrections.rivals(base)
        self.resolve.setVisible(bool(fork))
        gate(
            self.resolve,
            "" if rivals else "Start a correction from one of these labels first.",
            "The commit goes on from the labels you started from and replaces the others; "
            "they stay in the store.",
        )
        if not rivals:
            self.resolve.setChecked(False)

    def _list(self, sides: list[Side], forked: bool) -> None:
        names = "rival corrections" if forked else "readings of their own start"
        overlaps = sorted({f"{side.dice:.2f}" for side in sides if side.dice is not None})
        agree = f"LV Dice {' to '.join(overlaps[:1] + overlaps[1:][-1:])}" if overlaps else ""
        self.title.set_full_text(f"{len(sides)} {names}, {agree or 'no frame labelled by both'}:")
        for line in self._lines:
            self._column.removeWidget(line)
            line.deleteLater()
        self._lines = []
        for place, side in enumerate(sides):
            line = ElidedLabel()
            line.set_full_text(*describe_side(side))
            self._column.insertWidget(1 + place, line)
            self._lines.append(line)

    def texts(self) -> list[str]:
        """Return the line of each head."""
        return [line.full_text() for line in self._lines]


def describe_side(side: Side) -> tuple[str, str]:
    """Say whose labels these are: one line, and all of it for a tool tip."""
    head = side.head
    line = f"{when(head.committed)} {head.reader} · {frames_text(side.frames)}"
    agree = "" if side.dice is None else f" LV Dice with the others: {side.dice:.3f}."
    comment = f' "{head.comment}"' if head.comment else ""
    return line, f"{line}.{agree}{comment} Revision {head.revision_id}."
