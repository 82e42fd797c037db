"""The dialog of an import: which labels, whose they are, and where the clips lie."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QLineEdit, QWidget

from napari_echo.gui.exporting import Exchange, ImportChoice
from napari_echo.gui.panels.dialog import FormDialog, PathField, PathsField
from napari_echo.gui.preferences import preferences
from napari_echo.workflow.export_formats import FORMATS

SESSION, BESIDE, ELSEWHERE = "session", "beside", "elsewhere"


class ImportDialog(FormDialog):
    """Asks for all that `napari-echo labels import` asks for."""

    def __init__(self, exchange: Exchange, parent: QWidget | None = None) -> None:
        super().__init__("Import labels", "Import", "Commit the labels to the label store.", parent)
        self._session_clips = exchange.session_clips()
        self.path = PathField("folder", "file")
        self.reader = QLineEdit()
        self.clips = PathsField(files=True)
        self.format = self.add_choice(
            "Format",
            ((form.title, form.name, form.carries) for form in FORMATS.values()),
            "What the labels are written as. (--format)",
            "import/format",
        )
        self.add_field(
            "Labels",
            self.path,
            "A data set's folder, or a file of labels. It is read and left as it is.",
        )
        self.reader.setPlaceholderText("who drew them")
        self.add_field(
            "Reader",
            self.reader,
            "Whose labels they are: every revision carries the name. (--reader)",
        )
        self.where = self.add_choice(
            "Clips",
            (
                ("of this session", SESSION, "The clips that are open, or follow by ▶."),
                ("beside the labels", BESIDE, "Where a data set brings its clips along."),
                ("elsewhere", ELSEWHERE, "In folders and files that you name."),
            ),
            "The clips that were labelled. Labels are attached to a clip only if its frames are "
            "the very ones that were labelled. (--clips)",
            "import/clips",
        )
        self.add_field(
            "Clips lie in",
            self.clips,
            "Where the labelled clips are; folders are searched to the bottom. (--clips)",
        )
        if not preferences().contains("import/clips") and not self._session_clips:
            self.where.setCurrentIndex(self.where.findData(BESIDE))
        for changed in (self.path.changed, self.clips.changed, self.reader.textChanged):
            changed.connect(self.check)
        self.check()

    def check(self, *_: object) -> None:
        """Show what the clips need, and let OK be pressed or say why it cannot be."""
        self.show_field(self.clips, self.where.currentData() == ELSEWHERE)
        format = FORMATS[str(self.format.currentData())]
        self.format.setToolTip(f"{format.carries} (--format {format.name})")
        super().check()

    def obstacle(self) -> str:
        """Say in one sentence what is missing; empty where nothing is."""
        path, where = self.path.path(), self.where.currentData()
        if path is None:
            return "Choose the labels: a folder or a file."
        if not path.exists():
            return f"{path} does not exist."
        if not self.reader.text().strip():
            return "Say whose labels they are: write the reader's name."
        if where == SESSION and not self._session_clips:
            return "No clip of this session lies in a file: open one, or say where they lie."
        if where == ELSEWHERE and not self.clips.paths():
            return "Say where the labelled clips lie: add a folder or files."
        return ""

    def choice(self) -> ImportChoice:
        """Return what was chosen."""
        path = self.path.path()
        assert path is not None
        clips: dict[str, tuple[Path, ...]] = {
            SESSION: self._session_clips, BESIDE: (), ELSEWHERE: self.clips.paths()
        }  # fmt: skip
        return ImportChoice(
            path,
            str(self.format.currentData()),
            self.reader.text().strip(),
            clips[str(self.where.currentData())],
        )
