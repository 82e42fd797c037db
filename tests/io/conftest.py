"""Small clips and files that the tests of this room are made of."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LabelSchema, Segmentation
from napari_echo.core.revision import Base, Revision
from napari_echo.io.labelled import LabelledClip


def _speckle(n: int = 6, height: int = 64, width: int = 80, seed: int = 0) -> NDArray[np.uint8]:
    """Grey, moving speckle on black, (T, H, W)."""
    rng = np.random.default_rng(seed)
    frames = rng.gamma(2.0, 30.0, (n, height, width)).clip(0, 255).astype(np.uint8)
    y, x = np.mgrid[:height, :width]
    frames[:, abs(x - width / 2) > y * 0.8 + 4] = 0
    return frames


def _ventricle(half_width: float, height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    """Labels of half an ellipse in a wall, over an atrium, (H, W)."""
    y, x = np.mgrid[:height, :width]
    up, across = 80 - y, x - width / 2
    labels = np.zeros((height, width), np.uint8)
    if half_width == 0:
        return labels
    labels[(up < 0) & (up > -20) & (abs(across) < half_width)] = 3
    labels[(up >= 0) & ((up / 68) ** 2 + (across / (half_width + 7)) ** 2 <= 1)] = 2
    labels[(up >= 0) & ((up / 60) ** 2 + (across / half_width) ** 2 <= 1)] = 1
    return labels


@pytest.fixture
def speckle() -> Callable[..., NDArray[np.uint8]]:
    """Make grey, moving speckle on black, (T, H, W)."""
    return _speckle


@pytest.fixture
def labelled() -> Callable[..., LabelledClip]:
    """Make a labelled clip of one beat, its ventricle narrowest at ES."""

    def make(
        study: str = "phantom-1",
        *,
        widths: tuple[float, ...] = (30, 28, 24, 21, 20, 24),
        ed: int = 0,
        es: int = 4,
        annotated: tuple[int, ...] | None = None,
        split: str = "train",
        view: str = "A4C",
        fps: float | None = 40.0,
        spacing_mm: tuple[float, float] | None = (0.5, 0.5),
        ef: float | None = None,
        schema: LabelSchema = CAMUS_SCHEMA,
    ) -> LabelledClip:
        seed = sum(study.encode())
        frames = _speckle(len(widths), 120, 160, seed)
        labels = np.stack([_ventricle(width) for width in widths])
        labels[labels >= schema.n_classes] = 0
        mask = np.ones(len(widths), bool)
        if annotated is not None:
            mask[:] = False
            mask[list(annotated)] = True
            labels[~mask] = 0
        clip = EchoClip.from_frames(
            frames, fps=fps, spacing_mm=spacing_mm, view=view, study_id=study
        )
        truth = Segmentation(labels, mask, "ground truth", schema)
        return LabelledClip(clip, truth, KeyFrames((Beat(ed, es),), "traced"), split, ef)

    return make


@pytest.fixture
def write_dicom(tmp_path: Path) -> Callable[..., Path]:
    """Write a multi-frame ultrasound DICOM file of given pixels and elements."""

    def write(
        pixels: NDArray[Any],
        photometric: str = "MONOCHROME2",
        *,
        syntax: str = "1.2.840.10008.1.2.1",
        jpegs: list[bytes] | None = None,
        compression: dict[str, Any] | None = None,
        name: str = "clip.dcm",
        drop: tuple[str, ...] = (),
        **elements: Any,
    ) -> Path:
        from pydicom.dataset import FileDataset, FileMetaDataset
        from pydicom.encaps import encapsulate
        from pydicom.uid import UID, UltrasoundMultiFrameImageStorage, generate_uid

        colour = pixels.ndim == 4
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = UID(syntax)
        meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["instance"])
        path = tmp_path / name
        dataset = FileDataset(
            str(path),
            {},
            file_meta=meta,
            preamble=b"\0" * 128,
            is_implicit_VR=UID(syntax).is_implicit_VR,
            is_little_endian=UID(syntax).is_little_endian,
        )
        dataset.SOPClassUID = UltrasoundMultiFrameImageStorage
        dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        dataset.StudyInstanceUID = "1.2.3.4"
        dataset.Modality = "US"
        dataset.Rows, dataset.Columns = pixels.shape[1:3]
        dataset.NumberOfFrames = len(pixels)
        dataset.SamplesPerPixel = 3 if colour else 1
        if colour:
            dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = photometric
        dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
        dataset.FrameTime = 25
        for element, value in elements.items():
            setattr(dataset, element, value)
        for element in drop:
            delattr(dataset, element)
        if jpegs is not None:
            dataset.PixelData = encapsulate(jpegs)
        elif UID(syntax).is_encapsulated:
            meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
            dataset.PixelData = pixels.tobytes()
            dataset.compress(UID(syntax), generate_instance_uid=False, **(compression or {}))
        else:
            little = pixels.astype(
                pixels.dtype.newbyteorder(">" if syntax.endswith("2.2") else "<")
            )
            dataset.PixelData = little.tobytes()
        if not UID(syntax).is_encapsulated:
            dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[..., Path]:
    """Write a video of grey (T, H, W) or RGB (T, H, W, 3) frames with PyAV."""

    def write(
        frames: NDArray[np.uint8],
        name: str = "clip.avi",
        codec: str = "mjpeg",
        pix_fmt: str = "yuvj420p",
        fps: int = 25,
        **options: str,
    ) -> Path:
        import av

        path = tmp_path / name
        source = "rgb24" if frames.ndim == 4 else "gray"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=Fraction(fps), options=options)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pix_fmt
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=source)
                container.mux(stream.encode(picture.reformat(format=pix_fmt)))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture
def make() -> Callable[..., Revision]:
    """Make a revision of two frames, committed some minutes after noon."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def revision(minutes: int = 0, clip: str = "a" * 64, **changes: Any) -> Revision:
        rng = np.random.default_rng(minutes)
        values: dict[str, Any] = {
            "revision_id": uuid.UUID(int=int(rng.integers(1, 2**60)), version=4).hex,
            "clip_id": clip,
            "study_id": "study-1",
            "clip_shape": (10, 40, 50),
            "frames": (2, 7),
            "frame_hashes": ("1" * 64, "2" * 64),
            "labels": rng.integers(0, 4, (2, 40, 50), dtype=np.uint8),
            "schema": CAMUS_SCHEMA,
            "base": Base("model", "pack-1"),
            "parent": None,
            "key_frames": KeyFrames((Beat(2, 7),), "set by reader"),
            "reader": "Ö. Reader",
            "started": noon,
            "committed": noon + timedelta(minutes=minutes),
            "seconds": 61.5,
            "status": "corrected",
            "comment": "apex “moved”\nby 3 mm",
            "program": "0.1.0",
        }
        return Revision(**{**values, **changes})

    return revision
