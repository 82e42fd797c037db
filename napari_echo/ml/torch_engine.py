"""The reference engine: mmsegmentation's own model, in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.ml.engine import Engine
from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.packs import WEIGHTS, ModelPack
from napari_echo.ml.training import load_config

# Heads that only the training losses read.
_TRAINING_ONLY = (
    "decode_head.p_head.",
    "decode_head.d_head.",
    "decode_head.p_cls_seg.",
    "decode_head.d_cls_seg.",
)


def unused_in_prediction(name: str) -> bool:
    """Whether prediction never reads a parameter or buffer, so that packs leave it out."""
    return name.startswith(_TRAINING_ONLY) or name.endswith("num_batches_tracked")


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
    missing, unexpected = model.load_state_dict(weights, strict=False)
    wrong = unexpected + [name for name in missing if not unused_in_prediction(name)]
    if wrong:
        raise EchoError(
            f"The weights of the model pack {pack.path} do not fit its config "
            f"{pack.card.config}: {', '.join(wrong[:3])}; make the pack again."
        )

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            # Not `encode_decode`, which would also scale the logits up.
            logits = model.decode_head(model.extract_feat(torch.from_numpy(batch)))
        return logits.numpy()

    return run
