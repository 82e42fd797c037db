"""Measures of real ventricles, outlined by experts: CAMUS, where it is present."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.metrics.volume import lv_measures
from napari_echo.metrics.walls import wall_errors

PATIENTS = 8


def test_contours_shorten_and_the_lateral_wall_moves_in_more_than_the_septum(
    camus_root: Path,
) -> None:
    listed = (camus_root / "database_split" / "subgroup_validation.txt").read_text().split()
    shortening, ef, walls = [], [], []
    for patient in listed[:PATIENTS]:
        masks = []
        for which in ("ED", "ES"):
            name = f"{patient}_4CH_{which}_gt.nii.gz"
            image = nibabel.load(camus_root / "database_nifti" / patient / name)
            masks.append(np.squeeze(np.asarray(image.dataobj)).T == 1)
            dx, dy = (float(size) for size in image.header.get_zooms()[:2])
        (beat,) = lv_measures(np.stack(masks), (dy, dx), KeyFrames((Beat(0, 1),), "traced")).beats
        shortening.append(beat.shortening)
        ef.append(beat.ef)
        inward = wall_errors(masks[1], masks[0], (dy, dx))
        assert inward is not None
        walls.append((inward.left, inward.right))
    assert max(shortening) < 0
    assert -0.25 < np.mean(shortening) < -0.08
    assert np.corrcoef(shortening, ef)[0, 1] < -0.5
    # The septum is on the left of CAMUS's four-chamber views: it moves in less.
    left, right = np.mean(walls, axis=0)
    assert right < left < 0
