"""Doctor: what is missing is named, with the line that mends it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_echo.cli import checks, display, system_libraries
from napari_echo.cli.main import app
from napari_echo.core.errors import EchoError

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def test_doctor_finds_a_working_window() -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    found = {check["name"]: check for check in json.loads(result.stdout)}
    for name in ("Python", "napari", "onnxruntime", "Qt binding", "OpenGL", "napari plugin"):
        assert found[name]["ok"], found[name]
    assert all(check["ok"] or check["mend"] for check in found.values())
    broken = [c for c in found.values() if not c["ok"] and c["needed_for"] != "development"]
    assert result.exit_code == (1 if broken else 0)


def test_doctor_says_that_all_is_well() -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.stdout
    assert "All that `open` and `predict` need is here." in result.stdout


@pytest.mark.parametrize(
    ("version", "ok"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)]
)
def test_python_versions(version: tuple[int, int], ok: bool) -> None:
    check = checks.check_python(version)
    assert check.ok is ok
    assert bool(check.mend) is not ok


def test_the_line_that_mends_a_package_can_be_pasted() -> None:
    line = checks.pip_install(["pyqt6>=6.6"])
    assert line == f"{sys.executable} -m pip install 'pyqt6>=6.6'"


@linux_only
def test_torch_is_mended_without_cuda_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (
        "--extra-index-url https://download.pytorch.org/whl/cpu 'torch>=2.10'"
        in checks.pip_install(["torch>=2.10"])
    )
    gpu = tmp_path / "nvidia-smi"
    gpu.touch(mode=0o755)
    assert "/whl/cpu" not in checks.pip_install(["torch>=2.10"])


@linux_only
def test_a_missing_library_is_named_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert system_libraries.missing_packages(xvfb=False) == []
    monkeypatch.setitem(system_libraries.LIBRARIES, "libnot-there.so.9", "libnot-there9")
    (libraries, _) = checks.check_system_libraries()
    assert not libraries.ok
    assert libraries.required
    assert libraries.mend == "sudo apt-get update && sudo apt-get install -y libnot-there9"


@linux_only
def test_no_display_and_no_xvfb_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert system_libraries.missing_packages(xvfb=True) == ["xvfb", "xauth"]
    (_, shown) = checks.check_system_libraries()
    assert not shown.ok
    assert shown.mend.endswith("install -y xvfb xauth")
    with pytest.raises(EchoError, match="apt-get install -y xvfb xauth"):
        display.under_xvfb(["true"])
    with pytest.raises(EchoError, match="no display"):
        display.need_display()


@linux_only
def test_the_makefile_can_look_for_libraries_before_anything_is_installed() -> None:
    script = Path(system_libraries.__file__)
    # -S hides every installed package; -I is how the Makefile runs it.
    command = [sys.executable, "-I", "-S", str(script)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
