"""A display for the window: the real one, or Xvfb."""

from __future__ import annotations

import os
import shutil
import sys

from napari_echo.cli.system_libraries import has_display, install_line
from napari_echo.core.errors import EchoError

SCREEN = "-screen 0 1920x1200x24"


def under_xvfb(command: list[str]) -> list[str]:
    """Wrap a command so that it gets a virtual display of its own.

    Raises
    ------
    EchoError
        If Xvfb is not installed.
    """
    if shutil.which("xvfb-run") is None:
        raise EchoError(
            "There is no display here and no Xvfb to stand in for one; on Debian or Ubuntu run: "
            + install_line(["xvfb", "xauth"])
        )
    return ["xvfb-run", "-a", "-s", SCREEN, *command]


def restart_under_xvfb(arguments: list[str]) -> None:
    """Replace this process by `napari-echo ARGUMENTS` under Xvfb."""
    command = under_xvfb([sys.executable, "-m", "napari_echo.cli.main", *arguments])
    # Qt's offscreen platform has no OpenGL, so it is overruled.
    os.execvpe(command[0], command, {**os.environ, "QT_QPA_PLATFORM": "xcb"})


def need_display() -> None:
    """Refuse to open a window where none can be shown.

    Raises
    ------
    EchoError
        If there is no display.
    """
    if not has_display():
        raise EchoError(
            "There is no display to open a window on; `napari-echo predict` works without one, "
            "and `napari-echo demo` brings its own."
        )
