"""AVI, MP4 and MOV clips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.video import load_video

WriteVideo = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "tolerance"),
    [
        ("a.avi", "mjpeg", "yuvj420p", 0.5),
        ("a.avi", "rawvideo", "bgr24", 0),
        ("a.avi", "ffv1", "gray", 0),
        ("a.avi", "mpeg4", "yuv420p", 1),
        ("a.mp4", "libx264", "yuv420p", 1),
        ("a.mov", "libx264", "yuv420p", 1),
        ("a.mov", "png", "rgb24", 0),
        ("A.AVI", "mjpeg", "yuvj420p", 0.5),
    ],
)
def test_codecs(
    real_cine: EchoClip,
    write_video: WriteVideo,
    name: str,
    codec: str,
    pix_fmt: str,
    tolerance: float,
) -> None:
    lossy = {"qmin": "1", "qmax": "1"} if codec in ("mjpeg", "mpeg4") else {}
    options = {"crf": "1"} if codec == "libx264" else lossy
    clip = load_video(write_video(real_cine.frames[:12], name, codec, pix_fmt, 42, **options))
    assert clip.frames.shape == (12, 240, 320)
    assert clip.fps == pytest.approx(42)
    assert clip.spacing_mm is None
    assert np.abs(clip.frames.astype(int) - real_cine.frames[:12]).mean() <= tolerance


def test_frames_are_in_order(write_video: WriteVideo) -> None:
    frames = np.repeat(np.arange(0, 240, 8, dtype=np.uint8), 64 * 64).reshape(-1, 64, 64)
    levels = load_video(write_video(frames, "a.mp4", "libx264", "yuv420p", bf="3")).frames
    assert levels.mean(axis=(1, 2)) == pytest.approx(frames[:, 0, 0], abs=3)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("cut.avi", "mjpeg", "yuvj420p"), ("cut.avi", "rawvideo", "bgr24"),
     ("cut.mp4", "libx264", "yuv420p"), ("cut.mov", "mjpeg", "yuvj420p")],
)  # fmt: skip
def test_a_video_that_is_cut_off(
    real_cine: EchoClip,
    write_video: WriteVideo,
    share: float,
    name: str,
    codec: str,
    pix_fmt: str,
) -> None:
    path = write_video(real_cine.frames, name, codec, pix_fmt)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(EchoError, match=rf"^{name} is damaged(,| or) cut off.*\.$"):
        load_video(path)


def test_the_frames_that_could_be_read_are_counted(
    real_cine: EchoClip, write_video: WriteVideo
) -> None:
    path = write_video(real_cine.frames)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(EchoError, match=r"only the first 1\d of its 30 frames can be read\.$"):
        load_video(path)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("bad.avi", "mjpeg", "yuvj420p"), ("bad.mp4", "libx264", "yuv420p")],
)
def test_a_damaged_video(
    real_cine: EchoClip, write_video: WriteVideo, name: str, codec: str, pix_fmt: str
) -> None:
    path = write_video(real_cine.frames, name, codec, pix_fmt)
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 1500] = np.random.default_rng(1).bytes(1500)
    path.write_bytes(raw)
    with pytest.raises(EchoError, match=rf"^{name} is damaged"):
        load_video(path)


def test_one_frame(real_cine: EchoClip, write_video: WriteVideo) -> None:
    with pytest.raises(EchoError, match=r"clip\.avi has one frame; a clip needs at least two\."):
        load_video(write_video(real_cine.frames[:1]))


def test_a_picture_named_avi(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "photo.avi"
    Image.new("L", (64, 64), 128).save(path, "png")
    with pytest.raises(EchoError, match=r"photo\.avi is not an AVI, MP4 or MOV file"):
        load_video(path)


def test_an_archive_of_jpegs_named_avi(tmp_path: Path, real_cine_path: Path) -> None:
    # ffmpeg would play the JPEGs that lie in it, those it finds, as a clip.
    import zipfile

    path = tmp_path / "clips.avi"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(real_cine_path, "clip.dcm")
    with pytest.raises(EchoError, match=r"clips\.avi is not an AVI, MP4 or MOV file"):
        load_video(path)


def test_a_container_that_does_not_count_its_frames(
    real_cine: EchoClip, write_video: WriteVideo
) -> None:
    # Cut off, it would load as a shorter clip.
    path = write_video(real_cine.frames[:4], "clip.mkv", "libx264", "yuv420p")
    named = path.rename(path.with_suffix(".mp4"))
    with pytest.raises(EchoError, match=r"clip\.mp4 is not an AVI, MP4 or MOV file.*Matroska"):
        load_video(named)


def test_sound_alone(tmp_path: Path) -> None:
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(EchoError, match=r"sound\.mp4 has no video in it"):
        load_video(path)


def test_a_text_named_mp4(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video " * 99)
    with pytest.raises(EchoError, match=r"notes\.mp4 is damaged, cut off or not a video"):
        load_video(path)


def test_grey_of_colour_is_luma(write_video: WriteVideo, speckle: Callable[..., NDArray]) -> None:
    frames = speckle(4)
    rgb = np.repeat(frames[..., np.newaxis], 3, axis=-1)
    rgb[..., 0] = np.minimum(rgb[..., 0], 215) + 40  # reddish, yet not strongly coloured
    clip = load_video(write_video(rgb, "a.avi", "rawvideo", "bgr24"))
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    assert np.abs(clip.frames - luma).max() <= 1
