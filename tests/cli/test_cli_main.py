"""The command group: quick help, one-sentence failures, exit statuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from napari_echo import __version__
from napari_echo.cli.main import EchoGroup, app

COMMAND = [sys.executable, "-m", "napari_echo.cli.main"]
COMMANDS = (
    "open", "demo", "predict", "phantom", "preprocess", "train", "test", "report", "visualize",
    "models", "labels", "doctor",
)  # fmt: skip


def test_help_names_every_command() -> None:
    text = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    assert all(command in text.stdout for command in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from napari_echo.cli.main import app\n"
        f"for command in {COMMANDS}:\n"
        "    assert CliRunner().invoke(app, [command, '--help']).exit_code == 0, command\n"
        "print({'torch', 'numpy', 'napari', 'qtpy', 'cv2'} & set(sys.modules))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.stdout.strip() == f"napari-echo {__version__}"


def test_a_failure_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    result = subprocess.run(
        [*COMMAND, "labels", "list", str(tmp_path / "nowhere")], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f"napari-echo: error: There is no label store at {tmp_path}/nowhere.\n"


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("here")
    result = CliRunner().invoke(
        app, ["phantom", "--layout", "camus", "-n", "1", "-o", str(in_the_way / "phantoms")]
    )
    assert result.exit_code == 1
    assert result.stderr.startswith("napari-echo: error: ")
    assert str(in_the_way) in result.stderr


def test_a_defect_is_one_sentence_and_keeps_its_traceback_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    broken = typer.Typer(cls=EchoGroup)

    @broken.callback()
    def root() -> None:
        """A group, as the program's is."""

    @broken.command()
    def divide() -> None:
        print(1 / 0)

    result = CliRunner().invoke(broken, ["divide"])
    assert result.exit_code == 70
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
    path = Path(result.stderr.rpartition("the file ")[2].strip().removesuffix("."))
    assert "print(1 / 0)" in path.read_text()


def test_a_wrong_flag_is_status_2() -> None:
    result = CliRunner().invoke(app, ["phantom", "--layout", "other", "-n", "1", "-o", "x"])
    assert result.exit_code == 2
    assert "echonet" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_an_interruption_ends_with_status_130_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    out = tmp_path / "phantoms"
    command = [*COMMAND, "phantom", "--layout", "echonet", "-n", "1000", "-o", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell's background job ignores SIGINT, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    # Past the imports: a library that is being imported may swallow an interruption.
    while not any(tmp_path.rglob("*.avi")) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == "napari-echo: interrupted; finished files are kept.\n"
    assert list(tmp_path.iterdir()) == []
