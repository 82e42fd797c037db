"""Hard pixels count more in the losses, and only then."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import IGNORE
from napari_echo.io.clipset import open_clipset
from napari_echo.io.clipset_writer import write_index
from napari_echo.ml.fine_tune import config_for
from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.packs import PIDNetNetwork, find_pack
from napari_echo.ml.training import load_config

use_mmseg()

from mmseg.registry import MODELS, TRANSFORMS  # noqa: E402

from napari_echo.ml.dataset import EchoFrameDataset  # noqa: E402
from napari_echo.ml.losses import EchoOhemCrossEntropy  # noqa: E402

CONFIG = "pidnet-s_100_corrections"


def test_ohem_weighs_what_it_keeps() -> None:
    # Losses 0, 1, 2 and 3 of four pixels; the hardest two are kept.
    losses = torch.tensor([0.0, 1.0, 2.0, 3.0])
    log_p = torch.stack([-losses, torch.log(-torch.expm1(-losses) + 1e-30)])
    score, target = log_p[None, :, None], torch.zeros(1, 1, 4, dtype=torch.int64)
    weight = torch.tensor([9.0, 9.0, 1.0, 3.0])[None, None]
    loss = EchoOhemCrossEntropy(threshold=0.2, min_share=0.5)
    assert loss(score, target).item() == pytest.approx(2.5, rel=1e-5)
    assert loss(score, target, weight).item() == pytest.approx((2 + 3 * 3) / 4, rel=1e-5)


def _head_losses(
    labels: torch.Tensor, pixel_weight: torch.Tensor | None
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Losses of a head at the labels' size, and the logits that P and I gave."""
    torch.manual_seed(0)
    head = MODELS.build(load_config(CONFIG).model.decode_head)
    seen: dict[str, torch.Tensor] = {}
    head.p_cls_seg.register_forward_hook(lambda _m, _i, out: seen.update(p=out))
    n, size = len(labels), labels.shape[1:]
    logits = torch.randn(n, 4, *size)
    maps = torch.randn(2, n, 64, *size)
    found = head.losses(logits, *maps, labels, pixel_weight=pixel_weight)
    return found, {**seen, "i": logits}


def test_the_heads_losses_are_weighted_means() -> None:
    labels = torch.randint(0, 4, (2, 8, 8), generator=torch.Generator().manual_seed(1))
    labels[0, 0] = IGNORE
    weight = 1 + 2 * torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(2)).round()
    found, logits = _head_losses(labels, weight)
    plain, _ = _head_losses(labels, None)
    known = labels != IGNORE
    per_pixel = F.cross_entropy(logits["p"], labels, ignore_index=IGNORE, reduction="none")
    expected = 0.4 * (weight * per_pixel)[known].sum() / weight[known].sum()
    assert torch.allclose(found["loss_sem_p"], expected)
    assert found["loss_sem_p"] != plain["loss_sem_p"]
    of_i = F.cross_entropy(logits["i"], labels, ignore_index=IGNORE, reduction="none")[known]
    # Random logits: nearly all pixels are below the threshold, and these are kept.
    kept = of_i >= -np.log(0.9)
    expected = (weight[known][kept] * of_i[kept]).sum() / weight[known][kept].sum()
    assert torch.allclose(found["loss_sem_i"], expected)
    assert found["loss_bd"] == plain["loss_bd"]


def test_weights_of_one_change_nothing() -> None:
    labels = torch.randint(0, 4, (2, 8, 8), generator=torch.Generator().manual_seed(1))
    plain, _ = _head_losses(labels, None)
    ones, _ = _head_losses(labels, torch.ones(2, 8, 8))
    for name, value in plain.items():
        assert torch.allclose(value, ones[name], rtol=1e-6), name


def test_hard_pixels_move_with_their_labels() -> None:
    letterbox = TRANSFORMS.build({"type": "EchoLetterbox", "size": 64})
    affine = TRANSFORMS.build({"type": "EchoRandomAffine", "prob": 1.0})
    pack = TRANSFORMS.build({"type": "EchoPackClip", "hard_weight": 1.5})
    labels = np.zeros((1, 90, 120), np.uint8)
    labels[0, 20:60, 30:80] = 1
    results = {"img": labels * 200, "gt_seg_map": labels, "hard": labels.copy(), "labelled": [True]}
    np.random.seed(0)  # noqa: NPY002  (transforms draw from the global generator)
    results["labelled"] = np.array([True])
    sample = pack(affine(letterbox(results)))["data_samples"]
    packed, weight = sample.gt_sem_seg.data, sample.gt_weight.data
    assert torch.equal(weight, 1 + 1.5 * (packed == 1))
    assert 200 < (packed == 1).sum() < 1500


