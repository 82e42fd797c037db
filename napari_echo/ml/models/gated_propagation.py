"""Gated propagation through a clip, of features and of masks.

After DeAOT (Yang and Yang, NeurIPS 2022): GP(U, Q, K, V) = W_o DWConv5x5(U *
softmax(Q K^T / sqrt(d)) V), with one head and keys that share the projection
of the queries. Pure torch: the attention within a window is a masked product
of all positions, which at 1/8 of the image is small.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn


class GatedOutput(nn.Module):
    """W_o DWConv5x5(U * attended), with dropout in the depth-wise part.

    Nothing behind the gate has a bias, so that 0 stays 0.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.gate = nn.Linear(channels, channels)
        self.local = nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False)
        self.dropout = nn.Dropout2d(dropout)
        self.out = nn.Linear(channels, channels, bias=False)

    def forward(self, z: Tensor, attended: Tensor, size: tuple[int, int]) -> Tensor:
        """Gate what was attended (N, hw, C) by the frame (N, hw, C)."""
        gated = self.gate(z) * attended
        return self.out(to_tokens(self.dropout(self.local(to_map(gated, size)))))


def to_tokens(x: Tensor) -> Tensor:
    """Maps (N, C, h, w) as positions (N, hw, C); no copy where they lie channels last."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def to_map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """Positions (N, hw, C) as maps (N, C, h, w), channels last."""
    return tokens.unflatten(1, size).permute(0, 3, 1, 2)


def window_index(height: int, width: int, window: int) -> tuple[Tensor, Tensor]:
    """Place of every position in the window around every other.

    Returns
    -------
    index : Tensor of int64, shape (height * width, height * width)
        Row-major place in the window of the second position around the
        first, 0 to ``window ** 2 - 1``; 0 outside.
    inside : Tensor of bool, the same shape
        Whether the second position lies in the window.
    """
    reach = window // 2
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    y, x = y.flatten(), x.flatten()
    dy, dx = y[None] - y[:, None], x[None] - x[:, None]
    inside = (dy.abs() <= reach) & (dx.abs() <= reach)
    index = (dy + reach) * window + dx + reach
    return index.masked_fill(~inside, 0), inside


@MODELS.register_module()
class EchoGatedPropagation(nn.Module):
    """One gated propagation module with long-term and short-term memory and an ID branch.

    The visual branch attends to memory frames (all positions) and to the
    previous frame (a window, with a learned term for the relative position)::

        x <- x + g_long LT + g_short ST
        x <- x + droppath(self GP)
        out = norm(x) + ID

    where the gates ``g = sigmoid(W |x - other| + b)`` take the difference
    between the frames into account: where the image has changed, less is
    taken over. The ID branch carries masks along the same attention:
    ``V_id = SiLU(W patch(mask))``, and a mask of zeros adds exactly nothing.
    With one module DeAOT's own ``x_id`` input is empty and left out.

    Parameters
    ----------
    channels : int
        Of the maps.
    n_classes : int
        Classes of the masks, background included.
    attention : int
        Channels of queries and keys.
    window : int
        Side of the short-term window, odd.
    dropout, drop_path : float
        Rates during training.
    """

    def __init__(
        self,
        channels: int = 128,
        n_classes: int = 4,
        attention: int = 64,
        window: int = 15,
        dropout: float = 0.1,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        self.window = window
        self.drop_path = drop_path
        self.norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, attention)
        self.value = nn.Linear(channels, channels)
        self.relative = nn.Linear(attention, window**2)
        self.long_gate = nn.Linear(channels, channels)
        self.short_gate = nn.Linear(channels, channels)
        self.long_out = GatedOutput(channels, dropout)
        self.short_out = GatedOutput(channels, dropout)
        self.self_norm = nn.LayerNorm(channels)
        self.self_query = nn.Linear(channels, attention)
        self.self_value = nn.Linear(channels, channels)
        self.self_out = GatedOutput(channels, dropout)
        self.final_norm = nn.LayerNorm(channels)
        # A mask enters by squares of 8 x 8 pixels, one for each position.
        self.patch = nn.Conv2d(n_classes, channels, 8, stride=8, bias=False)
        self.id_value = nn.Linear(channels, channels, bias=False)
        self.id_long_out = GatedOutput(channels, dropout)
        self.id_short_out = GatedOutput(channels, dropout)
        self.id_out = nn.Linear(channels, channels, bias=False)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        memory_masks: Tensor | None,
        previous: Tensor,
        previous_mask: Tensor | None,
    ) -> Tensor:
        """Propagate from memory to one frame of each clip.

        Parameters
        ----------
        x : Tensor, shape (N, C, h, w)
            Map of the frame.
        memory : Tensor, shape (N, M, C, h, w)
            Maps of the M memory frames.
        memory_masks : Tensor or None, shape (N, M, n_classes, 8h, 8w)
            Their class probabilities; zeros, or None, where no mask is known.
        previous : Tensor, shape (N, C, h, w)
            Map of the frame before.
        previous_mask : Tensor or None, shape (N, n_classes, 8h, 8w)
            Its class probabilities; zeros, or None, where none is known.

        Returns
        -------
        Tensor, shape (N, C, h, w)
        """
        n, m = memory.shape[:2]
        size = x.shape[2:]
        x = to_tokens(x)
        z, z_previous = self.norm(x), self.norm(to_tokens(previous))
        z_memory = self.norm(to_tokens(memory.flatten(0, 1))).unflatten(0, (n, m))
        query = self.query(z)
        long = self._attention(query, self.query(z_memory).flatten(1, 2))
        short = self._short_attention(query, self.query(z_previous), size)
        seen_long = long @ F.silu(self.value(z_memory)).flatten(1, 2)
        seen_short = short @ F.silu(self.value(z_previous))
        long_gate = torch.sigmoid(self.long_gate((z - z_memory.mean(dim=1)).abs()))
        short_gate = torch.sigmoid(self.short_gate((z - z_previous).abs()))
        x = x + long_gate * self.long_out(z, seen_long, size)
        x = x + short_gate * self.short_out(z, seen_short, size)
        x = x + self._drop_path(self._self_propagation(self.self_norm(x), size))
        out = self.final_norm(x)
        if memory_masks is not None and previous_mask is not None:
            id_memory = self._id_value(memory_masks.flatten(0, 1)).unflatten(0, (n, m))
            carried = self.id_long_out(z, long @ id_memory.flatten(1, 2), size)
            carried = carried + self.id_short_out(z, short @ self._id_value(previous_mask), size)
            out = out + self.id_out(carried)
        return to_map(out, size)

    def _id_value(self, masks: Tensor) -> Tensor:
        return F.silu(self.id_value(to_tokens(self.patch(masks))))

    def _self_propagation(self, z: Tensor, size: tuple[int, int]) -> Tensor:
        query = self.self_query(z)
        seen = self._attention(query, query) @ F.silu(self.self_value(z))
        return self.self_out(z, seen, size)

    @staticmethod
    def _attention(query: Tensor, keys: Tensor) -> Tensor:
        """Attention (N, hw, L) of queries (N, hw, d) to keys (N, L, d)."""
        scores = query @ keys.transpose(1, 2) / math.sqrt(query.shape[2])
        return scores.float().softmax(dim=-1).to(query.dtype)

    def _short_attention(self, query: Tensor, key: Tensor, size: tuple[int, int]) -> Tensor:
        """Attention (N, hw, hw) within the window; positions outside the image do not exist."""
        index, inside = (part.to(query.device) for part in window_index(*size, self.window))
        scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[2])
        scores = scores + self.relative(query).gather(2, index.expand(query.shape[0], -1, -1))
        scores = scores.float().masked_fill(~inside, float("-inf"))
        return scores.softmax(dim=-1).to(query.dtype)

    def _drop_path(self, x: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.drop_path
        return x * kept / (1 - self.drop_path)
