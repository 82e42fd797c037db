"""Prediction averaged with that of the mirrored frame."""

from __future__ import annotations

import numpy as np

from napari_echo.core.clip import EchoClip
from napari_echo.core.params import PredictParams
from napari_echo.ml.packs import find_pack
from napari_echo.ml.predictor import make_predictor


def test_a_mirrored_frame_gets_mirrored_labels(real_cine: EchoClip) -> None:
    frames = np.ascontiguousarray(real_cine.frames[:2, :, :240])  # a square, which has no margin
    pack = find_pack("default")
    mirror = make_predictor(pack, PredictParams(mirror=True))
    plain = make_predictor(pack)

    def difference(model: object) -> float:
        one = model.probabilities(frames).astype(float)
        other = model.probabilities(frames[..., ::-1].copy())[..., ::-1].astype(float)
        return float(np.abs(one - other).max())

    assert difference(mirror) < 0.02
    assert difference(plain) > 0.2