def test_frames_without_marks_weigh_one_and_no_weights_are_packed_unasked() -> None:
    labels = np.zeros((1, 8, 8), np.uint8)
    results = {"img": labels, "gt_seg_map": labels, "labelled": np.array([True])}
    weighted = TRANSFORMS.build({"type": "EchoPackClip", "hard_weight": 1.0})(dict(results))
    assert torch.equal(weighted["data_samples"].gt_weight.data, torch.ones(1, 8, 8))
    plain = TRANSFORMS.build({"type": "EchoPackClip"})(dict(results))
    assert "gt_weight" not in plain["data_samples"]


@pytest.fixture
def corrected(clipset: Path, tmp_path: Path) -> Path:
    """The first clip's first frame, labelled anew and marked hard throughout."""
    root = tmp_path / "corrected"
    shutil.copytree(clipset, root)
    clips = open_clipset(root)
    entry = clips.entries[0]
    np.save(root / entry.labels_file, np.full((1, *entry.shape[1:]), 1, np.uint8))
    np.save(root / "clips" / "x.hard.npy", np.full((1, *entry.shape[1:]), 1, np.uint8))
    hard = replace(entry, labelled_frames=(0,), hard_file="clips/x.hard.npy")
    write_index(root, clips.schema, [hard])
    return root


def test_of_a_frame_labelled_twice_the_correction_counts(clipset: Path, corrected: Path) -> None:
    roots = [str(clipset), str(corrected)]
    both = EchoFrameDataset(roots, repeats=[1, 3], as_clips=True, last_counts=True, pipeline=[])
    plain = EchoFrameDataset(roots, repeats=[1, 3], pipeline=[])
    assert len(plain) == 6 + 3
    assert len(both) == 5 + 3
    clip_id = open_clipset(corrected).entries[0].clip_id
    of_frame = [s for s in both if (s["clip_id"], s["frame_index"]) == (clip_id, 0)]
    assert len(of_frame) == 3
    for sample in of_frame:
        assert sample["img"].shape == sample["gt_seg_map"].shape == sample["hard"].shape
        assert (sample["gt_seg_map"] == 1).all()
        assert (sample["hard"] == 1).all()
    assert all("hard" not in s for s in both if s["clip_id"] != clip_id)


def test_a_cut_off_file_of_hard_pixels_is_refused(corrected: Path) -> None:
    (corrected / "clips" / "x.hard.npy").write_bytes(b"short")
    with pytest.raises(EchoError, match=r"x\.hard\.npy is cut off"):
        open_clipset(corrected)


def test_a_set_of_before_has_no_hard_pixels(clipset: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(clipset, old)
    index = json.loads((old / "index.json").read_text())
    for entry in index["entries"]:
        del entry["hard_file"]
    (old / "index.json").write_text(json.dumps(index))
    clips = open_clipset(old)
    assert clips.hard_pixels(clips.entries[0]) is None


@pytest.mark.parametrize("name", ["pidnet-s-camus", "pidnet-s-phantom", "pidnet-s"])
def test_plain_packs_can_be_trained_on(name: str) -> None:
    assert config_for(find_pack(name)) == CONFIG


def test_packs_of_other_networks_cannot() -> None:
    plain = find_pack("pidnet-s")
    own = PIDNetNetwork(
        mean=(0.0,), std=(1.0,), channels=32, ppm_channels=96, num_stem_blocks=2,
        num_branch_blocks=3, head_channels=128, align_corners=False,
    )  # fmt: skip
    for change in ({"hardness": True}, {"network": own}, {"architecture": "UNet"}):
        pack = replace(plain, card=plain.card.model_copy(update=change))
        with pytest.raises(EchoError, match="cannot be trained on"):
            config_for(pack)
    with pytest.raises(EchoError, match="cannot be trained on"):
        config_for(find_pack("pidnet-s_gpm"))
