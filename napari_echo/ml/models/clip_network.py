"""The network of clips: frames through PIDNet, then through a memory, then to logits."""

from __future__ import annotations

import torch
from mmengine.logging import MessageHub
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from torch import Tensor, nn

from napari_echo.ml.models.clip_batch import ClipOutput, upsample


class ClipNetwork(BaseSegmentor):
    """Runs clips of K frames through its modules; `EchoClipSegmentor` trains it.

    Parameters
    ----------
    backbone, decode_head : dict
        An ``EchoPIDNet`` and an ``EchoPIDHead``.
    memory : dict, optional
        An ``EchoGatedPropagation`` (``gpm``); the first frame of a clip is its
        long-term memory, the frame before the short-term one.
    memory_on : {"fused", "branches"}
        Where it stands: on the fused map, or one on each of the three
        branches before they are fused (``multigpm``).
    hardness_head, time_embedding : dict, optional
        An ``EchoHardnessHead`` (``hl``), an ``EchoTimeEmbedding`` (``temp``).
    data_preprocessor, init_cfg : dict
        As in mmsegmentation.
    """

    def __init__(
        self,
        backbone: dict,
        decode_head: dict,
        memory: dict | None = None,
        memory_on: str = "fused",
        hardness_head: dict | None = None,
        time_embedding: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.decode_head = MODELS.build(decode_head)
        self.align_corners = False
        self.n_classes = self.decode_head.num_classes
        self.memory_on = memory_on
        count = {"fused": 1, "branches": 3}[memory_on]
        channels = self.backbone.channels
        self.memory = (
            nn.ModuleList(
                MODELS.build({"channels": channels, "n_classes": self.n_classes, **memory})
                for _ in range(count)
            )
            if memory
            else None
        )
        self.hardness_head = (
            MODELS.build({"channels": channels, **hardness_head}) if hardness_head else None
        )
        self.time_embedding = (
            MODELS.build({"channels": channels, **time_embedding}) if time_embedding else None
        )

    @property
    def temporal(self) -> bool:
        """Whether a frame's labels depend on the frames before it."""
        return self.memory is not None

    # --- the step-by-step form --------------------------------------------------------
    def encode(self, frames: Tensor) -> Tensor:
        """Everything before the memory: normalised frames (N, 1, H, W) to (N, E, H/8, W/8)."""
        return self._encode(frames)[0]

    def step(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        memory_masks: Tensor | None = None,
        previous: Tensor | None = None,
        previous_mask: Tensor | None = None,
    ) -> Tensor:
        """Segment one frame of each clip, given what is remembered of the clip.

        Parameters
        ----------
        x : Tensor, shape (N, E, h, w)
            The frame, by `encode`.
        memory : Tensor, shape (N, M, E, h, w)
            The frames in the long-term memory.
        memory_masks : Tensor or None, shape (N, M, C, H, W)
            Their class probabilities; zeros, or None, where no mask is known.
        previous, previous_mask : Tensor, shapes (N, E, h, w) and (N, C, H, W)
            The frame before, and its class probabilities, zeros, or None.

        Returns
        -------
        Tensor, shape (N, C, h, w)
            Logits. Without a memory module only `x` is read.
        """
        return self.decode_head.segment(
            self.remember(x, memory, memory_masks, previous, previous_mask)
        )

    def remember(
        self,
        x: Tensor,
        memory: Tensor | None,
        memory_masks: Tensor | None,
        previous: Tensor | None,
        previous_mask: Tensor | None,
    ) -> Tensor:
        """Fused maps (N, channels, h, w) of frames after the memory; arguments as for `step`."""
        if self.memory is None:
            return x
        count = len(self.memory)
        parts = zip(
            self.memory,
            x.chunk(count, dim=1),
            memory.chunk(count, dim=2),
            previous.chunk(count, dim=1),
            strict=True,
        )
        out = [
            module(part, of_memory, memory_masks, before, previous_mask)
            for module, part, of_memory, before in parts
        ]
        return out[0] if count == 1 else self.backbone.fuse(*out)

    def hardness(self, fused: Tensor) -> Tensor:
        """Learned hardness in 0-1, (N, 1, h, w), of fused maps (N, channels, h, w)."""
        return self.hardness_head(fused)

    # --- whole clips ------------------------------------------------------------------
    def run_clips(
        self,
        clips: Tensor,
        labels: Tensor,
        place: Tensor | None = None,
        first_masks: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> ClipOutput:
        """Segment clips (N, K, 1, H, W).

        Parameters
        ----------
        clips : Tensor, shape (N, K, 1, H, W)
            Normalised frames.
        labels : Tensor of int64, shape (N, K, H, W)
            Passed on to the output.
        place : Tensor, shape (N, K), optional
            Place of each frame in the cycle, for the time embedding.
        first_masks : Tensor, shape (N, C, H, W), optional
            Class probabilities of each clip's first frame, zeros for a clip
            without. With them the masks are carried from frame to frame.
        weights : Tensor, shape (N, K, H, W), optional
            Passed on to the output.
        """
        n, k = clips.shape[:2]
        x, aux_p, aux_d = self._encode(clips.flatten(0, 1))
        x = x.unflatten(0, (n, k))
        if self.memory is None:
            fused = x
        elif first_masks is None:
            fused = self._remember_all(x)
        else:
            fused = self._carry(x, first_masks)
        if self.time_embedding is not None:
            unknown = clips.new_full((n, k), float("nan"))
            fused = self.time_embedding(fused, unknown if place is None else place)
        logits = self.decode_head.segment(fused.flatten(0, 1)).unflatten(0, (n, k))
        return ClipOutput(
            logits,
            fused,
            aux_p.unflatten(0, (n, k)),
            aux_d.unflatten(0, (n, k)),
            labels,
            _progress(),
            weights,
        )

    def _encode(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        frames = frames.contiguous(memory_format=torch.channels_last)
        maps = self.backbone.branches(frames)
        if self.memory is not None and self.memory_on == "branches":
            x = torch.cat([maps.p, maps.i, maps.d], dim=1)
        else:
            x = self.backbone.fuse(maps.p, maps.i, maps.d)
        return x, maps.aux_p, maps.aux_d

    def _remember_all(self, x: Tensor) -> Tensor:
        """Every frame with the clip's first and its own predecessor in mind, all at once."""
        n, k = x.shape[:2]
        previous = torch.cat([x[:, :1], x[:, :-1]], dim=1).flatten(0, 1)
        memory = x[:, :1, None].expand(-1, k, -1, -1, -1, -1).flatten(0, 1)
        return self.remember(x.flatten(0, 1), memory, None, previous, None).unflatten(0, (n, k))

    def _carry(self, x: Tensor, first_masks: Tensor) -> Tensor:
        """Carry the first frame's masks through the clips, frame by frame."""
        known = first_masks.flatten(1).any(dim=1)[:, None, None, None]
        memory, memory_masks = x[:, :1], first_masks[:, None]
        mask = first_masks
        fused = [self.remember(x[:, 0], memory, None, x[:, 0], None)]
        for t in range(1, x.shape[1]):
            fused.append(self.remember(x[:, t], memory, memory_masks, x[:, t - 1], mask))
            if t < x.shape[1] - 1:
                logits = upsample(self.decode_head.segment(fused[-1]), first_masks.shape[2:])
                mask = logits.softmax(dim=1) * known
        return torch.stack(fused, dim=1)


def _progress() -> float:
    """Share of the training that is done; 0 outside of one."""
    hub = MessageHub.get_current_instance()
    done, total = (hub.runtime_info.get(name, 0) for name in ("iter", "max_iters"))
    return min(1.0, done / total) if total else 0.0
