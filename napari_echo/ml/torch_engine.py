"""The reference engine: the segmentor itself, in torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_echo.core.errors import EchoError
from napari_echo.ml.config_list import list_configs
from napari_echo.ml.engine import Engine, Scores
from napari_echo.ml.export import example_state, is_temporal, scores, step_scores
from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.packs import WEIGHTS, ModelPack
from napari_echo.ml.quantize import read_weights
from napari_echo.ml.training import load_config


def build_model(config: str) -> Any:
    """The segmentor of a config, with random weights, ready for prediction."""
    use_mmseg()
    from mmseg.registry import MODELS

    return MODELS.build(load_config(config).model).eval()


def load_pack_model(pack: ModelPack) -> Any:
    """Build a pack's network and load its weights.

    Raises
    ------
    EchoError
        If its config does not ship with the program, or the weights are not
        the network's.
    """
    card = pack.card
    if card.network is not None:
        from napari_echo.ml.grey_pidnet import GreyPIDNet

        model: Any = GreyPIDNet(card.network, pack.schema.n_classes).eval()
    elif card.config in list_configs():
        model = build_model(card.config)
    else:
        # A file of that name would be executed, and a pack is data.
        raise EchoError(
            f"The model pack {pack.path} was made by the config '{card.config}', which does not "
            "ship with this program; use the engine onnx."
        )
    weights = {n: torch.from_numpy(w) for n, w in read_weights(pack.path / WEIGHTS).items()}
    mine = model.state_dict()
    wrong = [n for n, w in weights.items() if n not in mine or mine[n].shape != w.shape]
    if not wrong:
        # What only training reads is not in a pack. Left not-a-number, it
        # would show in the scores if prediction read it after all.
        lacking = {n: w for n, w in mine.items() if n not in weights}
        nothing = {
            n: w.new_full((), torch.nan) for n, w in lacking.items() if w.is_floating_point()
        }
        for name, value in nothing.items():
            lacking[name] = value.expand_as(lacking[name])
        model.load_state_dict({**lacking, **weights})
        if not _finite(model, card.input_size, pack.schema.n_classes):
            wrong = list(nothing)
    if wrong:
        raise EchoError(
            f"The weights of the model pack {pack.path} do not fit its network "
            f"{card.architecture}: {', '.join(wrong[:3])}; make the pack again."
        )
    return model


def torch_engine(pack: ModelPack) -> Engine:
    """Make an image model's pack ready to run in torch."""
    model = load_pack_model(pack)

    def run(batch: NDArray[np.float32]) -> Scores:
        with torch.inference_mode():
            return _to_numpy(scores(model, torch.from_numpy(batch)))

    return run


class TorchTemporalEngine:
    """A temporal model in torch."""

    def __init__(self, pack: ModelPack) -> None:
        self._model = load_pack_model(pack)

    def encode(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Features of normalised squares."""
        with torch.inference_mode():
            features: NDArray[np.float32] = self._model.encode(torch.from_numpy(batch)).numpy()
        return features

    def step(self, *state: NDArray[np.float32]) -> Scores:
        """Scores of frames, given what is remembered."""
        with torch.inference_mode():
            return _to_numpy(step_scores(self._model, *map(torch.from_numpy, state)))


def _to_numpy(found: tuple[Tensor, ...]) -> Scores:
    return Scores(*(each.numpy() for each in found))


def _finite(model: Any, size: int, n_classes: int) -> bool:
    """Whether a model gives numbers for black frames."""
    with torch.inference_mode():
        if is_temporal(model):
            encoded = model.encode(torch.zeros(1, 1, size, size))
            state = example_state(model, size, n_classes, n=1, m=1)
            found = (encoded, *step_scores(model, *state))
        else:
            found = scores(model, torch.zeros(1, 1, size, size))
    return all(bool(each.isfinite().all()) for each in found)
