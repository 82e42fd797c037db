"""The segmentor of clips: frames through PIDNet, then through a memory, then to labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from napari_echo.core.labels import IGNORE
from napari_echo.ml.models.vary_labels import vary_labels


@dataclass(frozen=True)
class ClipOutput:
    """What a segmentor found in a batch of clips, for the losses.

    Parameters
    ----------
    logits : Tensor, shape (N, K, C, h, w)
        At 1/8 of the frames.
    fused : Tensor, shape (N, K, E, h, w)
        The maps that the logits were read from.
    aux_p, aux_d : Tensor, shape (N, K, E / 2, h, w)
        Maps of PIDNet's auxiliary losses.
    labels : Tensor of int64, shape (N, K, H, W)
        Labels; `IGNORE` where there is none.
    progress : float
        Share of the training that is done, 0 to 1.
    weights : Tensor or None, shape (N, K, H, W)
        How much each labelled pixel counts; None where all count alike.
    """

    logits: Tensor
    fused: Tensor
    aux_p: Tensor
    aux_d: Tensor
    labels: Tensor
    progress: float
    weights: Tensor | None = None

    @property
    def labelled(self) -> Tensor:
        """Which frames carry a label, bool (N, K)."""
        return (self.labels != IGNORE).flatten(2).any(dim=2)


@MODELS.register_module()
class EchoClipSegmentor(BaseSegmentor):
    """Segments clips of K frames, of which any may be labelled.

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
    mask_rate : float
        Share of the training batches in which the first frame's mask is given
        and carried through the clip by the ID branch.
    terms : sequence of dict
        Further losses; each takes a `ClipOutput` and returns a dict.
    hardness_head, time_embedding : dict, optional
        An ``EchoHardnessHead`` (``hl``), an ``EchoTimeEmbedding`` (``temp``).
    labelled_only : bool
        Run labelled frames alone, each as a clip of its own: supervised training.
    data_preprocessor, train_cfg, test_cfg, init_cfg : dict
        As in mmsegmentation. ``test_cfg["known_time"]`` tells the time
        embedding the place of the frames in prediction too.
    """

    def __init__(
        self,
        backbone: dict,
        decode_head: dict,
        memory: dict | None = None,
        memory_on: str = "fused",
        mask_rate: float = 0.5,
        terms: tuple[dict, ...] = (),
        hardness_head: dict | None = None,
        time_embedding: dict | None = None,
        labelled_only: bool = False,
        data_preprocessor: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.decode_head = MODELS.build(decode_head)
        self.align_corners = False
        self.n_classes = self.decode_head.num_classes
        self.memory_on = memory_on
        self.mask_rate = mask_rate
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
        self.terms = [MODELS.build(term) for term in terms]
        self.labelled_only = labelled_only
        self.train_cfg = train_cfg or {}
        self.test_cfg = test_cfg or {}

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

    # --- mmsegmentation's interface ---------------------------------------------------
    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Losses of a batch of clips (N, K, 1, H, W)."""
        return self.losses(
            inputs,
            stack_labels(data_samples),
            places(data_samples, inputs),
            stack_weights(data_samples),
        )

    def losses(
        self, clips: Tensor, labels: Tensor, place: Tensor, weights: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Supervised losses of the labelled frames, and the terms of the whole clips."""
        if self.labelled_only:
            chosen = (labels != IGNORE).flatten(2).any(dim=2)
            clips, labels, place = clips[chosen, None], labels[chosen, None], place[chosen, None]
            weights = None if weights is None else weights[chosen, None]
        if self.memory is not None and torch.rand(()) < 0.5:
            clips, labels, place = clips.flip(1), labels.flip(1), place.flip(1)
            weights = None if weights is None else weights.flip(1)
        labels, masks = self.draw_masks(labels)
        out = self.run_clips(clips, labels, place, masks, weights)
        found = self.supervised(out)
        for term in self.terms:
            found.update(term(out))
        return found

    def draw_masks(self, labels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Draw masks of the first frames to carry through a training batch; in some, none.

        Returns
        -------
        labels : Tensor of int64, shape (N, K, H, W)
            What is wanted: with masks, drawn by the masks' own conventions, and
            nothing of the first frame, whose mask is given.
        masks : Tensor or None, shape (N, C, H, W)
            As `run_clips` takes them.
        """
        if self.memory is None or labels.shape[1] < 2 or torch.rand(()) >= self.mask_rate:
            return labels, None
        labels = vary_labels(labels)
        masks = one_hot(labels[:, 0], self.n_classes)
        labels[:, 0] = IGNORE
        return labels, masks

    def supervised(self, out: ClipOutput) -> dict[str, Tensor]:
        """PIDNet's losses over the labelled frames."""
        chosen = out.labelled
        if not chosen.any():
            return {"loss_none": out.logits.sum() * 0.0}
        weight = None
        if self.hardness_head is not None:
            weight = self.hardness(out.fused[chosen])
        return self.decode_head.losses(
            out.logits[chosen],
            out.aux_p[chosen],
            out.aux_d[chosen],
            out.labels[chosen],
            weight,
            None if out.weights is None else out.weights[chosen],
        )

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Label every frame of clips; no mask and, by default, no place in the cycle is given."""
        samples = data_samples or [SegDataSample() for _ in inputs]
        place = None
        if self.test_cfg.get("known_time"):
            place = places(samples, inputs)
        logits = self.run_clips(inputs, inputs.new_empty(0), place).logits
        for sample, of_clip in zip(samples, logits, strict=True):
            labels = upsample(of_clip, inputs.shape[3:]).argmax(dim=1)
            sample.set_data({"pred_sem_seg": PixelData(data=labels)})
        return samples

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        return self.run_clips(inputs, inputs.new_empty(0)).logits

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Maps of frames (N, 1, H, W), as `encode` gives them."""
        return self.encode(inputs)

    def encode_decode(self, inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        """Logits of clips at full size, (N, K, C, H, W)."""
        logits = self._forward(inputs)
        return upsample(logits.flatten(0, 1), inputs.shape[3:]).unflatten(0, logits.shape[:2])


def upsample(logits: Tensor, size: torch.Size) -> Tensor:
    """Bring logits (N, C, h, w) to the frames' size, in float32."""
    return F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)


def one_hot(labels: Tensor, n_classes: int) -> Tensor:
    """Class probabilities (N, C, H, W) of labels (N, H, W); zeros where they are ignored."""
    known = labels != IGNORE
    hot = F.one_hot(labels.masked_fill(~known, 0), n_classes) * known[..., None]
    return hot.movedim(-1, 1).float()


def stack_labels(samples: list[SegDataSample]) -> Tensor:
    """Labels of the clips, int64 (N, K, H, W)."""
    return torch.stack([sample.gt_sem_seg.data for sample in samples]).long()


def stack_weights(samples: list[SegDataSample]) -> Tensor | None:
    """Weights of the clips' pixels, float32 (N, K, H, W); None where they carry none."""
    if not all("gt_weight" in sample for sample in samples):
        return None
    return torch.stack([sample.gt_weight.data for sample in samples])


def places(samples: list[SegDataSample], like: Tensor) -> Tensor:
    """Place of each frame in the cycle, float (N, K); not-a-number where it is not known."""
    rows = [sample.metainfo.get("places") for sample in samples]
    unknown = (float("nan"),) * like.shape[1]
    return torch.tensor([row or unknown for row in rows], device=like.device)


def _progress() -> float:
    """Share of the training that is done; 0 outside of one."""
    hub = MessageHub.get_current_instance()
    done, total = (hub.runtime_info.get(name, 0) for name in ("iter", "max_iters"))
    return min(1.0, done / total) if total else 0.0
