"""Losses, registered in mmsegmentation as ``Echo*``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from napari_echo.core.labels import IGNORE
from napari_echo.ml.models.clip_batch import ClipOutput, one_hot, upsample


@MODELS.register_module()
class EchoOhemCrossEntropy(nn.Module):
    """Cross-entropy of the hardest labelled pixels.

    Online hard example mining as in PIDNet (arXiv 2206.02066), with the
    least number of kept pixels given as a share of the *labelled* pixels:
    a fixed number larger than all labelled pixels of a small batch would
    keep everything and mine nothing.

    Parameters
    ----------
    threshold : float
        Pixels whose true class has a lower probability are kept.
    min_share : float
        At least this share of the labelled pixels is kept, the hardest first.
    loss_weight : float
        Factor of the loss.
    ignore_index : int
        Label of unlabelled pixels.
    loss_name : str
        Name under which mmsegmentation logs it.
    """

    def __init__(
        self,
        threshold: float = 0.9,
        min_share: float = 0.125,
        loss_weight: float = 1.0,
        ignore_index: int = 255,
        loss_name: str = "loss_ohem",
    ) -> None:
        super().__init__()
        self.threshold = threshold
        self.min_share = min_share
        self.loss_weight = loss_weight
        self.ignore_index = ignore_index
        self.loss_name = loss_name

    def forward(
        self, score: Tensor, target: Tensor, weight: Tensor | None = None, **_: object
    ) -> Tensor:
        """Mean loss of the kept pixels.

        Parameters
        ----------
        score : Tensor, shape (N, C, H, W)
            Logits.
        target : Tensor of int64, shape (N, H, W)
            Labels; where none is labelled the loss is 0.
        weight : Tensor, shape (N, H, W), optional
            Of the pixels in the mean, ``sum w l / sum w``; which pixels are kept
            does not depend on it.
        """
        score = score.float()
        losses = F.cross_entropy(score, target, ignore_index=self.ignore_index, reduction="none")
        counted = target != self.ignore_index
        labelled = losses[counted]
        if labelled.numel() == 0:
            return score.sum() * 0.0
        # The loss of a pixel is -log p of its true class, so that ranking by
        # loss ranks by probability.
        at_least = max(1, round(self.min_share * labelled.numel()))
        kth = labelled.detach().kthvalue(labelled.numel() - at_least + 1).values
        limit = torch.minimum(kth, -torch.log(kth.new_tensor(self.threshold)))
        kept = labelled >= limit
        if weight is None:
            return self.loss_weight * labelled[kept].mean()
        of_kept = weight[counted][kept]
        return self.loss_weight * (of_kept * labelled[kept]).sum() / of_kept.sum()


@MODELS.register_module()
class EchoSoftDice(nn.Module):
    """1 - Dice of the structures in the labelled frames, with probabilities for masks.

    Milletari et al., V-Net (arXiv 1606.04797), without squares, as nnU-Net has
    it: ``1 - (2 sum p y + 1) / (sum p + sum y + 1)``, a frame and a structure at
    a time. It is what evaluation counts; cross-entropy alone is not.

    Parameters
    ----------
    weight : float
        Factor of the loss.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, out: ClipOutput) -> dict[str, Tensor]:
        """Mean over labelled frames and the structures that they show, background left out."""
        labels = out.labels[out.labelled]
        if len(labels) == 0:
            return {"loss_dice": out.logits.sum() * 0.0}
        p = upsample(out.logits[out.labelled], labels.shape[1:]).softmax(dim=1)[:, 1:]
        known = (labels != IGNORE)[:, None]
        y = one_hot(labels, out.logits.shape[2])[:, 1:]
        p = p * known
        both, total = (p * y).sum(dim=(2, 3)), (p + y).sum(dim=(2, 3))
        dice = (2 * both + 1) / (total + 1)
        shown = y.sum(dim=(2, 3)) > 0
        return {"loss_dice": self.weight * (1 - dice[shown]).mean()}
