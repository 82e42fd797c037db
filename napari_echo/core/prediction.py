"""What a model says of a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import Segmentation


@dataclass(frozen=True, eq=False)
class Prediction:
    """A model's segmentation of a clip, with its probabilities.

    Parameters
    ----------
    segmentation : Segmentation
        The most probable structure at each pixel of every frame.
    probabilities : ndarray of float16, shape (T, C, H, W)
        Class probabilities on the clip's own grid, background first; they
        sum to 1 over C. Made read-only.
    clip_id : str
        The clip that was segmented.
    model_id : str
        Id of the model pack.
    model_name : str
        Name of the model pack, for people.
    seconds : float
        Wall-clock time that the prediction took.
    hardness : ndarray of float16, shape (T, H, W), or None
        How hard the model holds each pixel, 0 to 1, where it has learned to
        tell. Made read-only.
    given : tuple of int
        Frames whose labels were given to the model and carried on from them;
        empty for a prediction from the images alone.
    """

    segmentation: Segmentation
    probabilities: NDArray[np.float16]
    clip_id: str
    model_id: str
    model_name: str
    seconds: float
    hardness: NDArray[np.float16] | None = None
    given: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        t, h, w = self.segmentation.labels.shape
        c = self.segmentation.schema.n_classes
        if self.probabilities.shape != (t, c, h, w) or self.probabilities.dtype != np.float16:
            raise EchoError(
                f"Probabilities need the shape {(t, c, h, w)} and the type float16, "
                f"not {self.probabilities.shape} {self.probabilities.dtype}."
            )
        self.probabilities.flags.writeable = False
        if self.hardness is not None:
            if self.hardness.shape != (t, h, w) or self.hardness.dtype != np.float16:
                raise EchoError(
                    f"The hardness needs the shape {(t, h, w)} and the type float16, "
                    f"not {self.hardness.shape} {self.hardness.dtype}."
                )
            self.hardness.flags.writeable = False
