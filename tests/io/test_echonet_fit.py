"""Masks drawn from EchoNet's discs, by EchoNet's own rule, against the labels.

The package `echonet` is on no index, so the part of `echonet.datasets.Echo`
that draws the masks of ED and ES is written down here after its source.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.draw
from numpy.typing import NDArray

from napari_echo.core.discs import long_axis
from napari_echo.core.labels import LV
from napari_echo.io.echonet import write_echonet
from napari_echo.io.echonet_writer import square_mask, trace
from napari_echo.io.labelled import LabelledClip
from napari_echo.phantom.generate import generate

MASKS = dict[str, NDArray[np.bool_]]


def echonet_loader(root: Path) -> dict[str, MASKS]:
    """`echonet.datasets.Echo(root, split="all", target_type=["LargeTrace", "SmallTrace"])`."""
    with (root / "FileList.csv").open() as file:
        names = [row["FileName"] for row in csv.DictReader(file)]
    frames: dict[str, list[int]] = defaultdict(list)
    trace: dict[str, dict[int, list[tuple[float, ...]]]] = defaultdict(lambda: defaultdict(list))
    with (root / "VolumeTracings.csv").open() as file:
        assert file.readline().strip().split(",") == ["FileName", "X1", "Y1", "X2", "Y2", "Frame"]
        for line in file:
            name, x1, y1, x2, y2, frame = line.strip().split(",")
            if int(frame) not in trace[name]:
                frames[name].append(int(frame))
            trace[name][int(frame)].append((float(x1), float(y1), float(x2), float(y2)))
    found = {}
    for stem in names:
        name = f"{stem}.avi"
        capture = cv2.VideoCapture(str(root / "Videos" / name))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) > max(frames[name])
        masks = {}
        for key, index in (("LargeTrace", -1), ("SmallTrace", 0)):
            x1, y1, x2, y2 = np.array(trace[name][frames[name][index]]).T
            x = np.concatenate((x1[1:], np.flip(x2[1:])))
            y = np.concatenate((y1[1:], np.flip(y2[1:])))
            r, c = skimage.draw.polygon(
                np.rint(y).astype(int), np.rint(x).astype(int), (height, width)
            )
            mask = np.zeros((height, width), bool)
            mask[r, c] = True
            masks[key] = mask
        found[stem] = masks
    return found


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("size", [112, 256])
def test_echonets_loader_draws_the_labels_of_phantoms(tmp_path: Path, size: int) -> None:
    phantoms = [generate(seed, frames="key") for seed in range(3)]
    items = [
        LabelledClip(replace(p.clip, study_id=f"p{n}", fps=50), p.truth, p.key_frames)
        for n, p in enumerate(phantoms)
    ]
    drawn = echonet_loader(write_echonet(tmp_path / "set", items, size=size))
    assert list(drawn) == ["p0", "p1", "p2"]
    for item, masks in zip(items, drawn.values(), strict=True):
        (beat,) = item.key_frames.beats
        # The frame listed first is ES, the last is ED.
        for key, frame in (("SmallTrace", beat.es), ("LargeTrace", beat.ed)):
            expected = square_mask(item.truth.labels[frame] == LV, size)
            assert dice(masks[key], expected) >= 0.97


def test_a_corner_beside_an_oblique_annulus_is_not_left_out() -> None:
    y, x = np.mgrid[:200, :200].astype(float)
    mask = ((x - 90) / 40) ** 2 + ((y - 120) / 90) ** 2 <= 1
    mask &= y < 130 + 0.45 * (x - 90)  # cut by about 24 degrees
    axis = long_axis(mask)
    assert axis is not None
    lines = trace(mask, axis, 112)
    r, c = skimage.draw.polygon(
        *np.rint(np.concatenate([lines[1:, 0], lines[:0:-1, 1]])).T, (112, 112)
    )
    drawn = np.zeros((112, 112), bool)
    drawn[r, c] = True
    assert dice(drawn, square_mask(mask, 112)) >= 0.97


def test_a_tracing_has_the_axis_and_twenty_discs_that_cross_it() -> None:
    phantom = generate(4, frames="key")
    mask = phantom.truth.labels[0] == LV
    axis = long_axis(mask)
    assert axis is not None
    lines = trace(mask, axis, 112)
    assert lines.shape == (21, 2, 2)
    along = lines[0, 1] - lines[0, 0]
    across = lines[1:-1, 1] - lines[1:-1, 0]  # the last runs along the annulus
    cosine = across @ along / np.linalg.norm(across, axis=1) / np.linalg.norm(along)
    assert np.abs(cosine).max() < 0.01
    assert (np.diff(lines[1:].mean(axis=1) @ along) > 0).all()  # from apex to base


@pytest.mark.slow
def test_the_discs_carry_the_masks_of_camus(camus_root: Path) -> None:
    import nibabel

    paths = sorted(camus_root.glob("database_nifti/*/*_4CH_E[DS]_gt.nii.gz"))
    found = []
    for path in paths:
        mask = np.asarray(nibabel.load(path).dataobj).squeeze().T == LV
        axis = long_axis(mask)
        assert axis is not None
        for size in (112,) if len(found) % 9 else (112, max(mask.shape)):
            lines = trace(mask, axis, size)
            outline = np.concatenate([lines[1:, 0], lines[:0:-1, 1]])
            r, c = skimage.draw.polygon(*np.rint(outline).T, (size, size))
            drawn = np.zeros((size, size), bool)
            drawn[r, c] = True
            found.append(dice(drawn, square_mask(mask, size)))
    assert min(found) >= 0.97


def test_a_study_that_windows_or_a_path_would_take_amiss_is_written_within_the_folder(
    tmp_path: Path, labelled: Callable[..., LabelledClip]
) -> None:
    names = ["../../out", "CON", "nul.x", "a/b", "a\\b", "x" * 300, "Ab", "aB", "dots...", "\n\t"]
    root = write_echonet(tmp_path / "deep" / "set", [labelled(name) for name in names])
    written = sorted(path.name for path in (root / "Videos").iterdir())
    assert len(written) == len(names)
    assert len({name.lower() for name in written}) == len(names)
    for name in written:
        stem = name.removesuffix(".avi")
        assert stem.split(".")[0].lower() not in ("con", "nul")
        assert not stem.endswith(".")
        assert len(name) < 80
        assert all(c.isalnum() or c in "._-" for c in name)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
