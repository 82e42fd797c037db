"""Mark where a prediction is doubtful or wrong."""

from __future__ import annotations

from napari_echo.core.hardness import HardnessMap, HardPixels, hard_pixels, hardness_map
from napari_echo.core.labels import Segmentation
from napari_echo.core.params import HardnessParams
from napari_echo.core.prediction import Prediction


def mark(
    prediction: Prediction, truth: Segmentation | None, params: HardnessParams
) -> tuple[HardnessMap, HardPixels]:
    """Find a prediction's hard pixels and score its frames.

    Parameters
    ----------
    prediction : Prediction
        A model's segmentation of a clip.
    truth : Segmentation or None
        The clip's ground truth; needed for the criterion ``error``.
    params : HardnessParams
        Criterion, rule and limit.

    Returns
    -------
    HardnessMap, HardPixels
        How hard each pixel is, and the pixels called hard with the score of
        each frame (`core.hardness` defines them).

    Raises
    ------
    EchoError
        If ``error`` is asked for and there is no truth for this clip, or
        ``learned`` and the model has not learned it.
    """
    hardness = hardness_map(params.criterion, prediction.probabilities, truth, prediction.hardness)
    return hardness, hard_pixels(hardness, params, labels=prediction.segmentation.labels)
