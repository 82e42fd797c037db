"""Losses that ask neighbouring frames to agree, registered in mmsegmentation.

All compare softmax probabilities at the resolution of the logits, frame by
frame within one clip: axis 0 of a `ClipOutput` is the clip, axis 1 the frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from napari_echo.core.labels import IGNORE
from napari_echo.ml.models.clip_batch import ClipOutput


class _Ramped(nn.Module, ABC):
    """A loss whose weight grows as ``(iteration / iterations)^2``, or is constant."""

    name = ""

    def __init__(self, weight: float = 1.0, ramped: bool = True) -> None:
        super().__init__()
        self.weight = weight
        self.ramped = ramped

    def forward(self, out: ClipOutput) -> dict[str, Tensor]:
        """The weighted loss by its name."""
        factor = self.weight * (out.progress**2 if self.ramped else 1.0)
        return {f"loss_{self.name}": factor * self.value(out)}

    @abstractmethod
    def value(self, out: ClipOutput) -> Tensor:
        """The loss before it is weighted."""


@MODELS.register_module()
class EchoNeighbourMSE(_Ramped):
    """Squared difference of a frame's probabilities to both neighbours' (``cons_mse``).

    For the inner frames t: the mean of (P_t - sg P_{t+1})^2 + (P_t - sg P_{t-1})^2,
    where sg stops the gradient.
    """

    name = "cons_mse"

    def value(self, out: ClipOutput) -> Tensor:
        """0 for clips of fewer than three frames."""
        p = out.logits.float().softmax(dim=2)
        if p.shape[1] < 3:
            return p.sum() * 0.0
        inner, sg = p[:, 1:-1], p.detach()
        return ((inner - sg[:, 2:]) ** 2 + (inner - sg[:, :-2]) ** 2).mean()


@MODELS.register_module()
class EchoNeighbourKL(_Ramped):
    """Kullback-Leibler divergence from both neighbours (``cons_kl``).

    For the inner frames t: the mean over pixels of
    KL(sg P_{t+1} || P_t) + KL(sg P_{t-1} || P_t), summed over the classes.
    """

    name = "cons_kl"

    def value(self, out: ClipOutput) -> Tensor:
        """0 for clips of fewer than three frames."""
        log_p = out.logits.float().log_softmax(dim=2)
        if log_p.shape[1] < 3:
            return log_p.sum() * 0.0
        inner, sg = log_p[:, 1:-1], log_p.detach()
        both = [
            F.kl_div(inner, other, reduction="none", log_target=True).sum(dim=2)
            for other in (sg[:, 2:], sg[:, :-2])
        ]
        return (both[0] + both[1]).mean()


@MODELS.register_module()
class EchoChangeSmoothness(_Ramped):
    """Smoothness of change (``abs``): successive neighbour differences alike.

    With m_t the mean squared difference of the probabilities of frames t and
    t + 1: the mean of |m_{t+1} - m_t|. It does not penalise motion, only jerks.
    """

    name = "change"

    def value(self, out: ClipOutput) -> Tensor:
        """0 for clips of fewer than three frames."""
        p = out.logits.float().softmax(dim=2)
        if p.shape[1] < 3:
            return p.sum() * 0.0
        m = ((p[:, 1:] - p[:, :-1]) ** 2).mean(dim=(2, 3, 4))
        return (m[:, 1:] - m[:, :-1]).abs().mean()


@MODELS.register_module()
class EchoFeatureSimilarity(_Ramped):
    """Features of a structure alike in labelled and unlabelled frames (``feat``).

    The prototype of a class is the mean map vector over its labelled pixels
    in a clip (no gradient); in the unlabelled frames the mean over the pixels
    weighed by the class's predicted probability. The loss is 1 - cosine, mean
    over the classes that the clip's labels show, after PANet's prototypes
    (arXiv 1908.06391).
    """

    name = "feature"

    def value(self, out: ClipOutput) -> Tensor:
        """0 where no clip has both labelled and unlabelled frames."""
        labelled = out.labelled
        size, n_classes = out.logits.shape[3:], out.logits.shape[2]
        probabilities = out.logits.float().softmax(dim=2)
        losses = []
        for clip in range(len(labelled)):
            shown, rest = labelled[clip], ~labelled[clip]
            if not shown.any() or not rest.any():
                continue
            labels = out.labels[clip, shown]
            hot = F.one_hot(labels.masked_fill(labels == IGNORE, n_classes), n_classes + 1)
            true = F.adaptive_avg_pool2d(hot[..., :n_classes].movedim(-1, 1).float(), size)
            ours = _prototypes(out.fused[clip, shown].detach(), true)
            theirs = _prototypes(out.fused[clip, rest], probabilities[clip, rest])
            present = true.sum(dim=(0, 2, 3)) > 0
            losses.append((1 - F.cosine_similarity(ours, theirs, dim=1))[present].mean())
        return torch.stack(losses).mean() if losses else out.logits.sum() * 0.0


def _prototypes(maps: Tensor, weights: Tensor) -> Tensor:
    """Mean map vector of each class, (C, E), of maps (F, E, h, w) by weights (F, C, h, w)."""
    total = weights.sum(dim=(0, 2, 3)).clamp(min=1e-6)
    return torch.einsum("fehw,fchw->ce", maps.float(), weights) / total[:, None]
