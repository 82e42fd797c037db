"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from napari_echo.core.clip import EchoClip

# The same examples in every run: a red build is a change's fault, not chance's.
settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")

REPO = Path(__file__).resolve().parent.parent


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
