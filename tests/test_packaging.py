"""The wheel holds the plugin, its data and its entry points, and starts elsewhere."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a release would be, without asking an index."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(REPO)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's contents installed, apart from the checkout."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target"]
    subprocess.run([*command, str(target), str(wheel)], check=True, capture_output=True)
    return target


def _run(installed: Path, *arguments: str) -> str:
    """Run Python with the installed package before the checkout, away from both."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=installed.parent,
        env=environment,
    ).stdout


def test_the_wheel_holds_the_manifest_the_models_and_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "napari_echo/napari.yaml" in names
    assert "napari_echo/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    cards = (REPO / "sample_data" / "models").glob("*/card.json")
    in_checkout = {card.parent.name for card in cards}
    for model in in_checkout:
        assert f"napari_echo/sample_data/models/{model}/card.json" in names
        assert f"napari_echo/sample_data/models/{model}/model.onnx" in names
    assert len(in_checkout) >= 1
    configs = [name for name in names if name.startswith("napari_echo/ml/configs/")]
    assert len(configs) == len(list((REPO / "napari_echo" / "ml" / "configs").rglob("*.py")))


def test_the_wheel_names_its_entry_points(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/entry_points.txt"))
    entry_points = configparser.ConfigParser()
    entry_points.read_string(archive.read(name).decode())
    assert dict(entry_points["console_scripts"]) == {"napari-echo": "napari_echo.cli.main:main"}
    assert dict(entry_points["napari.manifest"]) == {"napari-echo": "napari_echo:napari.yaml"}


def test_the_command_starts_from_the_installed_wheel(installed: Path) -> None:
    where = _run(installed, "-c", "import napari_echo; print(napari_echo.__file__)")
    assert Path(where.strip()).is_relative_to(installed)
    script = next((installed / "bin").glob("napari-echo*"))
    assert "predict" in _run(installed, str(script), "--help")


def test_the_installed_wheel_finds_its_own_models(installed: Path) -> None:
    listed = _run(installed, "-m", "napari_echo.cli.main", "models", "list", "--json")
    assert str(installed / "napari_echo" / "sample_data" / "models") in listed


def test_napari_finds_the_installed_plugin(installed: Path) -> None:
    code = (
        "from npe2 import PluginManager\n"
        "manager = PluginManager()\n"
        "manager.discover()\n"
        "manifest = manager.get_manifest('napari-echo')\n"
        "print(manifest.display_name, len(manifest.contributions.commands))\n"
    )
    name, commands = _run(installed, "-c", code).rsplit(maxsplit=1)
    assert name
    assert int(commands) >= 3
