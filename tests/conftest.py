"""Fixtures that several rooms share."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from napari_echo.core.clip import EchoClip
from napari_echo.io.labelled import LabelledClip

# The same examples in every run: a red build is a change's fault, not chance's.
settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the journal of uncommitted edits: never the user's."""
    folder = tmp_path / "journal"
    monkeypatch.setenv("NAPARI_ECHO_JOURNAL", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def _label_indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the indexes of label stores out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_ECHO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def camus_root() -> Path:
    """The CAMUS folder: `NAPARI_ECHO_CAMUS`, else `../shared/camus` beside the project."""
    root = Path(os.environ.get("NAPARI_ECHO_CAMUS", REPO.parent / "shared" / "camus"))
    if not (root / "database_nifti").is_dir():
        pytest.skip("CAMUS is not here; set NAPARI_ECHO_CAMUS to its folder")
    return root


@pytest.fixture(scope="session")
def real_cine_path() -> Path:
    """The real apical four-chamber cine that pydicom ships."""
    from pydicom.examples import get_path

    return Path(get_path("ybr_color"))


@pytest.fixture(scope="session")
def real_cine(real_cine_path: Path) -> EchoClip:
    """The real cine, loaded."""
    from napari_echo.io.load import load

    return load(real_cine_path)


@pytest.fixture(scope="session")
def phantom_stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip data set of ED and ES of eight small phantoms, two of them for validation."""
    from napari_echo.io.clipset import write_clipset
    from napari_echo.phantom.generate import generate

    def clips() -> Iterable[LabelledClip]:
        for seed in range(8):
            phantom = generate(seed, size=(96, 96), frames="key")
            split = "val" if seed < 2 else "train"
            yield LabelledClip(phantom.clip, phantom.truth, phantom.key_frames, split, phantom.ef)

    return write_clipset(tmp_path_factory.mktemp("phantoms") / "stills", clips())


def _commit_truth(
    data: Path, store: Path, studies: int = 3, *, split: str = "train", wrong: bool = False
) -> Path:
    """Commit the true masks of a data set's first clips as corrections; `wrong` ones on request."""
    from datetime import UTC, datetime

    from napari_echo.core.revision import Base
    from napari_echo.io.clipset import open_clipset
    from napari_echo.io.clipset_clips import read_clip, read_truth
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.correct import correct

    clips = open_clipset(data)
    for entry in [e for e in clips.entries if e.split == split][:studies]:
        clip, truth = read_clip(clips, entry), read_truth(clips, entry)
        assert truth is not None
        # The LV and the background change places.
        labels = np.array([1, 0, 2, 3], np.uint8)[truth.labels] if wrong else truth.labels
        revision = correct(
            clip,
            labels,
            entry.labelled_frames,
            Base("nothing", ""),
            reader="tester",
            started=datetime.now(UTC),
            key_frames=entry.key_frames,
            schema=truth.schema,
        )
        LabelStore(store).commit(revision)
    return store


@pytest.fixture(scope="session")
def commit_truth() -> Callable[..., Path]:
    """Commit true masks of a clip data set to a label store."""
    return _commit_truth


def _write_pediatric(root: Path, videos: Iterable[tuple[str, LabelledClip, int]]) -> Path:
    """Write (file name, clip, fold) in EchoNet-Pediatric's layout, each in the folder of its view.

    It is EchoNet-Dynamic's layout with other lists: an outline is the points
    down one side of the discs and up the other.
    """
    from napari_echo.io.echonet_writer import write_echonet

    videos = list(videos)
    for view in sorted({item.clip.view for _, item, _ in videos}):
        of_view = [video for video in videos if video[1].clip.view == view]
        items = [replace(v[1], clip=replace(v[1].clip, study_id=v[0])) for v in of_view]
        folder = write_echonet(root / view, items)
        with (folder / "FileList.csv").open(newline="") as file:
            files = list(csv.DictReader(file))
        with (folder / "VolumeTracings.csv").open(newline="") as file:
            tracings = list(csv.DictReader(file))
        sides: dict[tuple[str, str], tuple[list[Any], list[Any]]] = {}
        for row in tracings:
            down, up = sides.setdefault((row["FileName"], row["Frame"]), ([], []))
            down.append((row["X1"], row["Y1"]))
            up.insert(0, (row["X2"], row["Y2"]))
        with (folder / "VolumeTracings.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("FileName", "X", "Y", "Frame"))
            for (name, frame), (down, up) in sides.items():
                # The first row of each was the long axis.
                points = [*down[1:], *up[:-1]]
                writer.writerows((name, int(float(x)), int(float(y)), frame) for x, y in points)
        with (folder / "FileList.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("FileName", "EF", "Sex", "Age", "Weight", "Height", "Split"))
            for row, (name, _, fold) in zip(files, of_view, strict=True):
                writer.writerow((f"{name}.avi", row["EF"], "F", 7, 24.5, 121.0, fold))
    return root


@pytest.fixture(scope="session")
def write_pediatric() -> Callable[[Path, Iterable[tuple[str, LabelledClip, int]]], Path]:
    """Write clips in the layout of EchoNet-Pediatric."""
    return _write_pediatric
