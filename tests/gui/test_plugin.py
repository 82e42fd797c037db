"""What napari sees of the plugin: its manifest, readers, sample data and menu entry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager
from npe2 import PluginManager, PluginManifest
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.gui.layer_data import KEY
from napari_echo.gui.reader import get_reader
from napari_echo.gui.review import EchoReview
from napari_echo.io.labels import write_labels
from napari_echo.io.load import CLIP_SUFFIXES, load

PLUGIN = "napari-echo"
MANIFEST = Path(__file__).parents[2] / "napari_echo" / "napari.yaml"


@pytest.fixture
def manifest() -> PluginManifest:
    return PluginManifest.from_file(MANIFEST)


@pytest.fixture
def stack_file(clip: EchoClip, tmp_path: Path) -> Path:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, clip.frames)
    return path


def test_the_manifest_is_valid_and_every_command_resolves(manifest: PluginManifest) -> None:
    manifest.validate_imports()
    named = {command.id for command in manifest.contributions.commands}
    readers = manifest.contributions.readers
    used = {c.command for c in (*readers, *manifest.contributions.sample_data)}
    used |= {c.command for c in manifest.contributions.widgets}
    assert used == named


def test_readers_take_what_load_reads_and_never_pictures(manifest: PluginManifest) -> None:
    (reader,) = manifest.contributions.readers
    assert set(reader.filename_patterns) == {f"*{suffix}" for suffix in CLIP_SUFFIXES}
    manager = PluginManager.instance()
    for name in ("photo.png", "photo.jpg", "script.py"):
        found = [r.plugin_name for r in manager.iter_compatible_readers([name])]
        assert PLUGIN not in found


def test_scanning_the_plugin_imports_none_of_it() -> None:
    import subprocess
    import sys

    code = (
        "import sys, napari_echo._contrib; "
        "print([m for m in sys.modules if m.startswith(('napari.', 'qtpy', 'numpy', 'torch'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestReader:
    def test_a_stack_is_a_clip(self, stack_file: Path, clip: EchoClip) -> None:
        reader = get_reader(str(stack_file))
        assert reader is not None
        ((data, kwargs, kind),) = reader(str(stack_file))
        assert kind == "image"
        assert np.array_equal(data, clip.frames)
        assert kwargs["metadata"][KEY]["clip"].source == stack_file

    def test_what_is_no_clip_is_left_to_others(self, tmp_path: Path, clip: EchoClip) -> None:
        picture, curve, points = (tmp_path / n for n in ("picture.tif", "curve.npy", "xyz.npy"))
        tifffile.imwrite(picture, clip.frames[0])
        np.save(curve, np.arange(10.0))
        np.save(points, np.zeros((50, 3)))
        labels = write_labels(
            tmp_path / "clip.labels.tif", np.zeros((2, 8, 8), np.uint8), None, CAMUS_SCHEMA
        )
        for path in (picture, curve, points, labels, tmp_path, tmp_path / "absent.avi"):
            assert get_reader(str(path)) is None, path.name

    def test_several_files_are_several_clips(self, stack_file: Path, clip_file: Path) -> None:
        paths = [str(stack_file), str(clip_file)]
        reader = get_reader(paths)
        assert reader is not None
        assert len(reader(paths)) == 2

    @pytest.mark.parametrize("name", ["empty.dcm", "cut.tif", "cut.avi", "cut.npy", "cut.nii.gz"])
    def test_a_damaged_file_is_read_to_say_what_is_wrong(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(b"" if name.startswith("empty") else b"II*\x00damaged")
        reader = get_reader(str(path))
        assert reader is not None
        with pytest.raises(EchoError, match=name):
            reader(str(path))


def test_napari_opens_a_clip_and_the_review_adopts_it(
    make_napari_viewer: Callable[..., napari.Viewer], qtbot: QtBot, real_cine_path: Path
) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open(real_cine_path, plugin=PLUGIN)
    assert layer.data.shape == (30, 240, 320)
    # The widget is opened after the clip, from the Plugins menu.
    _, review = viewer.window.add_plugin_dock_widget(PLUGIN, "Echo review")
    assert isinstance(review, EchoReview)
    qtbot.waitUntil(lambda: review.session.clip is not None, timeout=20_000)
    assert review.session.clip.clip_id == load(real_cine_path).clip_id
    assert review.layers.find("clip") is layer
    assert len(viewer.layers) == 1
    qtbot.waitUntil(lambda: not review.jobs.busy, timeout=20_000)


def test_napari_tells_in_a_sentence_why_a_file_cannot_be_opened(
    make_napari_viewer: Callable[..., napari.Viewer], tmp_path: Path
) -> None:
    viewer = make_napari_viewer()
    bad = tmp_path / "cut.dcm"
    bad.write_bytes(bytes(128) + b"DICM")
    heard: list[str] = []
    notification_manager.notification_ready.connect(
        hear := lambda notification: heard.append(str(notification.message))
    )
    try:
        assert viewer.open(bad, plugin=PLUGIN) == []
    finally:
        notification_manager.notification_ready.disconnect(hear)
    assert len(viewer.layers) == 0
    (sentence,) = heard
    assert "cut.dcm" in sentence
    assert "\n" not in sentence


def test_the_plugins_menu_opens_the_review(
    make_napari_viewer: Callable[..., napari.Viewer],
) -> None:
    viewer = make_napari_viewer()
    viewer.window._update_plugins_menu_state()
    entries = {action.text(): action for action in viewer.window.plugins_menu.actions()}
    name = "Echo review (napari-echo)"
    entries[name].trigger()
    assert isinstance(viewer.window.dock_widgets[name], EchoReview)
    # The plugin's other way in finds the same dock: a viewer has one review.
    _, review = viewer.window.add_plugin_dock_widget(PLUGIN, "Echo review")
    assert viewer.window.dock_widgets[name] is review


@pytest.mark.parametrize("sample", ["phantom", "real_cine"])
def test_sample_data_carries_a_clip(
    make_napari_viewer: Callable[..., napari.Viewer], sample: str
) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample(PLUGIN, sample)
    tag = layer.metadata[KEY]
    assert tag["role"] == "clip"
    assert tag["clip"].frames.shape == layer.data.shape
    if sample == "phantom":
        assert tag["truth"].annotated.all()
        assert len(tag["key_frames"].beats) == 2
