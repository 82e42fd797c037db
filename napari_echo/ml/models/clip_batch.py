"""Batches of clips: what is said of them, what a segmentor finds in them, and its grids."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from napari_echo.core.labels import IGNORE


@dataclass(frozen=True)
class ClipOutput:
    """What a segmentor found in a batch of clips, for the losses.

    Parameters
    ----------
    logits : Tensor, shape (N, K, C, h, w)
        At 1/8 of the frames.
    fused : Tensor, shape (N, K, E, h, w)
        The maps that the logits were read from.
    aux_p, aux_d : Tensor, shape (N, K, E / 2, h, w)
        Maps of PIDNet's auxiliary losses.
    labels : Tensor of int64, shape (N, K, H, W)
        Labels; `IGNORE` where there is none.
    progress : float
        Share of the training that is done, 0 to 1.
    weights : Tensor or None, shape (N, K, H, W)
        How much each labelled pixel counts; None where all count alike.
    """

    logits: Tensor
    fused: Tensor
    aux_p: Tensor
    aux_d: Tensor
    labels: Tensor
    progress: float
    weights: Tensor | None = None

    @property
    def labelled(self) -> Tensor:
        """Which frames carry a label, bool (N, K)."""
        return (self.labels != IGNORE).flatten(2).any(dim=2)


def upsample(logits: Tensor, size: torch.Size) -> Tensor:
    """Bring logits (N, C, h, w) to the frames' size, in float32."""
    return F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)


def one_hot(labels: Tensor, n_classes: int) -> Tensor:
    """Class probabilities (N, C, H, W) of labels (N, H, W); zeros where they are ignored."""
    known = labels != IGNORE
    hot = F.one_hot(labels.masked_fill(~known, 0), n_classes) * known[..., None]
    return hot.movedim(-1, 1).float()


def stack_labels(samples: list[SegDataSample]) -> Tensor:
    """Labels of the clips, int64 (N, K, H, W)."""
    return torch.stack([sample.gt_sem_seg.data for sample in samples]).long()


def stack_weights(samples: list[SegDataSample]) -> Tensor | None:
    """Weights of the clips' pixels, float32 (N, K, H, W); None where they carry none."""
    if not all("gt_weight" in sample for sample in samples):
        return None
    return torch.stack([sample.gt_weight.data for sample in samples])


def places(samples: list[SegDataSample], like: Tensor) -> Tensor:
    """Place of each frame in the cycle, float (N, K); not-a-number where it is not known."""
    rows = [sample.metainfo.get("places") for sample in samples]
    unknown = (float("nan"),) * like.shape[1]
    return torch.tensor([row or unknown for row in rows], device=like.device)
