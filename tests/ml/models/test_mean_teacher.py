"""The teacher follows the student, and teaches only where it is sure."""

from __future__ import annotations

import pytest
import torch

from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.training import load_config

use_mmseg()

from mmengine.logging import MessageHub  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402

from napari_echo.ml.models.mean_teacher import strong_view  # noqa: E402

SIDE = 64


def _model(**changes: object) -> torch.nn.Module:
    torch.manual_seed(0)
    cfg = load_config("pidnet-s_semi_mt_20k_echovideo-10").model
    cfg.update(changes)
    return MODELS.build(cfg)


@pytest.fixture(autouse=True)
def _half_way() -> None:
    hub = MessageHub.get_instance("mean-teacher-test")
    hub.update_info("iter", 50)
    hub.update_info("max_iters", 100)


def _labels(n: int, k: int) -> torch.Tensor:
    labels = torch.full((n, k, SIDE, SIDE), 255)
    labels[0, 0] = 0
    labels[0, 0, 20:40, 20:40] = 1
    return labels


def test_the_teacher_starts_as_the_student_and_follows_it() -> None:
    model = _model(momentum=0.9)
    model.update_teacher()
    student, teacher = (
        next(part.parameters()) for part in (model.backbone, model.teacher["backbone"])
    )
    assert torch.equal(student, teacher)
    before = teacher.clone()
    with torch.no_grad():
        student += 1.0
    model.update_teacher()  # step 1: momentum 1/2
    assert torch.allclose(teacher, before + 0.5)
    assert not teacher.requires_grad


def test_the_teacher_keeps_its_statistics_while_it_labels() -> None:
    model = _model().train()
    model.update_teacher()
    mean = model.teacher["backbone"].stem[0].bn.running_mean.clone()
    pseudo, confidence = model._pseudo_labels(torch.randn(2, 2, 1, SIDE, SIDE))
    assert torch.equal(mean, model.teacher["backbone"].stem[0].bn.running_mean)
    assert model.training
    assert model.backbone.training
    assert not model.teacher["backbone"].training
    assert pseudo.shape == confidence.shape == (2, 2, SIDE, SIDE)
    assert ((confidence > 0.25) & (confidence <= 1)).all()


def test_pseudo_labels_count_only_where_the_teacher_is_sure() -> None:
    clips, labels = torch.randn(2, 2, 1, SIDE, SIDE), _labels(2, 2)
    place = torch.full((2, 2), float("nan"))
    unsure = _model(threshold=(1.01, 1.01), ramp=0.0).losses(clips, labels, place)
    assert unsure["loss_pseudo"].item() == unsure["sure"].item() == 0
    sure = _model(threshold=(0.0, 0.0), ramp=0.0).losses(clips, labels, place)
    assert sure["sure"].item() == 1
    assert sure["loss_pseudo"].item() > 0
    sure["loss_pseudo"].backward()


def test_gradients_reach_the_student_alone() -> None:
    model = _model(threshold=(0.0, 0.0), ramp=0.0)
    place = torch.full((2, 2), float("nan"))
    losses = model.losses(torch.randn(2, 2, 1, SIDE, SIDE), _labels(2, 2), place)
    losses["loss_pseudo"].backward()
    assert next(model.backbone.parameters()).grad.abs().sum() > 0
    assert all(p.grad is None for p in model.teacher.parameters())


def test_fully_labelled_clips_are_plain_supervision() -> None:
    model = _model().train()
    labels = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.int64)
    place = torch.full((2, 1), float("nan"))
    losses = model.losses(torch.randn(2, 1, 1, SIDE, SIDE), labels, place)
    assert "loss_pseudo" not in losses


def test_a_strong_view_keeps_shape_black_and_finite_values() -> None:
    torch.manual_seed(3)
    clips = torch.full((3, 2, 1, 32, 32), -1.0)
    clips[..., 8:24, 8:24] = 1.5
    strong = strong_view(clips)
    assert strong.shape == clips.shape
    assert torch.isfinite(strong).all()
    assert torch.allclose(strong[..., :4, :4], torch.tensor(-1.0))
    assert not torch.allclose(strong, clips)
