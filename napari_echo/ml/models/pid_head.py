"""PIDNet's head and its four losses, on label tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.pid_head import PIDHead
from mmseg.registry import MODELS
from torch import Tensor

from napari_echo.core.labels import IGNORE


def edges_of(labels: Tensor, width: int) -> Tensor:
    """Draw the borders between labels, as mmsegmentation's ``GenerateEdge`` does.

    Parameters
    ----------
    labels : Tensor of int64, shape (N, H, W)
        Labels; pixels that are ignored have no border.
    width : int
        Side of the square that the borders are dilated with, pixels.

    Returns
    -------
    Tensor of float32, shape (N, H, W)
        1 on a border, else 0.
    """
    edge = torch.zeros_like(labels, dtype=torch.float32)

    def differs(a: Tensor, b: Tensor) -> Tensor:
        return ((a != b) & (a != IGNORE) & (b != IGNORE)).float()

    down = differs(labels[:, 1:], labels[:, :-1])
    left = differs(labels[:, :, :-1], labels[:, :, 1:])
    up_left = differs(labels[:, :-1, :-1], labels[:, 1:, 1:])
    up_right = differs(labels[:, :-1, 1:], labels[:, 1:, :-1])
    edge[:, 1:] = torch.maximum(edge[:, 1:], down)
    edge[:, :, :-1] = torch.maximum(edge[:, :, :-1], left)
    edge[:, :-1, :-1] = torch.maximum(edge[:, :-1, :-1], up_left)
    edge[:, :-1, 1:] = torch.maximum(edge[:, :-1, 1:], up_right)
    if width == 1:
        return edge
    # OpenCV's anchor of an even square lies right of its middle.
    before, after = width // 2, (width - 1) // 2
    padded = F.pad(edge[:, None], (before, after, before, after))
    return F.max_pool2d(padded, width, stride=1)[:, 0]


@MODELS.register_module()
class EchoPIDHead(PIDHead):
    """PIDNet's head whose losses take tensors: labels of the labelled frames alone.

    The losses are those of PIDNet (arXiv 2206.02066): cross-entropy on P,
    OHEM cross-entropy on I, the boundary loss on D, and OHEM cross-entropy on
    I where D sees a boundary (sigmoid above 0.8).

    Parameters
    ----------
    edge_width : int
        Width of the true boundary, pixels of the input.
    background : bool
        Whether background pixels count in the losses of P and I. Without
        them nothing holds the cavity back but the boundary loss.
    **kwargs
        As for mmsegmentation's ``PIDHead``.
    """

    def __init__(self, edge_width: int = 4, background: bool = True, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.edge_width = edge_width
        self.background = background

    def segment(self, fused: Tensor) -> Tensor:
        """Logits (N, C, h, w) of fused maps; dropout is for training alone."""
        return self.i_head(fused, self.cls_seg)

    def losses(
        self,
        logits: Tensor,
        aux_p: Tensor,
        aux_d: Tensor,
        labels: Tensor,
        weight: Tensor | None = None,
        pixel_weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute PIDNet's losses.

        Parameters
        ----------
        logits : Tensor, shape (N, C, h, w)
            Of the I branch, by `segment`.
        aux_p, aux_d : Tensor, shape (N, E, h, w)
            Maps of the auxiliary losses.
        labels : Tensor of int64, shape (N, H, W)
            Labels of the frames; `IGNORE` where there is none.
        weight : Tensor, optional, shape (N, 1, h, w)
            Hardness of the pixels; it then weighs the cross-entropy of I in
            place of mining (arXiv 2305.08462).
        pixel_weight : Tensor, optional, shape (N, H, W)
            How much each labelled pixel counts in the losses of P and I, which
            become ``sum w l / sum w``. The boundary loss, which balances border
            and rest by itself, and a loss weighed by hardness stay as they are.

        Returns
        -------
        dict of Tensor
            ``loss_sem_p``, ``loss_sem_i``, ``loss_bd`` and ``loss_sem_bd``, and with
            `weight` also ``loss_hardness``.
        """
        size = labels.shape[1:]
        p = self._to(self.p_head(aux_p, self.p_cls_seg), size)
        d = self._to(self.d_head(aux_d, self.d_cls_seg), size)
        i = self._to(logits, size)
        semantic = labels if self.background else labels.masked_fill(labels == 0, IGNORE)
        weighed: dict[str, Tensor] = {}
        mean: dict[str, Tensor] = {}
        if pixel_weight is not None:
            weighed = {"weight": pixel_weight}
            mean = {"avg_factor": (pixel_weight * (semantic != IGNORE)).sum()}
        found: dict[str, Tensor] = {
            "loss_sem_p": self.loss_decode[0](p, semantic, ignore_index=IGNORE, **weighed, **mean)
        }
        if weight is None:
            found["loss_sem_i"] = self.loss_decode[1](i, semantic, **weighed)
        else:
            found.update(hardness_losses(i, semantic, self._to(weight, size)))
        found["loss_bd"] = self.loss_decode[2](d, edges_of(labels, self.edge_width))
        near = semantic.masked_fill(torch.sigmoid(d[:, 0]) <= 0.8, IGNORE)
        found["loss_sem_bd"] = self.loss_decode[3](i, near, **weighed)
        return found

    def _to(self, x: Tensor, size: torch.Size) -> Tensor:
        return F.interpolate(x.float(), size=size, mode="bilinear", align_corners=False)


def hardness_losses(logits: Tensor, labels: Tensor, hardness: Tensor) -> dict[str, Tensor]:
    """Loss by learned hardness, after "Hardness level learning" (arXiv 2305.08462).

    With the pixel losses l and w = (hardness + 0.1), divided by its mean over
    the labelled pixels: the segmentation is trained by ``mean(sg(w) l)``, the
    hardness by ``-0.01 mean(w sg(l))``, where sg stops the gradient.

    Parameters
    ----------
    logits : Tensor, shape (N, C, H, W)
        Logits.
    labels : Tensor of int64, shape (N, H, W)
        Labels.
    hardness : Tensor, shape (N, 1, H, W)
        Between 0 and 1.

    Returns
    -------
    dict of Tensor
        ``loss_sem_i`` and ``loss_hardness``.
    """
    labelled = labels != IGNORE
    loss = F.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="none")[labelled]
    if loss.numel() == 0:
        none = logits.sum() * 0.0 + hardness.sum() * 0.0
        return {"loss_sem_i": none, "loss_hardness": none}
    weight = (hardness[:, 0] + 0.1)[labelled]
    weight = weight / weight.mean()
    return {
        "loss_sem_i": (weight.detach() * loss).mean(),
        "loss_hardness": -0.01 * (weight * loss.detach()).mean(),
    }
