"""Clips in, labels out: step by step as at once, and only labelled frames are supervised."""

from __future__ import annotations

import pytest
import torch

from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.training import load_config

use_mmseg()

from mmengine.structures import PixelData  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

from napari_echo.ml.models.clip_batch import one_hot, upsample  # noqa: E402

SIDE = 64


def _model(config: str, **changes: object) -> torch.nn.Module:
    torch.manual_seed(0)
    cfg = load_config(config).model
    cfg.update(changes)
    return MODELS.build(cfg)


def _sample(k: int, labelled: tuple[int, ...], shift: int = 0) -> SegDataSample:
    labels = torch.full((k, SIDE, SIDE), 255)
    for frame in labelled:
        labels[frame] = 0
        labels[frame, 20 + shift : 44, 16:40] = 1
        labels[frame, 44:52, 16:40] = 3
    places = tuple(t / max(1, k - 1) for t in range(k))
    sample = SegDataSample(metainfo={"places": places})
    sample.set_data({"gt_sem_seg": PixelData(data=labels)})
    return sample


@pytest.mark.parametrize("kind", ["gpm", "multigpm"])
def test_step_by_step_is_the_same_as_the_clip_at_once(kind: str) -> None:
    model = _model(f"pidnet-s_{kind}_20k_echovideo-10").eval()
    clips = torch.randn(2, 4, 1, SIDE, SIDE)
    with torch.no_grad():
        together = model(clips, mode="tensor")
        x = [model.encode(clips[:, t]) for t in range(4)]
        for t in range(4):
            logits = model.step(x[t], x[0][:, None], None, x[max(t - 1, 0)], None)
            assert torch.allclose(logits, together[:, t], atol=1e-4)


def test_a_given_mask_is_carried_frame_by_frame() -> None:
    model = _model("pidnet-s_gpm_20k_echovideo-10").eval()
    clips = torch.randn(2, 3, 1, SIDE, SIDE)
    given = one_hot(torch.stack([_sample(1, (0,)).gt_sem_seg.data[0]] * 2), 4)
    with torch.no_grad():
        carried = model.run_clips(clips, torch.empty(0), first_masks=given).logits
        x = [model.encode(clips[:, t]) for t in range(3)]
        first = model.step(x[1], x[0][:, None], given[:, None], x[0], given)
        mask = upsample(first, (SIDE, SIDE)).softmax(1)
        second = model.step(x[2], x[0][:, None], given[:, None], x[1], mask)
        plain = model(clips, mode="tensor")
    assert torch.allclose(carried[:, 1], first, atol=1e-4)
    assert torch.allclose(carried[:, 2], second, atol=1e-4)
    # A clip whose mask is not known is segmented as if masks did not exist.
    given[1] = 0
    with torch.no_grad():
        half = model.run_clips(clips, torch.empty(0), first_masks=given).logits
    assert torch.allclose(half[1], plain[1], atol=1e-4)
    assert torch.allclose(half[0], carried[0], atol=1e-4)


def test_without_a_memory_frames_do_not_see_each_other() -> None:
    model = _model("pidnet-s_semi_20k_echovideo-10").eval()
    assert not model.temporal
    clips = torch.randn(1, 3, 1, SIDE, SIDE)
    other = clips.clone()
    other[:, 0] += 1
    with torch.no_grad():
        a, b = model(clips, mode="tensor"), model(other, mode="tensor")
    assert torch.equal(a[:, 1:], b[:, 1:])
    assert not torch.equal(a[:, 0], b[:, 0])


def test_unlabelled_frames_do_not_change_supervised_losses() -> None:
    """With frozen statistics the losses of a sparse clip are those of its labelled frames."""
    model = _model("pidnet-s_semi_20k_echovideo-10").eval()
    clips = torch.randn(2, 4, 1, SIDE, SIDE)
    sparse = [_sample(4, (0, 3)), _sample(4, (0, 3), shift=4)]
    ends = clips[:, [0, 3]]
    with torch.no_grad():
        a = model.loss(clips, sparse)
        b = model.loss(ends, [_sample(2, (0, 1)), _sample(2, (0, 1), shift=4)])
    assert set(a) == {"loss_sem_p", "loss_sem_i", "loss_bd", "loss_sem_bd"}
    for name, value in a.items():
        assert value.item() == pytest.approx(b[name].item(), rel=1e-5)


def test_supervised_training_runs_labelled_frames_alone() -> None:
    model = _model("pidnet-s_20k_echovideo-10")
    seen: list[torch.Size] = []
    model.backbone.stem.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    model.loss(torch.randn(2, 5, 1, SIDE, SIDE), [_sample(5, (0, 4)), _sample(5, (0,))])
    assert seen == [torch.Size([3, 1, SIDE, SIDE])]


def test_a_batch_without_labels_costs_nothing() -> None:
    model = _model("pidnet-s_gpm_20k_echovideo-10")
    losses = model.loss(torch.randn(1, 3, 1, SIDE, SIDE), [_sample(3, ())])
    assert sum(value.item() for value in losses.values()) == 0


def test_the_place_in_the_cycle_is_read_only_where_it_is_known() -> None:
    model = _model("pidnet-s_semi_temp_20k_echovideo-10").eval()
    torch.nn.init.normal_(model.time_embedding.layers[-1].weight)
    clips = torch.randn(1, 3, 1, SIDE, SIDE)
    unknown = torch.full((1, 3), float("nan"))
    with torch.no_grad():
        plain = model(clips, mode="tensor")
        hidden = model.run_clips(clips, torch.empty(0), unknown).logits
        told = model.run_clips(clips, torch.empty(0), torch.tensor([[0.0, 0.5, 1.0]])).logits
    assert torch.equal(plain, hidden)
    assert not torch.allclose(plain, told)


def test_predictions_have_the_frames_size() -> None:
    model = _model("pidnet-s_multigpm_20k_echovideo-10").eval()
    with torch.no_grad():
        (found,) = model.predict(torch.randn(1, 2, 1, SIDE, SIDE), [_sample(2, (0,))])
    assert found.pred_sem_seg.data.shape == (2, SIDE, SIDE)
    assert found.pred_sem_seg.data.max() <= 3
