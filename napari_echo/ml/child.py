"""Processes that end with the one that started them, however that ends."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from napari_echo.core.errors import EchoError

END_WITH_STDIN = "NAPARI_ECHO_END_WITH_STDIN"
"""Set in the environment of a process whose standard input its starter holds open."""
GRACE_S = 10.0


def end_with_starter() -> None:
    """Be interrupted, as by Ctrl-C, once standard input closes; where it is held open.

    The system closes it when the starter is gone, killed or not. What is then
    still going on after `GRACE_S` seconds is cut off. SIGTERM interrupts, too.
    """
    if END_WITH_STDIN not in os.environ:
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # Not by SIGINT, which shells have ignored by what runs in the background.
    signal.signal(signal.SIGTERM, interrupt)

    def watch() -> None:
        # Not through `sys.stdin`, whose lock would hang the end of the process.
        while os.read(0, 1024):
            pass
        _thread.interrupt_main(signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(130)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def child(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python ARGUMENTS` while the block does; what it writes is added to `log`.

    When the block ends before it, it is asked to stop, then made to.

    Raises
    ------
    EchoError
        If it cannot be started.
    """
    environment = {**os.environ, END_WITH_STDIN: "1"}
    with log.open("ab") as file:
        try:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        except OSError as error:
            raise EchoError(f"{sys.executable} cannot be started: {error.strerror}.") from error
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(GRACE_S + 1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
