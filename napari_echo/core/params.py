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


class FlowParams(_Params):
    """How optical flow is found, for masks that are carried without a model."""

    preset: Literal["ultrafast", "fast", "medium"] = Field(
        default="medium",
        title="Flow",
        description="Preset of OpenCV's DIS optical flow; the slower, the finer.",
    )
