"""The table of clips below the canvas: what to look at next, and what became of it."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QWidget

from napari_echo.gui.panels.controls import gate
from napari_echo.gui.panels.studies_model import StudiesModel
from napari_echo.gui.panels.studies_order import StudiesOrder, timer
from napari_echo.gui.panels.studies_view import StudiesView
from napari_echo.gui.scanning import Scanning
from napari_echo.workflow.studies import StudyItem
from napari_echo.workflow.study_rows import Queue, StudyRows

_SORT_MS, _SCAN_SORT_MS, _PICTURES_MS = 0, 1500, 60


class StudiesPanel(StudiesView):
    """Lists the clips of a folder or data set, ranks them, and opens them.

    Parameters
    ----------
    scanning : Scanning
        What finds out about the clips.
    """

    def __init__(self, scanning: Scanning, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scanning = scanning
        self.studying = scanning.studying
        self.session = scanning.session
        self.studies = scanning.studies
        self.rows = StudyRows(self.studies, scanning.facts)
        self.model = StudiesModel(self.rows, self)
        self.table.setModel(self.model)
        self._stale, self._counts = True, ""
        self._sort_timer = timer(self, self._sort)
        self._picture_timer = timer(self, self._want_pictures)
        self.order = StudiesOrder(self, self.rows, self._sort)
        self._connect()
        self._sort()
        self._show_model()
        self.refresh()

    def _connect(self) -> None:
        self.table.doubleClicked.connect(self._open)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._describe_row)
        self.model.modelReset.connect(self._describe_row)
        self.model.picture_wanted.connect(lambda: self._picture_timer.start(_PICTURES_MS))
        self.model.sorted_by.connect(self.order.on_heading)
        self.queue.activated.connect(self._on_queue)
        self.scan.clicked.connect(self._on_scan)
        self.show_all.clicked.connect(self.order.clear_filter)
        studies, scanning, session = self.studies, self.scanning, self.session
        studies.items_changed.connect(self._on_items)
        # Key of the clip that is marked as open.
        self._shown = studies.current.key if studies.current is not None else ""
        studies.current_changed.connect(self._on_current)
        studies.problem_found.connect(self._on_row)
        scanning.facts.changed.connect(self._on_row)
        scanning.verdicts_changed.connect(self._on_verdicts)
        scanning.picture_made.connect(self.model.take_picture)
        scanning.scan_changed.connect(self._show_scan)
        self.studying.listed.connect(self.model.forget_pictures)
        session.model_changed.connect(self._on_model)
        session.blind.changed.connect(self._on_blind)

    # Order -----------------------------------------------------------------------

    def set_queue(self, queue: Queue) -> None:
        """Rank the clips by a question."""
        self.order.set_queue(queue)

    def _on_queue(self) -> None:
        self.set_queue(self.queue.currentData())
        self.studies.rewind()
        self.table.scrollToTop()

    def _sort(self) -> None:
        """Sort and filter, and tell the queue."""
        self._sort_timer.stop()
        keys, shown = self.rows.order()
        every = len(shown) == len(keys)
        self.studies.set_order(keys, None if every else shown)
        selected = self.selected_key()
        self.model.set_keys(shown)
        self.select(selected or (self.studies.current.key if self.studies.current else ""))
        self.refresh()

    def _sort_soon(self) -> None:
        # Rows must not jump under the mouse with every clip of a scan.
        delay = _SCAN_SORT_MS if self.scanning.scanner.busy else _SORT_MS
        if not self._sort_timer.isActive():
            self._sort_timer.start(delay)

    # What changes ---------------------------------------------------------------

    def _on_items(self) -> None:
        chosen = self.view.currentData()
        self.view.blockSignals(True)
        self.view.clear()
        self.view.addItem("Any view", "")
        for view in dict.fromkeys([*self.rows.views(), *([chosen] if chosen else [])]):
            self.view.addItem("Unknown view" if view == "unknown" else view, view)
        self.view.setCurrentIndex(max(self.view.findData(chosen), 0))
        self.view.blockSignals(False)
        self._sort()

    def _on_blind(self) -> None:
        self._on_model()
        self._on_current()

    def _on_current(self) -> None:
        current, was_hidden = self.studies.current, self.rows.hidden
        self._take_blind()
        if self.rows.hidden:
            # Its row would tell a repeat, and what others made of it.
            self.table.setCurrentIndex(QModelIndex())
            self.table.clearSelection()
        elif current is not None:
            self.select(current.key)
        left, self._shown = self._shown, current.key if current is not None else ""
        if self.rows.hidden or was_hidden:
            self.table.repaint_all()
        else:
            # To paint all rows would hold up the clip.
            for key in (left, self._shown):
                self.model.refresh_row(key)
        self.refresh()

    def _on_row(self, key: str) -> None:
        if key:
            self.model.refresh_row(key)
        elif not self.rows.sort and not self.rows.filter.view:
            self.model.refresh()
        if not key or self.rows.sort or self.rows.filter.view:
            self._sort_soon()
        self.refresh()

    def _on_verdicts(self) -> None:
        self.rows.verdicts = self.scanning.verdicts
        self._take_blind()
        wanted = self.rows.filter
        # What others commit comes at any time: the order is made anew only where it follows that.
        if self.rows.sort in ("status", "reader", "comment") or wanted.status or wanted.text:
            self._sort_soon()
        self.model.refresh()
        self.refresh()

    def _on_model(self) -> None:
        self._show_model()
        self._sort_soon()
        self.model.refresh()
        self.refresh()

    def _show_model(self) -> None:
        pack = self.session.pack
        self.rows.model_id = pack.id if pack is not None else ""
        self.rows.model_name = pack.name if pack is not None else ""
        self._take_blind()

    def _take_blind(self) -> None:
        self.rows.blind = self.session.blind.on
        self.rows.hidden = self.session.hidden
        self.rows.reader = self.session.reader

    def select(self, key: str) -> None:
        """Select a clip's row and bring it into view."""
        if self.rows.hidden:
            return
        row = self.model.row_of(key)
        if row >= 0 and self.table.currentIndex().row() != row:
            self.table.selectRow(row)
            self.table.scrollTo(self.model.index(row, 0))

    def selected_key(self) -> str:
        """The key of the selected clip."""
        item = self.model.item(self.table.currentIndex().row())
        return item.key if item is not None else ""

    def _open(self, index: QModelIndex) -> None:
        item = self.model.item(index.row())
        if item is not None:
            self.studying.open(item.key)

    def _want_pictures(self) -> None:
        if not self.isVisible():
            return
        first = max(self.table.rowAt(0), 0)
        last = self.table.rowAt(self.table.contentsRect().height() - self.table.heads.height() - 1)
        last = last if last >= 0 else len(self.model.keys) - 1
        wanted = self.model.without_picture(first, last)
        if wanted:
            self.scanning.want_pictures(wanted)

    # Scan -----------------------------------------------------------------------

    def _on_scan(self) -> None:
        if self.scanning.scanner.busy:
            self.scanning.cancel_scan()
        else:
            self.scanning.scan()

    def _show_scan(self) -> None:
        scanner, progress = self.scanning.scanner, self.scanning.progress
        self._describe_row()
        self.bar.setVisible(scanner.busy)
        self.bar.setRange(0, progress.total if progress is not None else 0)
        self.bar.setValue(progress.done if progress is not None else 0)
        self._show_button()

    def _show_button(self) -> None:
        scanner = self.scanning.scanner
        if scanner.busy:
            self.scan.setText("Stop scan")
            reason = "The scan is being stopped." if scanner.cancelling else ""
            gate(self.scan, reason, "Stop the scan; what it found stays.")
            return
        left = self.scanning.left_to_scan()
        self.scan.setText(f"Scan {left}" if left and left < len(self.studies) else "Scan all")
        names = " and ".join(pack.name for pack in self.session.ticked)
        gate(
            self.scan,
            self.scanning.obstacle(),
            f"Run {names} over {left} clips in the background, to rank them.",
        )

    # The whole ------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the table comes to; at once where it can be seen, else when it is."""
        if not self.isVisible():
            self._stale = True
            return
        self._stale = False
        n, shown = len(self.studies), len(self.model.keys)
        self.stack.setCurrentIndex(0 if shown else 1)
        self.show_all.setVisible(bool(n) and not shown)
        self.open_folder.setVisible(not n)
        self.empty.setText(
            f"None of the {n} clips passes the filter."
            if n
            else "No clips are listed. Open a folder or a data set, or drop one on the canvas."
        )
        self._counts = self._describe(n, shown)
        self._describe_row()
        self._show_scan()

    def _describe_row(self, *_: object) -> None:
        """Say in full why to look at the selected clip; and how far all is."""
        item = self.model.item(self.table.currentIndex().row())
        why = self.rows.cell(item, "why").text if item is not None else ""
        why = why or self._missing(item)
        if self.rows.blind:
            also = ", nor any status" if self.rows.hidden else ""
            why = f"Read blind: what models, truth and others say is not shown{also}."
        told = self.scanning.describe()
        self.summary.set_full_text(why)
        self.summary.setVisible(bool(why))
        counts = "" if self.scanning.scanner.busy else self._counts
        self.progress.set_full_text(" · ".join(filter(None, (told, counts))))

    def _missing(self, item: StudyItem | None) -> str:
        """Say what the queue needs before it can rank."""
        if self.rows.queue == "list" or not self.rows.model_name or not self.model.keys:
            return ""
        if not self.scanning.facts.seen_by(self.rows.model_id):
            return "Nothing is ranked yet: press Scan."
        facts = self.rows.model_facts(item.key) if item is not None else None
        if self.rows.queue == "disagreement" and facts is not None and not facts.disagreements:
            return "One model alone: tick another one, too, and scan."
        return ""

    def _describe(self, n: int, shown: int) -> str:
        if not n:
            return ""
        parts = [f"{shown}/{n} clips" if shown < n else f"{n} clip{'s' if n > 1 else ''}"]
        done = self.rows.n_reviewed()
        if done is not None:
            parts.append(f"{done} read by you" if self.rows.blind else f"{done} reviewed")
        if self.rows.model_name:
            seen = len(self.scanning.facts.seen_by(self.rows.model_id))
            parts.append(f"{seen} scanned")
        if self.studies.problems:
            parts.append(f"{len(self.studies.problems)} unreadable")
        return " · ".join(parts)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Bring what was hidden up to date."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def set_colors(self, dim: str, blank: str) -> None:
        """Take the colours of a theme."""
        self.model.set_colors(dim, blank)
        self.model.set_font(self.table.font())
