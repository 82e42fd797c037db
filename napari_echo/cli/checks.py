"""What `napari-echo doctor` looks at: one check a thing that can be missing."""

from __future__ import annotations

import importlib
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Literal

from packaging.requirements import Requirement

from napari_echo.cli import system_libraries
from napari_echo.core.errors import EchoError

Need = Literal["everything", "the window", "training", "development"]

_OPTIONAL: dict[str, Need] = {"train": "training", "dev": "development"}
_QT_BINDINGS = ("PyQt6", "PySide6", "PyQt5")
# Wheels with compiled parts: installed is not yet able to load.
_COMPILED = ("cv2", "av", "imagecodecs", "onnxruntime", "scipy", "skimage")
_OPENGL = """
from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
from qtpy.QtWidgets import QApplication
application = QApplication([])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
if not (context.create() and context.makeCurrent(surface)):
    raise SystemExit("no OpenGL context")
from OpenGL import GL
print(GL.glGetString(GL.GL_VERSION).decode())
"""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What it is.
    ok : bool
        Whether it is as it should be.
    found : str
        What was found, such as a version.
    needed_for : str
        What does not work without it.
    mend : str
        The line that mends it; empty where nothing is wrong.
    """

    name: str
    ok: bool
    found: str
    needed_for: Need
    mend: str = ""

    @property
    def required(self) -> bool:
        """Whether `open` or `predict` fail without it."""
        return self.needed_for in ("everything", "the window")


def all_checks() -> Iterator[Check]:
    """Look at everything, the most basic first."""
    yield check_python(sys.version_info[:2])
    yield from check_packages()
    yield check_one_opencv()
    yield from check_compiled()
    yield check_qt_binding()
    yield from check_system_libraries()
    yield check_opengl()
    yield check_manifest()
    yield from check_packs()


def check_python(version: tuple[int, int]) -> Check:
    """Look at the version of Python."""
    ok = (3, 11) <= version < (3, 14)
    mend = "" if ok else "Make a new environment with Python 3.11, 3.12 or 3.13."
    return Check("Python", ok, platform.python_version(), "everything", mend)


def check_packages() -> Iterator[Check]:
    """Look at every package that the metadata asks for.

    Those of the base each get a line; those of an extra share one. The
    extra `all` is left to `check_qt_binding`, as any binding serves.
    """
    for requirement in _requirements(""):
        found = _version(requirement.name)
        ok = _satisfies(found, requirement)
        mend = "" if ok else pip_install([requirement])
        yield Check(requirement.name, ok, found or "missing", "everything", mend)
    for extra, needed_for in _OPTIONAL.items():
        asked = _requirements(extra)
        versions = {requirement.name: _version(requirement.name) for requirement in asked}
        wrong = [r for r in asked if not _satisfies(versions[r.name], r)]
        found = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
        mend = pip_install(wrong) if wrong else ""
        yield Check(f"Extra '{extra}'", not wrong, found, needed_for, mend)


def _requirements(extra: str) -> list[Requirement]:
    """List the requirements of the base (''), or those that an extra adds, on this machine."""
    every = [Requirement(line) for line in metadata.requires("napari-echo") or []]
    return [
        requirement
        for requirement in every
        if ("extra" in str(requirement.marker)) == bool(extra)
        and (requirement.marker is None or requirement.marker.evaluate({"extra": extra}))
    ]


def _satisfies(version: str | None, requirement: Requirement) -> bool:
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def check_one_opencv() -> Check:
    """Look for a second OpenCV, which would overwrite the first one's files."""
    others = [
        name
        for name in ("opencv-python-headless", "opencv-contrib-python")
        if _version(name) is not None
    ]
    mend = ""
    if others:
        pip = f"{shlex.quote(sys.executable)} -m pip"
        mend = f"{pip} uninstall -y {' '.join(others)} && "
        mend += f"{pip} install --force-reinstall --no-deps opencv-python"
    found = f"also {', '.join(others)}" if others else "opencv-python alone"
    return Check("One OpenCV", not others, found, "everything", mend)


