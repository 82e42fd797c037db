"""TIFF, NIfTI and NPY stacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.io.labels import write_labels
from napari_echo.io.stacks import load_nifti, load_npy, load_tiff

Speckle = Callable[..., NDArray[np.uint8]]


def _write(path: Path, values: NDArray[Any]) -> Path:
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, values)
    else:
        nibabel.save(nibabel.Nifti1Image(values.T, np.eye(4)), path)
    return path


LOADERS = {".npy": load_npy, ".tif": load_tiff, ".nii": load_nifti}
each_kind = pytest.mark.parametrize("kind", list(LOADERS))


@each_kind
def test_bytes_are_kept(tmp_path: Path, speckle: Speckle, kind: str) -> None:
    frames = speckle()
    path = _write(tmp_path / f"clip{kind}", frames)
    clip = LOADERS[kind](path)
    assert (clip.frames == frames).all()
    assert clip.source == path
    assert clip.study_id == "clip"
    assert clip.notes == ()


@each_kind
@pytest.mark.parametrize(
    ("dtype", "factor", "note"),
    [(np.uint16, 40, True), (np.int16, 1, False), (np.float32, 0.001, True),
     (np.float32, 1, False)],
)  # fmt: skip
def test_other_types_are_scaled_over_the_whole_stack(
    tmp_path: Path, speckle: Speckle, kind: str, dtype: Any, factor: float, note: bool
) -> None:
    frames = speckle()
    frames[0] //= 2  # so that scaling frame by frame would differ
    frames[1, 30, 40] = 255
    clip = LOADERS[kind](
        _write(tmp_path / f"clip{kind}", (frames.astype(float) * factor).astype(dtype))
    )
    assert np.abs(clip.frames.astype(int) - frames).max() <= (1 if note else 0)
    assert bool(clip.notes) == note


@each_kind
def test_one_frame(tmp_path: Path, speckle: Speckle, kind: str) -> None:
    for number, frames in enumerate((speckle(1), speckle(1)[0])):
        path = _write(tmp_path / f"still{number}{kind}", frames)
        with pytest.raises(EchoError, match=rf"still{number}\{kind} has one frame"):
            LOADERS[kind](path)


@each_kind
@pytest.mark.parametrize("share", [0.01, 0.3, 0.97])
def test_a_file_that_is_cut_off(tmp_path: Path, speckle: Speckle, kind: str, share: float) -> None:
    path = _write(tmp_path / f"cut{kind}", speckle())
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(EchoError, match=rf"^cut\{kind} is (damaged|not).*\.$"):
        LOADERS[kind](path)


@each_kind
def test_a_text_by_that_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"notes{kind}"
    path.write_text("not an array " * 50)
    with pytest.raises(EchoError, match=rf"notes\{kind} is .*not a"):
        LOADERS[kind](path)


@each_kind
def test_values_that_are_no_numbers(tmp_path: Path, speckle: Speckle, kind: str) -> None:
    values = speckle().astype(np.float32)
    values[2, 3, 4] = np.nan
    path = _write(tmp_path / f"nan{kind}", values)
    with pytest.raises(EchoError, match="infinite or not a number"):
        LOADERS[kind](path)


@each_kind
def test_a_volume_over_time_is_no_clip(tmp_path: Path, kind: str) -> None:
    path = _write(tmp_path / f"volume{kind}", np.zeros((5, 20, 32, 30), np.uint8))
    with pytest.raises(EchoError, match=r"volume.*shape"):
        LOADERS[kind](path)


@each_kind
def test_any_damage_is_an_echo_error_or_harmless(
    tmp_path: Path, speckle: Speckle, kind: str
) -> None:
    raw = _write(tmp_path / f"clip{kind}", speckle()).read_bytes()
    rng = np.random.default_rng(7)
    path = tmp_path / f"bad{kind}"
    outcomes = set()
    for _ in range(60):
        bad = bytearray(raw)
        for position in rng.integers(0, 400, 3):
            bad[position] = rng.integers(256)
        path.write_bytes(bad)
        try:
            LOADERS[kind](path)
        except EchoError as error:
            outcomes.add(str(error))
    assert outcomes
    assert all(re.fullmatch(rf"bad\{kind} .*\.", outcome) for outcome in outcomes)


def test_a_compressed_tiff_that_lacks_one_byte(tmp_path: Path, speckle: Speckle) -> None:
    # LZW decodes what is left and fills the rest.
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, speckle(), compression="lzw")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EchoError, match=r"cut\.tif is damaged or cut off: its page 5"):
        load_tiff(path)


def test_a_tiff_whose_white_is_zero(tmp_path: Path, speckle: Speckle) -> None:
    path = tmp_path / "inverse.tif"
    tifffile.imwrite(path, 255 - speckle(), photometric="miniswhite")
    assert (load_tiff(path).frames == speckle()).all()


def test_a_tiff_of_palette_colours(tmp_path: Path, speckle: Speckle) -> None:
    path = tmp_path / "palette.tif"
    ramp = np.repeat((np.arange(255, -1, -1, dtype=np.uint16) << 8)[np.newaxis], 3, axis=0)
    tifffile.imwrite(path, 255 - speckle(), photometric="palette", colormap=ramp)
    assert (load_tiff(path).frames == speckle()).all()


def test_a_tiff_of_colour_planes(tmp_path: Path, speckle: Speckle) -> None:
    path = tmp_path / "planes.tif"
    planes = np.repeat(speckle()[:, np.newaxis], 3, axis=1)
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    assert (load_tiff(path).frames == speckle()).all()


def test_a_damaged_compressed_nifti_is_found_by_its_checksum(
    tmp_path: Path, speckle: Speckle
) -> None:
    path = _write(tmp_path / "bad.nii.gz", speckle())
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1  # within the checksum: the pixels decode, but nothing vouches for them
    path.write_bytes(raw)
    with pytest.raises(EchoError, match=r"bad\.nii\.gz is damaged"):
        load_nifti(path)


def test_npy_never_unpickles(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    path = tmp_path / "trap.npy"
    np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(EchoError, match=r"^trap\.npy "):
        load_npy(path)
    assert not (tmp_path / "sprung").exists()


def test_npy_in_colour_and_npz_by_name(tmp_path: Path, speckle: Speckle) -> None:
    frames = speckle()
    np.save(tmp_path / "rgb.npy", np.repeat(frames[..., np.newaxis], 3, axis=-1))
    assert (load_npy(tmp_path / "rgb.npy").frames == frames).all()
    np.savez(tmp_path / "several.npz", a=frames)
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    with pytest.raises(EchoError, match="not a NumPy array file"):
        load_npy(tmp_path / "several.npy")


def test_the_clip_outlives_its_npy_file(tmp_path: Path, speckle: Speckle) -> None:
    frames = speckle()
    path = _write(tmp_path / "clip.npy", frames)
    clip = load_npy(path)
    path.write_bytes(b"")
    assert (clip.frames == frames).all()


@pytest.mark.parametrize(
    ("options", "fps", "spacing"),
    [
        ({}, None, None),
        ({"imagej": True, "metadata": {"axes": "TYX", "finterval": 0.04, "unit": "mm"},
          "resolution": (2.5, 2.0)}, 25, (0.5, 0.4)),
        ({"imagej": True, "metadata": {"axes": "TYX", "fps": 30.0, "unit": "cm"},
          "resolution": (25, 20)}, 30, (0.5, 0.4)),
        ({"imagej": True, "metadata": {"axes": "ZYX"}}, None, None),
        ({"ome": True, "metadata": {"axes": "TYX", "TimeIncrement": 40.0,
          "TimeIncrementUnit": "ms", "PhysicalSizeX": 400.0, "PhysicalSizeXUnit": "µm",
          "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "mm"}}, 25, (0.5, 0.4)),
    ],
)  # fmt: skip
def test_tiff_metadata(
    tmp_path: Path, speckle: Speckle, options: dict[str, Any], fps: Any, spacing: Any
) -> None:
    frames = speckle()
    path = tmp_path / "clip.tif"
    tifffile.imwrite(path, frames, **options)
    clip = load_tiff(path)
    assert (clip.frames == frames).all()
    assert clip.fps == (None if fps is None else pytest.approx(fps))
    assert clip.spacing_mm == (None if spacing is None else pytest.approx(spacing))


@pytest.mark.parametrize("compression", [None, "deflate", "lzw"])
def test_tiff_page_by_page(tmp_path: Path, speckle: Speckle, compression: str | None) -> None:
    frames = speckle()
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for frame in frames:
            writer.write(frame, contiguous=False, metadata=None, compression=compression)
    assert (load_tiff(path).frames == frames).all()
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(EchoError, match=r"pages\.tif is damaged or cut off.*after page [23]\."):
        load_tiff(path)


def test_tiff_in_colour(tmp_path: Path, speckle: Speckle) -> None:
    frames = speckle()
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(path, np.repeat(frames[..., np.newaxis], 3, -1), photometric="rgb")
    assert (load_tiff(path).frames == frames).all()


def test_tiff_of_unlike_pages(tmp_path: Path, speckle: Speckle) -> None:
    path = tmp_path / "mixed.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(speckle(1)[0], metadata=None)
        writer.write(speckle(1)[0, :32], metadata=None)
    with pytest.raises(EchoError, match="pages of different sizes"):
        load_tiff(path)


def test_labels_are_no_clip(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a.tif", np.zeros((4, 32, 32), np.uint8), None, LV_SCHEMA)
    with pytest.raises(EchoError, match=r"a\.tif holds labels"):
        load_tiff(path)


@pytest.mark.parametrize(
    ("zooms", "unit", "spacing"),
    [((0.4, 0.5, 1), "mm", (0.5, 0.4)), ((400, 500, 1), "micron", (0.5, 0.4)),
     ((0.4, 0.5, 1), "unknown", (0.5, 0.4)), ((1, 1, 1), "unknown", None)],
)  # fmt: skip
def test_nifti_spacing(
    tmp_path: Path, speckle: Speckle, zooms: Any, unit: str, spacing: Any
) -> None:
    frames = speckle()
    image = nibabel.Nifti1Image(frames.T, np.eye(4))
    image.header.set_zooms(zooms)
    image.header.set_xyzt_units(unit)
    path = tmp_path / "clip.nii.gz"
    nibabel.save(image, path)
    clip = load_nifti(path)
    assert (clip.frames == frames).all()
    assert clip.spacing_mm == (None if spacing is None else pytest.approx(spacing))


def test_nifti_time_axis(tmp_path: Path, speckle: Speckle) -> None:
    frames = speckle()
    image = nibabel.Nifti1Image(frames.T[:, :, np.newaxis], np.eye(4))
    image.header.set_zooms((0.5, 0.5, 1, 0.02))
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, tmp_path / "clip.nii")
    clip = load_nifti(tmp_path / "clip.nii")
    assert (clip.frames == frames).all()
    assert clip.fps == pytest.approx(50)
