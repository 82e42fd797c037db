"""A retraining in a process of its own, as the window sees it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from psygnal import Signal
from qtpy.QtCore import QObject, QProcess, QProcessEnvironment

from napari_echo.ml.child import END_WITH_STDIN

REFUSED, CANCELLED = 3, 130
_PATIENCE_MS = 2000


class Retraining(QObject):
    """Runs `napari-echo retrain --json` and hands its lines on.

    The process ends with this one, however that ends: it watches its standard
    input, which is held open here.

    Signals
    -------
    running_changed()
        The process began or ended.
    told(dict)
        A step, as `napari-echo retrain --json` prints it; the last is the outcome.
    cancelled(str)
        It was stopped; one sentence.
    failed(str)
        It ended without an outcome; one sentence.
    """

    running_changed = Signal()
    told = Signal(dict)
    cancelled = Signal(str)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._cancelled = False
        self._errors = ""

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None

    @property
    def process_id(self) -> int:
        """Id of the running process; 0 where there is none."""
        return int(self._process.processId()) if self._process is not None else 0

    def start(self, arguments: Sequence[str]) -> None:
        """Start `napari-echo retrain ARGUMENTS --json`, unless one runs."""
        if self.running:
            return
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert(END_WITH_STDIN, "1")
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_errors)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process, self._cancelled, self._errors = process, False, ""
        command = ["-m", "napari_echo.cli.main", "retrain", *arguments, "--json"]
        process.start(sys.executable, command)
        self.running_changed.emit()

    def cancel(self) -> None:
        """Ask the process to stop; it keeps what the same call can go on from."""
        if self._process is not None:
            self._cancelled = True
            self._process.closeWriteChannel()
            self.running_changed.emit()

    @property
    def cancelling(self) -> bool:
        """Whether the process was asked to stop."""
        return self.running and self._cancelled

    def shut_down(self) -> None:
        """End the process now, and let nothing of it arrive any more."""
        process, self._process = self._process, None
        if process is None:
            return
        process.blockSignals(True)
        process.closeWriteChannel()
        if not process.waitForFinished(_PATIENCE_MS):
            process.kill()
            process.waitForFinished(_PATIENCE_MS)
        process.deleteLater()

    def _read(self) -> None:
        while self._process is not None and self._process.canReadLine():
            line = bytes(self._process.readLine().data()).decode("utf-8", "replace")
            step = _parsed(line)
            if step is not None:
                self.told.emit(step)

    def _read_errors(self) -> None:
        if self._process is not None:
            text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
            self._errors = (self._errors + text)[-4000:]

    def _on_finished(self, status: int, *_: object) -> None:
        self._read()
        self._read_errors()
        self._release()
        if self._cancelled or status == CANCELLED:
            self.cancelled.emit("The retraining was cancelled; the same choice goes on with it.")
        elif status not in (0, REFUSED):
            self.failed.emit(_sentence(self._errors))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._release()
            self.failed.emit(f"{sys.executable} cannot be started.")

    def _release(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.running_changed.emit()


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        step = json.loads(line)
    except ValueError:
        return None  # a library that prints
    return step if isinstance(step, dict) and "step" in step else None


def _sentence(errors: str) -> str:
    """What a failed command says at its end, without its name."""
    lines = [line for line in errors.splitlines() if line.strip()]
    said = lines[-1] if lines else "The retraining failed without a word."
    return said.removeprefix("napari-echo: ").removeprefix("error: ")
