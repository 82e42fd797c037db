"""Model packs: what ships is whole, what was altered is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from safetensors.numpy import save_file

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.params import PredictParams
from napari_echo.ml.checkpoints import best_checkpoint
from napari_echo.ml.make_pack import convert_pack, make_pack
from napari_echo.ml.packs import (
    GRAPH,
    WEIGHTS,
    ModelPack,
    file_hash,
    find_pack,
    open_pack,
    shipped_packs,
)
from napari_echo.ml.predictor import make_predictor
from napari_echo.ml.quantize import from_8_bits, read_weights, to_8_bits, to_half

DESCRIPTION = {
    "name": "tiny",
    "description": "Two iterations on rectangles.",
    "training_data": ["drawn"],
    "metrics": [],
    "limits": ["Good for nothing."],
    "licence": "BSD-3-Clause",
    "citation": [],
    "train_again": ["napari-echo train"],
    "recommended_for": "tests",
    "training_spacing_mm": (0.5, 1.0),
}


@pytest.fixture(scope="module")
def pack(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelPack:
    out = tmp_path_factory.mktemp("packs") / "tiny"
    return make_pack("pidnet-s_2k_phantom", best_checkpoint(trained), out, DESCRIPTION)


@pytest.fixture
def copy(pack: ModelPack, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pack.path, tmp_path / "copy"))


def test_shipped_packs_are_whole_and_honest() -> None:
    packs = shipped_packs()
    assert len(packs) >= 2
    files = [file for shipped in packs for file in shipped.path.iterdir()]
    assert sum(file.stat().st_size for file in files) <= 40 * 2**20
    for shipped in packs:
        shipped.verify()
        card = shipped.card
        assert card.metrics
        assert card.train_again
        assert card.limits
        if any("CAMUS" in line for line in card.training_data):
            assert "CC BY-NC-SA 4.0" in card.licence
            assert any("Leclerc" in line for line in card.citation)
    assert find_pack("default") is packs[0]
    assert find_pack(packs[-1].name) is packs[-1]
    assert find_pack(packs[-1].path).id == packs[-1].id


def test_both_engines_give_the_same_probabilities(real_cine: EchoClip) -> None:
    frames = real_cine.frames[::12]
    shipped = find_pack("default")
    by_onnx = make_predictor(shipped).probabilities(frames)
    by_torch = make_predictor(shipped, PredictParams(engine="torch")).probabilities(frames)
    assert by_onnx.shape == (len(frames), 4, *real_cine.frame_shape)
    assert by_onnx.dtype == np.float16
    np.testing.assert_allclose(by_onnx.astype(float).sum(axis=1), 1, atol=2e-3)
    assert np.abs(by_onnx.astype(float) - by_torch.astype(float)).max() < 5e-3


def test_a_new_pack_runs_in_both_engines(pack: ModelPack) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 96, 120), dtype=np.uint8)
    by_onnx = make_predictor(open_pack(pack.path)).probabilities(frames)
    by_torch = make_predictor(pack, PredictParams(engine="torch")).probabilities(frames)
    assert np.abs(by_onnx.astype(float) - by_torch.astype(float)).max() < 5e-3
    one = make_predictor(pack).probabilities(frames[1:2])
    np.testing.assert_allclose(one[0].astype(float), by_onnx[1].astype(float), atol=2e-3)


def test_predicting_with_onnx_imports_no_torch_and_unpickles_nothing() -> None:
    code = (
        "import sys, pickle\n"
        "import numpy as np\n"
        "from napari_echo.ml.packs import find_pack\n"
        "from napari_echo.ml.predictor import make_predictor\n"
        "def refuse(*_, **__): raise SystemExit('unpickled')\n"
        "pickle.load = pickle.loads = refuse\n"
        "make_predictor(find_pack('default')).probabilities(np.zeros((1, 90, 90), np.uint8))\n"
        "assert not {'torch', 'mmseg', 'mmengine'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [WEIGHTS, GRAPH])
def test_an_altered_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(EchoError, match=f"{name}.*SHA-256"):
        make_predictor(open_pack(copy))


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    with pytest.raises(EchoError, match=f"lacks {WEIGHTS}"):
        make_predictor(open_pack(copy))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "0" * 64}, "vouch"),
        ({"input_size": 7}, "damaged: input_size"),
        ({"files": {"../evil": "0" * 64}}, "outside"),
        ({"surprise": 1}, "damaged"),
        ({"format_version": 3, "surprise": 1}, "format 3 and this program reads up to 2"),
    ],
)
def test_a_damaged_card_is_refused(copy: Path, change: dict[str, object], message: str) -> None:
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps(card | change))
    with pytest.raises(EchoError, match=message):
        open_pack(copy)


def test_what_is_no_pack_is_said(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"no card\.json"):
        open_pack(tmp_path)
    with pytest.raises(EchoError, match="shipped are"):
        find_pack("nonesuch")


def test_a_pack_is_never_overwritten(pack: ModelPack, trained: Path) -> None:
    with pytest.raises(EchoError, match="exists already"):
        make_pack("pidnet-s_2k_phantom", best_checkpoint(trained), pack.path, DESCRIPTION)


def test_a_description_without_a_licence_makes_no_pack(trained: Path, tmp_path: Path) -> None:
    lacking = {key: value for key, value in DESCRIPTION.items() if key != "licence"}
    with pytest.raises(EchoError, match="licence"):
        make_pack("pidnet-s_2k_phantom", best_checkpoint(trained), tmp_path / "new", lacking)
    assert list(tmp_path.iterdir()) == []


def test_eight_bits_are_half_the_size_and_say_the_same(
    pack: ModelPack, trained: Path, tmp_path: Path
) -> None:
    small = convert_pack(pack, tmp_path / "small", 8)
    checkpoint = best_checkpoint(trained)
    made = make_pack("pidnet-s_2k_phantom", checkpoint, tmp_path / "made", DESCRIPTION, 8)
    assert small.id == made.id == file_hash(small.path / WEIGHTS)
    assert small.card.converted_from == pack.id
    assert (pack.card.bits, small.card.bits, made.card.bits) == (16, 8, 8)
    sizes = [(p.path / WEIGHTS).stat().st_size for p in (pack, small)]
    assert sizes[1] < 0.52 * sizes[0]
    frames = np.random.default_rng(0).integers(0, 255, (2, 96, 120), dtype=np.uint8)
    full = make_predictor(pack).probabilities(frames).astype(float)
    for params in (PredictParams(), PredictParams(engine="torch")):
        less = make_predictor(small, params).probabilities(frames).astype(float)
        assert 0 < np.abs(less - full).mean() < 0.02


def test_a_converted_pack_keeps_its_provenance_and_not_its_measurements(tmp_path: Path) -> None:
    shipped = find_pack("default")
    assert shipped.card.bits == 8
    wider = convert_pack(shipped, tmp_path / "wider", 16)
    mine, theirs = wider.card, shipped.card
    assert mine.converted_from == shipped.id
    assert mine.metrics == []
    for kept in ("name", "training_data", "licence", "citation", "train_again", "limits"):
        assert getattr(mine, kept) == getattr(theirs, kept)
    metric = {"name": "Dice", "value": 1.0, "unit": "", "data": "mine", "command": "mine"}
    again = convert_pack(wider, tmp_path / "again", 8, {"metrics": [metric], "name": "again"})
    assert again.card.metrics[0].value == 1
    assert again.name == "again"
    with pytest.raises(EchoError, match="field 'name' is wrong"):
        convert_pack(wider, tmp_path / "no", 8, {"name": 1})
    assert not (tmp_path / "no").exists()


@given(
    arrays(np.float32, (5, 3, 37, 37), elements=st.floats(-8, 8, width=16)),
    arrays(np.float32, (7,), elements=st.floats(-8, 8, width=16)),
)
@settings(max_examples=20)
def test_eight_bits_err_by_half_a_step_of_the_channel(
    kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> None:
    kernel[2] = 0
    stored = to_8_bits({"a.weight": kernel, "a.bias": bias})
    assert stored["a.weight"].dtype == np.int8
    assert stored["a.weight.scale"].shape == (5,)
    back = from_8_bits(stored)
    assert set(back) == {"a.weight", "a.bias"}
    step = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / 127
    assert (np.abs(back["a.weight"] - kernel) <= step / 2 + 1e-6).all()
    assert not back["a.weight"][2].any()
    np.testing.assert_array_equal(back["a.bias"], bias)


def test_small_and_large_numbers_keep_their_precision() -> None:
    stored = to_8_bits({"stem.weight": np.ones((32, 1, 3, 3), np.float32)})
    assert stored["stem.weight"].dtype == np.float16
    variance = to_half({"bn.running_var": np.float32([1e6, 1])})["bn.running_var"]
    assert variance[0] == 1e6


def test_weights_without_their_scales_are_damaged(tmp_path: Path) -> None:
    for tensors in (
        {"a.weight": np.ones((3, 2), np.int8)},
        {"a.weight": np.ones((3, 2), np.int8), "a.weight.scale": np.ones(2, np.float32)},
    ):
        save_file(tensors, tmp_path / "w.safetensors")
        with pytest.raises(EchoError, match=r"w\.safetensors are damaged"):
            read_weights(tmp_path / "w.safetensors")


def test_a_pack_cannot_name_a_config_that_would_be_executed(copy: Path, tmp_path: Path) -> None:
    """A pack is data: a file named on its card is not run."""
    (copy / "evil.py").write_text(f"open({str(tmp_path / 'was-here')!r}, 'w')")
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps(card | {"config": str(copy / "evil.py")}))
    with pytest.raises(EchoError, match="does not ship"):
        make_predictor(open_pack(copy), PredictParams(engine="torch"))
    assert not (tmp_path / "was-here").exists()
    assert make_predictor(open_pack(copy)).probabilities(np.zeros((1, 90, 90), np.uint8)).any()
