"""Conventions change alike in all frames of a clip, and never what is ignored."""

from __future__ import annotations

import torch

from napari_echo.ml.mmseg_compat import use_mmseg

use_mmseg()

from napari_echo.ml.models.vary_labels import grow, shrink, vary_labels  # noqa: E402


def _clip() -> torch.Tensor:
    clip = torch.zeros(3, 32, 32, dtype=torch.int64)
    clip[:, 6:26, 6:26] = 2
    clip[:, 10:22, 10:22] = 1
    clip[:, 26:30, 10:22] = 3
    clip[1] = 255
    return clip


def test_grow_and_shrink_move_the_outline_by_their_radius() -> None:
    clip = _clip()
    assert (grow(clip, 2)[0] == 1).sum() == 16 * 16
    assert (shrink(clip, 2)[0] == 1).sum() == 8 * 8
    assert (shrink(clip, 2)[0] == 2).sum() == (clip[0] == 2).sum() + 12 * 12 - 8 * 8
    for changed in (grow(clip, 2), shrink(clip, 2)):
        assert (changed[1] == 255).all()
        assert torch.equal(changed[0], changed[2])


def test_clips_of_a_batch_get_conventions_of_their_own() -> None:
    torch.manual_seed(0)
    clips = torch.stack([_clip()] * 40)
    before = clips.clone()
    varied = vary_labels(clips, reach=0.1)
    assert torch.equal(clips, before)
    assert torch.equal(varied[:, 0], varied[:, 2])
    assert (varied[:, 1] == 255).all()
    areas = (varied[:, 0] == 1).sum(dim=(1, 2))
    assert {0, 144} < set(areas.tolist())
    assert areas.max() > 144
    assert 0 < areas[areas > 0].min() < 144
