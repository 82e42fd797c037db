"""DICOM ultrasound clips."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.dicom import load_dicom

WriteDicom = Callable[..., Path]
Speckle = Callable[..., NDArray[np.uint8]]

EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED = (
    f"1.2.840.10008.1.2{tail}" for tail in (".1", "", ".2", ".1.99")
)
RLE, J2K_LOSSLESS, J2K, JPEG = (
    f"1.2.840.10008.1.2.{tail}" for tail in ("5", "4.90", "4.91", "4.50")
)


def _grey_rgb(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(frames[..., np.newaxis], 3, axis=-1)


def _jpegs(frames: NDArray[np.uint8]) -> list[bytes]:
    from PIL import Image

    encoded = []
    for frame in frames:
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "jpeg", quality=98, subsampling=0)
        encoded.append(buffer.getvalue())
    return encoded


def test_the_real_cine(real_cine: EchoClip, real_cine_path: Path) -> None:
    assert real_cine.frames.shape == (30, 240, 320)
    assert real_cine.fps == pytest.approx(30, rel=1e-4)
    assert real_cine.spacing_mm == pytest.approx((1.021, 1.021), abs=1e-3)
    assert real_cine.source == real_cine_path
    assert len(real_cine.notes) == 1
    assert "640x480" in real_cine.notes[0]
    assert "PLA" not in real_cine.study_id  # the patient's name stays in the file


def test_grey_levels_of_the_real_cine_are_its_luma(
    real_cine: EchoClip, real_cine_path: Path
) -> None:
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    luma = pixel_array(dcmread(real_cine_path), raw=True)[..., 0]
    difference = np.abs(real_cine.frames.astype(int) - luma)
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99.9) <= 2


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED, RLE, J2K_LOSSLESS])
def test_lossless_grey_is_exact(write_dicom: WriteDicom, speckle: Speckle, syntax: str) -> None:
    frames = speckle()
    clip = load_dicom(write_dicom(frames, syntax=syntax))
    assert (clip.frames == frames).all()
    assert clip.fps == 40
    assert clip.spacing_mm is None
    wide = write_dicom(frames * np.uint16(257), syntax=syntax, name="wide.dcm")
    assert (load_dicom(wide).frames == frames).all()


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE, J2K_LOSSLESS])
def test_lossless_rgb_is_exact(write_dicom: WriteDicom, speckle: Speckle, syntax: str) -> None:
    frames = speckle()
    assert (load_dicom(write_dicom(_grey_rgb(frames), "RGB", syntax=syntax)).frames == frames).all()


def test_planes_of_rgb(write_dicom: WriteDicom, speckle: Speckle) -> None:
    frames = speckle()
    pixels = _grey_rgb(frames)
    path = write_dicom(pixels, "RGB", PlanarConfiguration=1)
    raw = path.read_bytes()
    planes = np.moveaxis(pixels, -1, 1).tobytes()
    path.write_bytes(raw.replace(pixels.tobytes(), planes))
    assert raw != path.read_bytes()
    assert (load_dicom(path).frames == frames).all()


def test_ybr_full_uncompressed(write_dicom: WriteDicom, speckle: Speckle) -> None:
    frames = speckle()
    ybr = np.stack([frames, np.full_like(frames, 128), np.full_like(frames, 128)], axis=-1)
    clip = load_dicom(write_dicom(ybr, "YBR_FULL"))
    assert np.abs(clip.frames.astype(int) - frames).max() <= 1


@pytest.mark.parametrize(("colour", "photometric"), [(False, "MONOCHROME2"), (True, "YBR_FULL")])
def test_jpeg(write_dicom: WriteDicom, speckle: Speckle, colour: bool, photometric: str) -> None:
    frames = speckle()
    pixels = _grey_rgb(frames) if colour else frames
    path = write_dicom(pixels, photometric, syntax=JPEG, jpegs=_jpegs(pixels))
    assert np.abs(load_dicom(path).frames.astype(int) - frames).mean() < 2


def test_lossy_jpeg_2000(write_dicom: WriteDicom, speckle: Speckle) -> None:
    frames = speckle()
    clip = load_dicom(write_dicom(frames, syntax=J2K, compression={"j2k_cr": [2]}))
    assert 0 < np.abs(clip.frames.astype(int) - frames).mean() < 8


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [("1.2.840.10008.1.2.4.70", "ljpeg_encode"), ("1.2.840.10008.1.2.4.80", "jpegls_encode")],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_lossless_jpeg_and_jpeg_ls(
    write_dicom: WriteDicom, speckle: Speckle, syntax: str, encode: str, bits: int
) -> None:
    import imagecodecs
    from pydicom.pixels.utils import iter_pixels

    frames = speckle()
    pixels = frames if bits == 8 else frames * np.uint16(257)
    encoded = [getattr(imagecodecs, encode)(frame) for frame in pixels]
    path = write_dicom(pixels, syntax=syntax, jpegs=encoded)
    assert (load_dicom(path).frames == frames).all()
    # By this project's own decoder, whatever others are installed.
    own = np.stack(list(iter_pixels(path, decoding_plugin="imagecodecs")))
    assert (own == pixels).all()


def test_jpeg_ls_in_colour(write_dicom: WriteDicom, real_cine: EchoClip) -> None:
    import imagecodecs
    from pydicom.pixels.utils import iter_pixels

    pixels = _grey_rgb(real_cine.frames[:2])
    encoded = [imagecodecs.jpegls_encode(frame) for frame in pixels]
    path = write_dicom(pixels, "RGB", syntax="1.2.840.10008.1.2.4.80", jpegs=encoded)
    assert (load_dicom(path).frames == real_cine.frames[:2]).all()
    own = np.stack(list(iter_pixels(path, decoding_plugin="imagecodecs")))
    assert (own == pixels).all()


def test_palette(write_dicom: WriteDicom, speckle: Speckle) -> None:
    indices = speckle() // 64  # four entries
    entries = np.array([0, 80, 160, 255], np.uint16)
    lut = (entries * 257).astype("<u2").tobytes()
    tables = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [4, 0, 16]), ("Data", lut))
    }
    clip = load_dicom(write_dicom(indices, "PALETTE COLOR", **tables))
    assert (clip.frames == entries[indices]).all()


def test_monochrome1_is_inverted(write_dicom: WriteDicom, speckle: Speckle) -> None:
    frames = speckle()
    assert (load_dicom(write_dicom(frames, "MONOCHROME1")).frames == 255 - frames).all()


@pytest.mark.parametrize(
    ("dtype", "offset", "elements", "low", "high"),
    [
        (np.uint16, 0, {"BitsStored": 12, "HighBit": 11}, 0, 4095),
        (np.uint16, 0, {"WindowCenter": 500, "WindowWidth": 800}, 100, 900),
        (np.uint16, 0, {"WindowCenter": [500, 9], "WindowWidth": [800, 3]}, 100, 900),
        (np.int16, -500, {"BitsStored": 12, "HighBit": 11}, -2048, 2047),
        (np.uint16, 0, {"RescaleSlope": 2, "RescaleIntercept": -50, "WindowCenter": 450,
                        "WindowWidth": 1000}, 0, 500),
    ],
)  # fmt: skip
def test_more_than_eight_bits(
    write_dicom: WriteDicom,
    speckle: Speckle,
    dtype: Any,
    offset: int,
    elements: dict[str, Any],
    low: float,
    high: float,
) -> None:
    values = (speckle().astype(np.int32) * 4 + offset).astype(dtype)
    clip = load_dicom(write_dicom(values, **elements))
    expected = np.clip((values.astype(float) - low) / (high - low), 0, 1) * 255
    assert np.abs(clip.frames - expected).max() <= 0.51
    assert "scaled" in clip.notes[0]


@pytest.mark.parametrize(
    ("elements", "fps"),
    [
        ({"FrameTime": 20}, 50),
        ({"FrameTime": 0, "CineRate": 42}, 42),
        ({"FrameTime": None, "FrameTimeVector": [0, 20, 20, 20, 20, 20]}, 50),
        ({"FrameTime": None, "RecommendedDisplayFrameRate": 31}, 31),
        ({"FrameTime": None}, None),
    ],
)
def test_frame_rate(
    write_dicom: WriteDicom, speckle: Speckle, elements: dict[str, Any], fps: float | None
) -> None:
    assert load_dicom(write_dicom(speckle(), **elements)).fps == fps


def _region(
    box: tuple[int, int, int, int], delta_cm: float = 0.05, data_type: int = 1, spatial: int = 1
) -> Any:
    from pydicom.dataset import Dataset

    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = spatial, data_type, 2
    region.RegionLocationMinX0, region.RegionLocationMinY0 = box[:2]
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = box[2:]
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = delta_cm, delta_cm
    return region


@pytest.mark.parametrize(
    ("regions", "spacing", "words"),
    [
        ([((10, 5, 79, 63), 0.05)], 0.5, ""),
        ([((10, 5, 150, 120), 0.05)], 1.0, "160x128"),  # written for twice the size
        ([((10, 5, 300, 250), 0.05)], 2.0, "320x256"),  # four times
        ([((100, 5, 150, 40), 0.05)], None, "does not fit"),  # beyond, but filling little
        ([((0, 0, 900, 900), 0.05)], None, "does not fit"),
        ([((0, 0, 39, 63), 0.05), ((40, 0, 79, 63), 0.08)], None, "differ"),
        ([((0, 0, 79, 63), 40.0)], None, "cannot be right"),
        ([((0, 0, 79, 40), 0.05, 10, 4), ((0, 0, 79, 63), 0.03)], 0.3, ""),  # an ECG strip first
    ],
)
def test_spacing_of_the_ultrasound_region(
    write_dicom: WriteDicom,
    speckle: Speckle,
    regions: list[tuple[Any, ...]],
    spacing: float | None,
    words: str,
) -> None:
    made = [_region(*region) for region in regions]
    clip = load_dicom(write_dicom(speckle(), SequenceOfUltrasoundRegions=made))
    assert clip.spacing_mm == (None if spacing is None else pytest.approx((spacing, spacing)))
    assert words in " ".join(clip.notes)
    assert bool(words) == bool(clip.notes)


def test_pixel_spacing_without_a_region(write_dicom: WriteDicom, speckle: Speckle) -> None:
    clip = load_dicom(write_dicom(speckle(), PixelSpacing=[0.4, 0.3]))
    assert clip.spacing_mm == pytest.approx((0.4, 0.3))


def test_the_study_is_a_pseudonym_shared_by_its_clips(
    write_dicom: WriteDicom, speckle: Speckle
) -> None:
    elements = {"PatientName": "Doe^Jane", "PatientID": "4711"}
    first = load_dicom(write_dicom(speckle(), name="Doe1.dcm", **elements))
    second = load_dicom(write_dicom(speckle(seed=1), name="Doe2.dcm", **elements))
    other = load_dicom(write_dicom(speckle(), StudyInstanceUID="1.2.3.5"))
    assert first.study_id == second.study_id != other.study_id
    assert not {"Doe", "Jane", "4711"} & set(first.study_id.split("-"))


def test_the_view_code(write_dicom: WriteDicom, speckle: Speckle) -> None:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeMeaning = "Apical two chamber"
    assert load_dicom(write_dicom(speckle(), ViewCodeSequence=[code])).view == "A2C"
    assert load_dicom(write_dicom(speckle())).view == "unknown"


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off(
    real_cine_path: Path, tmp_path: Path, share: float, caplog: pytest.LogCaptureFixture
) -> None:
    raw = real_cine_path.read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(EchoError, match=r"^cut\.dcm is cut off: .*\.$"):
        load_dicom(path)
    # The sentence says it: the terminal need not.
    assert caplog.records == []


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE])
def test_fewer_frames_than_announced(
    write_dicom: WriteDicom, speckle: Speckle, syntax: str
) -> None:
    path = write_dicom(speckle(6), syntax=syntax)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"IS\x02\x006 ", b"IS\x02\x009 "))
    assert raw != path.read_bytes()
    with pytest.raises(EchoError, match=r"clip\.dcm is .*cut off.* 9 frames"):
        load_dicom(path)


def test_a_damaged_jpeg_frame_is_not_shown_as_rubbish(real_cine_path: Path, tmp_path: Path) -> None:
    raw = bytearray(real_cine_path.read_bytes())
    middle = len(raw) * 2 // 3
    raw[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path = tmp_path / "bad.dcm"
    path.write_bytes(raw)
    with pytest.raises(EchoError, match=r"^bad\.dcm is damaged"):
        load_dicom(path)


def test_one_frame(write_dicom: WriteDicom, speckle: Speckle) -> None:
    with pytest.raises(EchoError, match=r"clip\.dcm has one frame; a clip needs at least two\."):
        load_dicom(write_dicom(speckle(1)))


def test_a_text_named_dcm(tmp_path: Path) -> None:
    path = tmp_path / "notes.dcm"
    path.write_text("The left ventricle is normal. " * 20)
    with pytest.raises(EchoError, match=r"notes\.dcm is not a DICOM file"):
        load_dicom(path)


def test_a_report_without_an_image() -> None:
    from pydicom.data import get_testdata_file

    with pytest.raises(EchoError, match=r"DICOM file without an image"):
        load_dicom(Path(str(get_testdata_file("test-SR.dcm", download=False))))


def test_a_directory_of_dicom_files_is_no_clip(tmp_path: Path) -> None:
    from pydicom.data import get_testdata_file

    path = tmp_path / "index.dcm"
    path.write_bytes(Path(str(get_testdata_file("DICOMDIR", download=False))).read_bytes())
    with pytest.raises(EchoError, match=r"index\.dcm is a DICOM file without an image \(Media"):
        load_dicom(path)


def test_a_compression_without_a_decoder(write_dicom: WriteDicom, speckle: Speckle) -> None:
    path = write_dicom(speckle(), syntax="1.2.840.10008.1.2.4.102", jpegs=[b"\0\0"] * 6)
    with pytest.raises(EchoError, match=r"MPEG-4.*no decoder is installed"):
        load_dicom(path)
