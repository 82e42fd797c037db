"""Gated propagation: the windowed attention, and masks that are carried."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from napari_echo.ml.mmseg_compat import use_mmseg

use_mmseg()

from napari_echo.ml.models.gated_propagation import (  # noqa: E402
    EchoGatedPropagation,
    to_map,
    to_tokens,
    window_index,
)


def _module(**kwargs: object) -> EchoGatedPropagation:
    torch.manual_seed(0)
    return EchoGatedPropagation(channels=16, n_classes=3, attention=8, **kwargs).eval()


def test_the_window_is_that_of_an_unfolded_map() -> None:
    height, width, window = 5, 6, 3
    module = _module(window=window)
    query, key, value = (torch.randn(2, height * width, 8) for _ in range(3))
    attention = module._short_attention(query, key, (height, width))
    ours = to_map(attention @ value, (height, width))

    def unfold(tokens: torch.Tensor) -> torch.Tensor:
        maps = to_map(tokens, (height, width))
        return F.unfold(maps, window, padding=1).unflatten(1, (8, window**2))

    scores = (query.transpose(1, 2)[:, :, None] * unfold(key)).sum(1) / 8**0.5
    scores = scores + module.relative(query).transpose(1, 2)
    exists = F.unfold(torch.ones(1, 1, height, width), window, padding=1) > 0
    weights = scores.masked_fill(~exists, float("-inf")).softmax(1)
    theirs = (unfold(value) * weights[:, None]).sum(2).unflatten(2, (height, width))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_window_index_by_hand() -> None:
    index, inside = window_index(1, 4, 3)
    # Position 1 sees 0, 1 and 2, in the middle row of its 3 x 3 window.
    assert index[1].tolist() == [3, 4, 5, 0]
    assert inside[1].tolist() == [True, True, True, False]
    assert inside[0].tolist() == [True, True, False, False]


def test_masks_of_zeros_add_exactly_nothing() -> None:
    module = _module()
    x, memory, previous = (
        torch.randn(2, 16, 4, 4),
        torch.randn(2, 2, 16, 4, 4),
        torch.randn(2, 16, 4, 4),
    )
    plain = module(x, memory, None, previous, None)
    zeros = module(x, memory, torch.zeros(2, 2, 3, 32, 32), previous, torch.zeros(2, 3, 32, 32))
    assert torch.equal(plain, zeros)
    some = torch.zeros(2, 2, 3, 32, 32)
    some[:, 0, 1, 8:24, 8:24] = 1
    given = module(x, memory, some, previous, torch.zeros(2, 3, 32, 32))
    assert (given - plain).abs().max() > 1e-3


def test_clips_of_a_batch_do_not_mix() -> None:
    module = _module()
    x, memory, previous = (
        torch.randn(3, 16, 4, 4),
        torch.randn(3, 2, 16, 4, 4),
        torch.randn(3, 16, 4, 4),
    )
    masks, mask = torch.rand(3, 2, 3, 32, 32), torch.rand(3, 3, 32, 32)
    together = module(x, memory, masks, previous, mask)
    for i in range(3):
        one = slice(i, i + 1)
        alone = module(x[one], memory[one], masks[one], previous[one], mask[one])
        assert torch.allclose(together[one], alone, atol=1e-5)


def test_the_order_of_memory_frames_does_not_matter() -> None:
    module = _module()
    x, memory, previous = (
        torch.randn(1, 16, 4, 4),
        torch.randn(1, 3, 16, 4, 4),
        torch.randn(1, 16, 4, 4),
    )
    masks, mask = torch.rand(1, 3, 3, 32, 32), torch.rand(1, 3, 32, 32)
    order = [2, 0, 1]
    a = module(x, memory, masks, previous, mask)
    b = module(x, memory[:, order], masks[:, order], previous, mask)
    assert torch.allclose(a, b, atol=1e-5)


def test_tokens_and_maps_are_one_another() -> None:
    maps = torch.randn(2, 5, 3, 4)
    assert torch.equal(to_map(to_tokens(maps), (3, 4)), maps)


def test_a_learned_mask_follows_a_moving_object() -> None:
    """Trained on squares that move, the ID branch carries a given mask to where the square is."""
    torch.manual_seed(0)
    module = EchoGatedPropagation(
        channels=16, n_classes=2, attention=16, window=5, dropout=0, drop_path=0
    )
    embed = torch.nn.Conv2d(2, 16, 1)
    read = torch.nn.Conv2d(16, 2, 1)
    parameters = [*module.parameters(), *embed.parameters(), *read.parameters()]
    optimizer = torch.optim.Adam(parameters, 3e-3)

    def squares(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Two squares, of channel 0 and 1; the mask shows one of them, by chance."""
        maps, masks = torch.zeros(n, 2, 2, 8, 8), torch.zeros(n, 2, 2, 8, 8)
        for i in range(n):
            chosen = int(torch.randint(0, 2, ()))
            for t in range(2):
                for kind in range(2):
                    y, x = torch.randint(0, 6, (2,)).tolist()
                    maps[i, t, kind, y : y + 3, x : x + 3] = 1
                    if kind == chosen:
                        masks[i, t, 1, y : y + 3, x : x + 3] = 1
        masks[:, :, 0] = 1 - masks[:, :, 1]
        return maps, masks

    def run(maps: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        frames = embed(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        given = masks[:, 0].repeat_interleave(8, 2).repeat_interleave(8, 3)
        out = module(frames[:, 1], frames[:, :1], given[:, None], frames[:, 0], given)
        return read(out)

    for _ in range(150):
        maps, masks = squares(16)
        loss = F.cross_entropy(run(maps, masks), masks[:, 1].argmax(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    maps, masks = squares(64)
    found, true = run(maps, masks).argmax(1) == 1, masks[:, 1, 1] == 1
    dice = 2 * (found & true).sum() / (found.sum() + true.sum())
    # Without the mask the network cannot know which of the squares is meant.
    assert dice > 0.85
