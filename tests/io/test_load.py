"""Loading whatever a user gives, and finding clips in folders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.load import CLIP_SUFFIXES, find_clips, load

Speckle = Callable[..., NDArray[np.uint8]]


def test_dicom_by_content_whatever_the_name(
    real_cine: EchoClip, real_cine_path: Path, tmp_path: Path
) -> None:
    for name in ("IM_0001", "1.2.840.113", "cine.DCM"):
        (tmp_path / name).write_bytes(real_cine_path.read_bytes())
        assert load(tmp_path / name).clip_id == real_cine.clip_id


def test_a_string_will_do(tmp_path: Path, speckle: Speckle) -> None:
    np.save(tmp_path / "clip.npy", speckle())
    assert len(load(str(tmp_path / "clip.npy"))) == 6


@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
def test_every_kind_empty_or_rubbish(tmp_path: Path, suffix: str) -> None:
    empty, rubbish = tmp_path / f"empty{suffix}", tmp_path / f"rubbish{suffix}"
    empty.touch()
    rubbish.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(EchoError, match=r"^empty\S+ is empty \(0 bytes\)"):
        load(empty)
    with pytest.raises(EchoError, match=r"^rubbish\S+ (is|has|holds) .*\.$"):
        load(rubbish)


@pytest.mark.parametrize("name", ["photo.png", "letter.pdf", "README", "run.py"])
def test_other_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("something else")
    with pytest.raises(EchoError, match=rf"^{name} is not a kind of file that holds a clip"):
        load(tmp_path / name)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"nowhere\.dcm does not exist"):
        load(tmp_path / "nowhere.dcm")
    with pytest.raises(EchoError, match="is a folder"):
        load(tmp_path)


def test_a_folder_that_cannot_be_read_is_logged(
    tmp_path: Path,
    speckle: Speckle,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    np.save(tmp_path / "clip.npy", speckle())
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)  # the super-user may read every folder
    assert find_clips([tmp_path]) == [tmp_path / "clip.npy"]
    assert f"Skipped the folder {tmp_path / 'locked'}" in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="pipes have names on POSIX systems only")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.avi")
    with pytest.raises(EchoError, match="device or a pipe"):
        load(tmp_path / "pipe.avi")


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="the super-user may read every file"
)
def test_a_file_without_permission(tmp_path: Path, speckle: Speckle) -> None:
    path = tmp_path / "secret.npy"
    np.save(path, speckle())
    path.chmod(0)
    with pytest.raises(EchoError, match=r"secret\.npy cannot be read: Permission denied"):
        load(path)


def _outcome(path: Path) -> str:
    try:
        load(path)
    except EchoError as error:
        return str(error)
    return "loaded"


def test_any_damage_is_an_echo_error_or_harmless(real_cine_path: Path, tmp_path: Path) -> None:
    raw = real_cine_path.read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "bad.dcm"
    outcomes = []
    for _ in range(20):
        bad = bytearray(raw)
        for position in rng.integers(132, 3000, 6):
            bad[position] = rng.integers(256)
        path.write_bytes(bad)
        outcomes.append(_outcome(path))
    assert any("damaged" in outcome for outcome in outcomes)
    assert all(re.fullmatch(r"loaded|bad\.dcm .*\.", outcome) for outcome in outcomes)


def test_folders_are_searched(real_cine_path: Path, tmp_path: Path, speckle: Speckle) -> None:
    cine = real_cine_path.read_bytes()
    (tmp_path / "b" / ".cache").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    wanted = ["a/IM_0001", "b/clip.npy", "b/patient0001_4CH_ED.nii.gz", "z.AVI"]
    others = [
        "a/notes.txt", "a/.hidden.npy", "b/.cache/clip.npy", "b/patient0001_4CH_ED_gt.nii.gz",
        "b/clip.labels.tif", "b/clip.json", f"b/{'0a' * 16}.tif",
    ]  # fmt: skip
    for name in (*wanted, *others):
        (tmp_path / name).write_bytes(cine if name == "a/IM_0001" else b"x" * 200)
    (tmp_path / "DICOMDIR").write_bytes(cine)
    assert find_clips([tmp_path]) == [tmp_path / name for name in wanted]


def test_files_are_taken_as_given_and_once(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("b.npy", "a.npy", "odd.xyz")]
    for path in files:
        path.write_bytes(b"x")
    assert find_clips([files[0], files[2], tmp_path]) == [files[0], files[2], files[1]]


def test_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"nowhere does not exist"):
        find_clips([tmp_path / "nowhere"])
    with pytest.raises(EchoError, match=r"holds no clip; clips end in \.dcm"):
        find_clips([tmp_path])
