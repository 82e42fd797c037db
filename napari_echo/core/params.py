"""Parameters that a user edits; forms and command-line flags are made from them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Criterion = Literal["entropy", "margin", "error", "learned"]


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PredictParams(_Params):
    """How a clip is segmented."""

    engine: Literal["onnx", "torch"] = Field(
        default="onnx",
        title="Engine",
        description="ONNX Runtime is faster; torch is the reference.",
    )
    batch: int = Field(default=4, ge=1, le=64, title="Batch", description="Frames per model call.")
    mirror: bool = Field(
        default=False,
        title="Mirror",
        description="Average with the prediction of the mirrored frame, in twice the time.",
    )

    @property
    def settings(self) -> str:
        """What of it changes what a model says, as text: all but how many frames it is given."""
        return self.model_dump_json(exclude={"batch"})


class HardnessParams(_Params):
    """How hard pixels are found."""

    criterion: Criterion = Field(
        default="entropy",
        title="Criterion",
        description="Entropy or margin of the probabilities, the error against truth, "
        "or what the model has learned to call hard.",
    )
    rule: Literal["threshold", "share"] = Field(
        default="threshold", title="Rule", description="Pixels above a value, or the hardest share."
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        title="Threshold",
        description="Hardness above which a pixel is hard.",
    )
    share: float = Field(
        default=0.02,
        ge=0,
        le=1,
        title="Share",
        description="Share of the pixels that is called hard.",
    )


class TrainParams(_Params):
    """How a model is trained on with corrections, and when the new one is offered."""

    iterations: int = Field(
        default=100, ge=2, le=1_000_000, title="Iterations", description="Batches to learn from."
    )
    size: int | None = Field(
        default=None,
        ge=32,
        le=2048,
        title="Size",
        description="Side of the square that frames are scaled to; the base model's by default.",
    )
    seed: int = Field(default=0, ge=0, title="Seed", description="Of everything that is drawn.")
    batch: int = Field(default=8, ge=2, le=256, title="Batch", description="Frames of a batch.")
    learning_rate: float = Field(
        default=3e-4, gt=0, le=0.1, title="Learning rate", description="Of AdamW, at its highest."
    )
    hard_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        title="Weight of hard pixels",
        description="What a hard pixel of a correction counts in the losses beyond 1.",
    )
    share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="Share of corrections",
        description="Share of the frames shown that are corrections, beside old labels.",
    )
    visits: int = Field(
        default=30,
        ge=1,
        title="Visits",
        description="How often a correction is shown at most to reach that share.",
    )
    dice_tolerance: float = Field(
        default=0.001,
        ge=0,
        le=1,
        title="Tolerance of Dice",
        description="A mean Dice that is lower by more than this is worse.",
    )
    ef_tolerance: float = Field(
        default=0.5,
        ge=0,
        le=100,
        title="Tolerance of the EF bias",
        description="Points of EF; an absolute bias that is larger by more than this is worse.",
    )


class FlowParams(_Params):
    """How optical flow is found, for masks that are carried without a model."""

    preset: Literal["ultrafast", "fast", "medium"] = Field(
        default="medium",
        title="Flow",
        description="Preset of OpenCV's DIS optical flow; the slower, the finer.",
    )
