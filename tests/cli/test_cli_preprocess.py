"""`napari-echo preprocess` on a CAMUS folder of one phantom."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.io.camus_writer import write_camus
from napari_echo.io.clipset import open_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.phantom.generate import generate


@pytest.fixture(scope="module")
def camus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient, and one whose image is damaged."""
    phantom = generate(1, size=(64, 64), frames="half beat")
    item = LabelledClip(phantom.clip, phantom.truth, phantom.key_frames, "train", phantom.ef)
    root = write_camus(tmp_path_factory.mktemp("camus") / "set", [item])
    damaged = root / "database_nifti" / "patient0002"
    damaged.mkdir()
    for what in ("ED", "half_sequence"):
        (damaged / f"patient0002_4CH_{what}.nii.gz").write_bytes(b"damaged")
    return root


@pytest.mark.parametrize("flags", [[], ["--sequences"]])
def test_stills_or_sequences(camus: Path, tmp_path: Path, flags: list[str]) -> None:
    command = ["preprocess", "camus", "-i", str(camus), "-o", str(tmp_path / "clips"), *flags]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / "clips")
    assert "skipped: patient0002 4CH: patient0002_4CH_" in result.stderr
    (entry,) = open_clipset(tmp_path / "clips").entries
    assert (len(entry.labelled_frames) > 2) == bool(flags)
    assert (entry.fps is None) == (not flags)
