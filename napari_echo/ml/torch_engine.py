"""The reference engine: mmsegmentation's own model, in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.packs import WEIGHTS, ModelPack
from napari_echo.ml.predictor import Engine
from napari_echo.ml.training import load_config


def build_model(config: str) -> Any:
    """The segmentor of a config, with random weights, ready for prediction."""
    use_mmseg()
    from mmseg.registry import MODELS

    return MODELS.build(load_config(config).model).eval()


def torch_engine(pack: ModelPack) -> Engine:
    """Build the pack's config and load its weights."""
    model = build_model(pack.card.config)
    import torch
    from safetensors.torch import load_file

    weights = {name: value.float() for name, value in load_file(pack.path / WEIGHTS).items()}
    # The heads that only training uses are not in a pack.
    missing, unexpected = model.load_state_dict(weights, strict=False)
    absent = [name for name in missing if not name.endswith("num_batches_tracked")]
    assert not unexpected, unexpected
    assert all(".p_head." in n or ".d_head." in n or "_cls_seg." in n for n in absent), absent

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            # Not `encode_decode`, which would also scale the logits up.
            logits = model.decode_head(model.extract_feat(torch.from_numpy(batch)))
        return logits.numpy()

    return run
