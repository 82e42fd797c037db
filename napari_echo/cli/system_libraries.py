"""The system libraries that napari's window needs on Linux, and how to get them.

Standard library only: the Makefile runs this file with a bare Python, before
anything is installed (``python3 -I system_libraries.py --install``), and
`napari-echo doctor` reads the same table.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys

LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libOpenGL.so.0": "libopengl0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
}
"""What Qt's xcb platform and OpenGL load, and the Debian package of each."""

XVFB_PROGRAMS = {"Xvfb": "xvfb", "xvfb-run": "xvfb", "xauth": "xauth"}
"""What a machine without a display needs besides, and the package of each."""


def has_display() -> bool:
    """Whether a window can be shown: always so on macOS and Windows."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def missing_packages(*, xvfb: bool, venv: bool = False) -> list[str]:
    """Debian packages of what is not there, each once; empty off Linux.

    Parameters
    ----------
    xvfb : bool
        Also look for the virtual display.
    venv : bool
        Also look for what ``python -m venv`` needs, which Debian packs apart.
    """
    if not sys.platform.startswith("linux"):
        return []
    packages = [package for name, package in LIBRARIES.items() if not _loads(name)]
    if xvfb:
        packages += [pkg for name, pkg in XVFB_PROGRAMS.items() if shutil.which(name) is None]
    if venv and importlib.util.find_spec("ensurepip") is None:
        packages.append(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    return list(dict.fromkeys(packages))


def install_line(packages: list[str]) -> str:
    """Write the line that installs Debian packages, for people to copy."""
    return f"sudo apt-get update && sudo apt-get install -y {' '.join(packages)}"


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _apt_get() -> list[str] | None:
    """Say how apt-get may be run here without a question; None where it may not."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0
    ):
        return ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return None


def main() -> int:
    """Name the missing packages and, with ``--install``, install them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--install", action="store_true", help="install what is missing")
    parser.add_argument("--xvfb", action="store_true", help="look for Xvfb, display or not")
    arguments = parser.parse_args()
    xvfb = arguments.xvfb or not has_display()
    packages = missing_packages(xvfb=xvfb, venv=True)
    apt_get = _apt_get() if packages and arguments.install else None
    if apt_get:
        print("Installing system libraries:", *packages, flush=True)
        subprocess.run([*apt_get, "update", "-q"], check=False, stdout=subprocess.DEVNULL)
        command = [*apt_get, "install", "-y", "-q", "--no-install-recommends", *packages]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        packages = missing_packages(xvfb=xvfb, venv=True)
    if packages:
        print("napari needs system libraries that are not here. On Debian or Ubuntu run:")
        print("   ", install_line(packages))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
