"""Labels drawn by other conventions, alike in all frames of a clip."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_echo.core.labels import IGNORE, LV

MYOCARDIUM = 2


def vary_labels(labels: Tensor, reach: float = 0.03) -> Tensor:
    """Redraw each clip's labels by a convention of its own.

    A network that finds the structures by itself need not read the mask that
    it is given, and learns not to. So in training the given mask and the
    wanted ones are changed alike, in a way that only the given one tells: the
    cavity is drawn wider or narrower, as readers differ about trabeculae, or
    a structure is left out.

    Parameters
    ----------
    labels : Tensor of int64, shape (N, K, H, W)
        Labels; `IGNORE` stays as it is.
    reach : float
        Largest shift of the cavity's outline, as a share of the frame's width.

    Returns
    -------
    Tensor of int64, shape (N, K, H, W)
    """
    return torch.stack([_vary(clip, reach) for clip in labels])


def _vary(clip: Tensor, reach: float) -> Tensor:
    choice = float(torch.rand(()))
    steps = max(1, round(reach * clip.shape[-1]))
    radius = int(torch.randint(1, steps + 1, ()))
    if choice < 0.3:
        return grow(clip, radius)
    if choice < 0.6:
        return shrink(clip, radius)
    if choice < 0.8:
        structures = clip[(clip != 0) & (clip != IGNORE)].unique()
        if len(structures) > 1:
            left_out = structures[int(torch.randint(0, len(structures), ()))]
            return clip.masked_fill(clip == left_out, 0)
    return clip


def grow(clip: Tensor, radius: int) -> Tensor:
    """Widen the cavity in labels (K, H, W) by a number of pixels, into what surrounds it."""
    wider = _dilate(clip == LV, radius)
    return clip.masked_fill(wider & (clip != IGNORE), LV)


def shrink(clip: Tensor, radius: int) -> Tensor:
    """Narrow the cavity in labels (K, H, W) by a number of pixels, which become wall."""
    rim = (clip == LV) & _dilate((clip != LV) & (clip != IGNORE), radius)
    return clip.masked_fill(rim, MYOCARDIUM)


def _dilate(mask: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(mask.float()[:, None], 2 * radius + 1, 1, radius)[:, 0] > 0
