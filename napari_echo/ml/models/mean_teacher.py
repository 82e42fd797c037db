"""A mean teacher with weak-to-strong pseudo-labels."""

from __future__ import annotations

import copy
import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from napari_echo.core.labels import IGNORE
from napari_echo.ml.models.clip_batch import upsample
from napari_echo.ml.models.clip_segmentor import EchoClipSegmentor


@MODELS.register_module()
class EchoMeanTeacher(EchoClipSegmentor):
    """A segmentor that also learns from frames without a label.

    The teacher, whose weights are the moving average of the student's
    (Tarvainen and Valpola, 2017), labels the frames as they come; the student
    has to find these labels in a strongly changed view (FixMatch, UniMatch)::

        L_u = lambda(t) * mean(1[max p_w >= tau(t)] * CE(strong, argmax p_w))

    where lambda rises as ``exp(-5 (1 - t / ramp)^2)`` and tau falls linearly.

    Parameters
    ----------
    weight : float
        Of the loss, once it has risen.
    ramp : float
        Share of the training over which it rises.
    momentum : float
        Of the moving average; smaller in the first iterations.
    threshold : (float, float)
        Confidence that a pseudo-label needs, at the beginning and at the end.
    cutmix : float
        Probability that a rectangle of each strong view comes from another clip.
    **kwargs
        As for `EchoClipSegmentor`.
    """

    def __init__(
        self,
        weight: float = 1.0,
        ramp: float = 0.25,
        momentum: float = 0.99,
        threshold: tuple[float, float] = (0.95, 0.8),
        cutmix: float = 0.5,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.unlabelled_weight = weight
        self.ramp = ramp
        self.momentum = momentum
        self.threshold = threshold
        self.cutmix = cutmix
        modules = {"backbone": self.backbone, "decode_head": self.decode_head}
        if self.memory is not None:
            modules["memory"] = self.memory
        self.teacher = nn.ModuleDict(copy.deepcopy(modules)).requires_grad_(False)
        self.register_buffer("teacher_steps", torch.zeros((), dtype=torch.int64))

    def train(self, mode: bool = True) -> EchoMeanTeacher:
        """The teacher always predicts: it keeps its statistics."""
        super().train(mode)
        self.teacher.eval()
        return self

    @torch.no_grad()
    def update_teacher(self) -> None:
        """Move the teacher towards the student; the first time, all the way."""
        steps = int(self.teacher_steps)
        momentum = min(self.momentum, steps / (steps + 1))
        for name, module in self.teacher.items():
            student = getattr(self, name)
            for mine, other in zip(module.parameters(), student.parameters(), strict=True):
                mine.lerp_(other, 1 - momentum)
            for mine, other in zip(module.buffers(), student.buffers(), strict=True):
                mine.copy_(other)
        self.teacher_steps += 1

    def losses(
        self, clips: Tensor, labels: Tensor, place: Tensor, weights: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Losses of the labelled clips, and of the pseudo-labels of the rest."""
        if self.training:
            self.update_teacher()
        labelled = (labels != IGNORE).flatten(2).any(dim=2)
        with_labels = labelled.any(dim=1)
        without = ~labelled.all(dim=1)
        if not without.any():
            return super().losses(clips, labels, place, weights)
        pseudo, confidence = self._pseudo_labels(clips[without])
        strong, pseudo, confidence = self._strong_view(clips[without], pseudo, confidence)
        # One pass, so that the batch statistics are those of both.
        both = torch.cat([clips[with_labels], strong])
        both_labels = torch.cat([labels[with_labels], torch.full_like(pseudo, IGNORE)])
        both_places = torch.cat([place[with_labels], place[without]])
        if weights is not None:
            weights = torch.cat([weights[with_labels], torch.ones_like(confidence)])
        both_labels, masks = self.draw_masks(both_labels)
        out = self.run_clips(both, both_labels, both_places, masks, weights)
        found = self.supervised(out)
        for term in self.terms:
            found.update(term(out))
        logits = out.logits[int(with_labels.sum()) :].flatten(0, 1)
        per_pixel = F.cross_entropy(
            upsample(logits, clips.shape[3:]), pseudo.flatten(0, 1), reduction="none"
        )
        first, last = self.threshold
        tau = first + (last - first) * out.progress
        sure = (confidence.flatten(0, 1) >= tau).float()
        rise = min(1.0, out.progress / self.ramp) if self.ramp else 1.0
        lam = self.unlabelled_weight * math.exp(-5 * (1 - rise) ** 2)
        found["loss_pseudo"] = lam * (sure * per_pixel).mean()
        found["sure"] = sure.mean()
        return found

    @torch.no_grad()
    def _pseudo_labels(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Labels (N, K, H, W) that the teacher gives, and their probabilities."""
        mine = {name: getattr(self, name) for name in self.teacher}
        try:
            # The forward pass is the student's, on the teacher's modules.
            for name, module in self.teacher.items():
                setattr(self, name, module)
            logits = self.run_clips(clips, clips.new_empty(0)).logits
        finally:
            for name, module in mine.items():
                setattr(self, name, module)
        full = upsample(logits.flatten(0, 1), clips.shape[3:]).softmax(dim=1)
        confidence, pseudo = full.unflatten(0, clips.shape[:2]).max(dim=2)
        return pseudo, confidence

    def _strong_view(
        self, clips: Tensor, pseudo: Tensor, confidence: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change the look of whole clips strongly, and mix rectangles between them."""
        strong = strong_view(clips)
        if len(clips) < 2 or torch.rand(()) >= self.cutmix:
            return strong, pseudo, confidence
        height, width = clips.shape[3:]
        h, w = (int(side * (0.2 + 0.4 * torch.rand(()))) for side in (height, width))
        y, x = (int(torch.randint(0, room + 1, ())) for room in (height - h, width - w))
        box = (..., slice(y, y + h), slice(x, x + w))
        mixed = [part.clone() for part in (strong, pseudo, confidence)]
        for part, source in zip(mixed, (strong, pseudo, confidence), strict=True):
            part[box] = source.roll(1, dims=0)[box]
        return mixed[0], mixed[1], mixed[2]


def strong_view(clips: Tensor) -> Tensor:
    """Change gain, contrast, speckle and sharpness of clips, each clip in one way.

    Parameters
    ----------
    clips : Tensor, shape (N, K, 1, H, W)
        Normalised frames.

    Returns
    -------
    Tensor, shape (N, K, 1, H, W)
        Geometry is unchanged; all frames of a clip change alike but for speckle.
    """
    n, k, _, height, width = clips.shape

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, 1, 1, device=clips.device)

    floor = clips.amin(dim=(1, 2, 3, 4), keepdim=True)
    signal = clips - floor
    field = F.interpolate(
        torch.rand(n, 1, 4, 4, device=clips.device), (height, width), mode="bicubic"
    )[:, None]
    signal = signal * (1 + draw(0, 1.2) * (field - 0.5))
    peak = signal.amax(dim=(1, 2, 3, 4), keepdim=True).clamp(min=1e-3)
    signal = peak * (signal.clamp(min=0) / peak) ** torch.exp(draw(-0.7, 0.7))
    signal = signal * torch.exp(draw(-0.5, 0.5))
    speckle = F.avg_pool2d(torch.randn_like(clips).flatten(0, 1), 3, 1, 1) * 3
    signal = signal * (1 + draw(0, 0.35) * speckle.unflatten(0, (n, k)))
    blurred = F.avg_pool2d(signal.flatten(0, 1), 5, 1, 2).unflatten(0, (n, k))
    return floor + torch.lerp(signal, blurred, draw(-0.5, 1.0))
