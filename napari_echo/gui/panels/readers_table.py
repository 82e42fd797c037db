"""How far readers agree, as a table: a row for each two who are compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_echo.workflow.reader_agreement import PairAgreement, Spread

COLUMNS = {
    "Who": "Two readers; a reader and his repeats; a reader and a model.",
    "Dice ED": "Dice of the LV cavity at end diastole: mean ± SD (number of pairs).",
    "Dice ES": "Dice of the LV cavity at end systole: mean ± SD (number of pairs).",
    "EF bias (limits)": "Mean difference of EF, the first less the second, in points, and its 95% "
    "limits of agreement (Bland and Altman).",
    "Pairs": "Pairs of readings, and how many of them were drawn blind.",
}

_LEAST = 130
"""Least width of the names."""


class AgreementTable(QTableWidget):
    """Lists who is compared, their Dice and their EF; one row can be chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setHorizontalHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(COLUMNS.values()):
            head = self.horizontalHeaderItem(column)
            if head is not None:
                head.setToolTip(tip)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setCornerButtonEnabled(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            rows.setDefaultSectionSize(22)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
            columns.resizeSection(0, _LEAST)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share the width out anew."""
        super().resizeEvent(event)
        self._share_out()

    def _share_out(self) -> None:
        """Give the names what the numbers leave."""
        columns, view = self.horizontalHeader(), self.viewport()
        if columns is not None and view is not None:
            numbers = sum(
                # As wide as they are to be: the columns follow their texts later.
                max(self.sizeHintForColumn(c), columns.sectionSizeHint(c))
                for c in range(1, columns.count())
            )
            columns.resizeSection(0, max(_LEAST, view.width() - numbers))

    def fill(self, groups: Sequence[PairAgreement]) -> None:
        """Show these pairs."""
        self.setRowCount(len(groups))
        for row, group in enumerate(groups):
            ef = group.ef
            n, blind = len(group.pairs), f", {group.n_blind} blind" if group.n_blind else ""
            texts = [
                who(group), _spread(group.dice_ed), _spread(group.dice_es), "", f"{n}{blind}"
            ]  # fmt: skip
            if ef is not None:
                limits = f"{ef.limits[0]:+.1f} to {ef.limits[1]:+.1f}"
                texts[3] = f"{ef.bias:+.1f} ({limits})".replace("-", "−")
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{text}\nA click shows the clips." if not column else text)
                self.setItem(row, column, item)
        self._share_out()


def who(group: PairAgreement) -> str:
    """Say who is compared."""
    if group.kind == "repeat":
        return f"{group.first}, again"
    if group.kind == "model":
        return f"{group.first}, {'blind' if group.blind else 'shown it'}, and {group.second}"
    return f"{group.first} and {group.second}"


def _spread(spread: Spread) -> str:
    if not spread.n:
        return ""
    sd = "" if math.isnan(spread.sd) else f" ± {spread.sd:.3f}"
    return f"{spread.mean:.3f}{sd} ({spread.n})"
