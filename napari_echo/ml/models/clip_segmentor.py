"""The segmentor of clips: what training and mmsegmentation ask of the network."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from napari_echo.core.labels import IGNORE
from napari_echo.ml.models.clip_batch import (
    ClipOutput,
    one_hot,
    places,
    stack_labels,
    stack_weights,
    upsample,
)
from napari_echo.ml.models.clip_network import ClipNetwork
from napari_echo.ml.models.vary_labels import vary_labels


@MODELS.register_module()
class EchoClipSegmentor(ClipNetwork):
    """Segments clips of K frames, of which any may be labelled.

    Parameters
    ----------
    mask_rate : float
        Share of the training batches in which the first frame's mask is given
        and carried through the clip by the ID branch.
    terms : sequence of dict
        Further losses; each takes a `ClipOutput` and returns a dict.
    labelled_only : bool
        Run labelled frames alone, each as a clip of its own: supervised training.
    train_cfg, test_cfg : dict
        As in mmsegmentation. ``test_cfg["known_time"]`` tells the time
        embedding the place of the frames in prediction too.
    **kwargs
        As for `ClipNetwork`.
    """

    def __init__(
        self,
        mask_rate: float = 0.5,
        terms: tuple[dict, ...] = (),
        labelled_only: bool = False,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mask_rate = mask_rate
        self.terms = [MODELS.build(term) for term in terms]
        self.labelled_only = labelled_only
        self.train_cfg = train_cfg or {}
        self.test_cfg = test_cfg or {}

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Losses of a batch of clips (N, K, 1, H, W)."""
        return self.losses(
            inputs,
            stack_labels(data_samples),
            places(data_samples, inputs),
            stack_weights(data_samples),
        )

    def losses(
        self, clips: Tensor, labels: Tensor, place: Tensor, weights: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Supervised losses of the labelled frames, and the terms of the whole clips."""
        if self.labelled_only:
            chosen = (labels != IGNORE).flatten(2).any(dim=2)
            clips, labels, place = clips[chosen, None], labels[chosen, None], place[chosen, None]
            weights = None if weights is None else weights[chosen, None]
        if self.memory is not None and torch.rand(()) < 0.5:
            clips, labels, place = clips.flip(1), labels.flip(1), place.flip(1)
            weights = None if weights is None else weights.flip(1)
        labels, masks = self.draw_masks(labels)
        out = self.run_clips(clips, labels, place, masks, weights)
        found = self.supervised(out)
        for term in self.terms:
            found.update(term(out))
        return found

    def draw_masks(self, labels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Draw masks of the first frames to carry through a training batch; in some, none.

        Returns
        -------
        labels : Tensor of int64, shape (N, K, H, W)
            What is wanted: with masks, drawn by the masks' own conventions, and
            nothing of the first frame, whose mask is given.
        masks : Tensor or None, shape (N, C, H, W)
            As `run_clips` takes them.
        """
        if self.memory is None or labels.shape[1] < 2 or torch.rand(()) >= self.mask_rate:
            return labels, None
        labels = vary_labels(labels)
        masks = one_hot(labels[:, 0], self.n_classes)
        labels[:, 0] = IGNORE
        return labels, masks

    def supervised(self, out: ClipOutput) -> dict[str, Tensor]:
        """PIDNet's losses over the labelled frames."""
        chosen = out.labelled
        if not chosen.any():
            return {"loss_none": out.logits.sum() * 0.0}
        weight = None
        if self.hardness_head is not None:
            weight = self.hardness(out.fused[chosen])
        return self.decode_head.losses(
            out.logits[chosen],
            out.aux_p[chosen],
            out.aux_d[chosen],
            out.labels[chosen],
            weight,
            None if out.weights is None else out.weights[chosen],
        )

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Label every frame of clips; no mask and, by default, no place in the cycle is given."""
        samples = data_samples or [SegDataSample() for _ in inputs]
        place = None
        if self.test_cfg.get("known_time"):
            place = places(samples, inputs)
        logits = self.run_clips(inputs, inputs.new_empty(0), place).logits
        for sample, of_clip in zip(samples, logits, strict=True):
            labels = upsample(of_clip, inputs.shape[3:]).argmax(dim=1)
            sample.set_data({"pred_sem_seg": PixelData(data=labels)})
        return samples

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        return self.run_clips(inputs, inputs.new_empty(0)).logits

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Maps of frames (N, 1, H, W), as `encode` gives them."""
        return self.encode(inputs)

    def encode_decode(self, inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        """Logits of clips at full size, (N, K, C, H, W)."""
        logits = self._forward(inputs)
        return upsample(logits.flatten(0, 1), inputs.shape[3:]).unflatten(0, logits.shape[:2])