def check_compiled() -> Iterator[Check]:
    """Import the packages that can be installed and yet fail to load."""
    for name in _COMPILED:
        if find_spec(name) is None:
            continue  # `check_packages` says so
        try:
            importlib.import_module(name)
        except Exception as error:
            mend = "Reinstall it, or install the system library that the message names."
            yield Check(f"import {name}", False, str(error), "everything", mend)


def check_qt_binding() -> Check:
    """Look for a Qt binding."""
    found = [f"{name} {_version(name)}" for name in _QT_BINDINGS if _version(name)]
    mend = "" if found else pip_install(_requirements("all"))
    return Check("Qt binding", bool(found), ", ".join(found) or "missing", "the window", mend)


def check_system_libraries() -> Iterator[Check]:
    """Look at the system libraries of the window and at the display."""
    missing = system_libraries.missing_packages(xvfb=False)
    mend = system_libraries.install_line(missing) if missing else ""
    found = f"without {', '.join(missing)}" if missing else "all there"
    yield Check("System libraries", not missing, found, "the window", mend)
    display, mend = system_libraries.has_display(), ""
    xvfb = shutil.which("xvfb-run") is not None
    if not (display or xvfb):
        mend = system_libraries.install_line(["xvfb", "xauth"])
    found = "there" if display else "none, but Xvfb" if xvfb else "none, and no Xvfb"
    yield Check("Display", display or xvfb, found, "the window", mend)


def check_opengl() -> Check:
    """Ask for an OpenGL context as napari does, in a process of its own."""
    from napari_echo.cli.display import under_xvfb

    command = [sys.executable, "-c", _OPENGL]
    try:
        if not system_libraries.has_display():
            command = ["env", "QT_QPA_PLATFORM=xcb", *under_xvfb(command)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except EchoError:
        return Check("OpenGL", False, "no display to ask", "the window", "See Display.")
    except subprocess.TimeoutExpired:
        return Check("OpenGL", False, "no answer in 60 s", "the window", "See System libraries.")
    if result.returncode == 0:
        return Check("OpenGL", True, result.stdout.strip(), "the window")
    lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
    mend = "See the lines above; then install this computer's graphics driver."
    if sys.platform.startswith("linux"):
        mend = system_libraries.install_line(["libgl1", "libegl1", "libgl1-mesa-dri"])
    return Check("OpenGL", False, lines[-1], "the window", mend)


def check_manifest() -> Check:
    """Look whether napari can find the plugin."""
    names = [entry.name for entry in metadata.entry_points(group="napari.manifest")]
    ok = "napari-echo" in names
    mend = "" if ok else pip_install(["--force-reinstall", "--no-deps", "napari-echo"])
    found = "registered" if ok else "not registered"
    return Check("napari plugin", ok, found, "the window", mend)


def check_packs() -> Iterator[Check]:
    """Check the shipped model packs against the hashes on their cards."""
    from napari_echo.ml.packs import shipped_packs

    try:
        packs = shipped_packs()
    except EchoError as error:
        yield Check("Model packs", False, str(error), "everything", "Install napari-echo again.")
        return
    if not packs:
        mend = "Install napari-echo again, or give your own pack: --model FOLDER."
        yield Check("Model packs", False, "none", "everything", mend)
    for pack in packs:
        try:
            pack.verify()
        except EchoError as error:
            found, mend = str(error), "Install napari-echo again."
            yield Check(f"Model {pack.name}", False, found, "everything", mend)
        else:
            yield Check(f"Model {pack.name}", True, f"verified, {pack.id[:12]}", "everything")


def pip_install(what: Iterable[Requirement | str]) -> str:
    """Write the line that installs requirements into this environment."""
    names = [r if isinstance(r, str) else f"{r.name}{r.specifier}" for r in what]
    options = []
    if any(name.startswith("torch") for name in names) and _plain_torch_is_for_cuda():
        options = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]
    return shlex.join([sys.executable, "-m", "pip", "install", *options, *names])


def _plain_torch_is_for_cuda() -> bool:
    """Whether pip would fetch gigabytes of CUDA for a machine that has no use for them."""
    return sys.platform.startswith("linux") and shutil.which("nvidia-smi") is None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
