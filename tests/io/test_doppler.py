"""Colour Doppler is refused; other colour is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.dicom import load_dicom
from napari_echo.io.doppler import MIN_SHARE, ColourCheck, doppler_share
from napari_echo.io.load import load

GREEN, RED, BLUE = (0, 255, 0), (230, 40, 20), (30, 60, 220)


@pytest.fixture
def rgb(real_cine: EchoClip) -> NDArray[np.uint8]:
    """Ten frames of the real cine in colour, to paint on."""
    return np.repeat(real_cine.frames[:10, ..., np.newaxis], 3, axis=-1)


def _check(frames: NDArray[np.uint8]) -> None:
    check = ColourCheck(Path("clip.avi"))
    for frame in frames:
        check.add(frame)
    check.finish()


def _example(name: str) -> Any:
    from pydicom import dcmread
    from pydicom.examples import get_path

    return dcmread(get_path(name))


@pytest.mark.parametrize("name", ["rgb_color", "jpeg2k"])
def test_real_power_doppler_is_refused(name: str, tmp_path: Path) -> None:
    dataset = _example(name)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    dataset.NumberOfFrames = 3
    dataset.PixelData = dataset.PixelData * 3
    path = tmp_path / "flow.dcm"
    dataset.save_as(path)
    with pytest.raises(EchoError, match=r"^flow\.dcm shows colour Doppler .*\.$"):
        load_dicom(path)


def test_the_blue_banner_of_a_real_scanner_passes(tmp_path: Path) -> None:
    dataset = _example("palette_color")
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData * 2
    path = tmp_path / "banner.dcm"
    dataset.save_as(path)
    assert len(load_dicom(path)) == 2


def test_the_grey_cine_is_far_below_the_limit(real_cine_path: Path) -> None:
    from pydicom.pixels.utils import pixel_array

    assert max(doppler_share(frame) for frame in pixel_array(real_cine_path)) < MIN_SHARE / 10


def test_two_coloured_jets_are_refused(rgb: NDArray[np.uint8]) -> None:
    rgb[3:7, 110:130, 150:165] = RED
    rgb[3:7, 130:140, 150:165] = BLUE
    with pytest.raises(EchoError, match="colour Doppler"):
        _check(rgb)


def test_a_still_patch_of_flow_is_refused(rgb: NDArray[np.uint8]) -> None:
    rgb[:, 100:140, 140:180] = RED
    with pytest.raises(EchoError, match="colour Doppler"):
        _check(rgb)


def test_ecg_and_text_in_colour_pass(rgb: NDArray[np.uint8]) -> None:
    import cv2

    x = np.arange(320)
    y = (220 - 25 * np.exp(-(((x % 90) - 40) ** 2) / 20)).astype(int)
    line = np.stack([x, y], axis=1).reshape(-1, 1, 2)
    for frame in rgb:
        cv2.polylines(frame, [line], False, GREEN, 2)
        cv2.putText(frame, "HR 72 bpm", (200, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.6, BLUE, 2)
    assert (np.ptp(rgb, axis=-1) > 60).mean() > 0.01
    _check(rgb)


def test_a_flat_banner_at_the_border_passes(rgb: NDArray[np.uint8]) -> None:
    rgb[:, :24] = (20, 60, 160)
    _check(rgb)


def test_a_flat_patch_at_the_border_is_no_banner(rgb: NDArray[np.uint8]) -> None:
    rgb[:, 100:180, :60] = RED
    with pytest.raises(EchoError, match="colour Doppler"):
        _check(rgb)


@pytest.mark.parametrize("tint", [(255, 205, 130), (120, 170, 255)])
def test_a_tinted_clip_passes(rgb: NDArray[np.uint8], tint: tuple[int, int, int]) -> None:
    tinted = (rgb * (np.array(tint) / 255)).astype(np.uint8)
    assert (np.ptp(tinted, axis=-1) > 60).any()
    _check(tinted)


def test_colour_in_a_single_frame_is_damage(rgb: NDArray[np.uint8]) -> None:
    blocks = np.random.default_rng(0).integers(0, 256, (12, 40, 3), dtype=np.uint8)
    rgb[6, 64:160] = blocks.repeat(8, axis=0).repeat(8, axis=1)
    with pytest.raises(EchoError, match=r"clip\.avi is damaged: its frame 6"):
        _check(rgb)


def test_a_declared_colour_flow_region_is_refused(
    write_dicom: Callable[..., Path], speckle: Callable[..., NDArray[np.uint8]]
) -> None:
    from pydicom.dataset import Dataset

    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType = 1, 2
    with pytest.raises(EchoError, match=r"colour Doppler \(its header"):
        load_dicom(write_dicom(speckle(), SequenceOfUltrasoundRegions=[region]))


@pytest.mark.parametrize("kind", ["avi", "mp4", "tif", "npy"])
def test_every_format_refuses_flow(
    rgb: NDArray[np.uint8], write_video: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    import tifffile

    rgb[:, 100:140, 140:180] = RED
    path = tmp_path / f"flow.{kind}"
    if kind == "npy":
        np.save(path, rgb)
    elif kind == "tif":
        tifffile.imwrite(path, rgb, photometric="rgb")
    elif kind == "mp4":
        write_video(rgb, path.name, "libx264", "yuv420p")
    else:
        write_video(rgb, path.name)
    with pytest.raises(EchoError, match=rf"flow\.{kind} shows colour Doppler"):
        load(path)
