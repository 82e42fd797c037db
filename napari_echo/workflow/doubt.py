"""How doubtful a model's segmentation of a beat is: what to look at next.

Four questions, each one number, each larger where a look is worth more. They
need no truth, so they rank clips that nobody has labelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.hardness import hard_pixels, hardness_map
from napari_echo.core.labels import LV
from napari_echo.core.params import HardnessParams
from napari_echo.metrics.ef_outlook import EFOutlook, ef_outlook
from napari_echo.metrics.overlap import dice

Question = Literal["entropy", "disagreement", "ef change", "ef crossing"]
QUESTIONS: tuple[Question, ...] = ("entropy", "disagreement", "ef change", "ef crossing")


@dataclass(frozen=True)
class BeatDoubt:
    """How doubtful the segmentation of one beat's ED and ES is.

    Parameters
    ----------
    entropy : float
        Hardness of the two frames by entropy, their mean (`core.hardness`).
    disagreement : float
        One less the Dice of the LV with another model's, mean of the two
        frames; not-a-number without another model.
    outlook : EFOutlook or None
        What a correction may do to the EF; None where the model sees no LV,
        or the EF was not looked at.
    """

    entropy: float
    disagreement: float
    outlook: EFOutlook | None

    def answer(self, question: Question) -> float:
        """The number of one question.

        A beat in which the model finds no ventricle is worth a look before
        all others: infinity, for the questions about EF.
        """
        if question == "entropy":
            return self.entropy
        if question == "disagreement":
            return self.disagreement
        if self.outlook is None:
            return float("inf")
        if question == "ef change":
            return self.outlook.expected_change
        return max(self.outlook.crossing)

    def explain(self, question: Question) -> str:
        """Say in one line why the clip ranks where it does."""
        if question == "entropy":
            return f"The model is unsure of its borders: hardness {self.entropy:.2f} at ED and ES."
        if question == "disagreement":
            return f"The two models' LV overlap by a Dice of {1 - self.disagreement:.3f} only."
        if self.outlook is None:
            return "The model finds no LV at ED or at ES."
        ef = 100 * self.outlook.ef
        if question == "ef change":
            change = 100 * self.outlook.expected_change
            return f"EF {ef:.0f}%; a correction is expected to change it by {change:.1f} points."
        chance = max(self.outlook.crossing)
        limit = 100 * self.outlook.limits[self.outlook.crossing.index(chance)]
        return f"EF {ef:.0f}%; a correction crosses {limit:.0f}% with a chance of {chance:.0%}."


def beat_doubt(
    probabilities: NDArray[np.float16],
    spacing_mm: tuple[float, float] | None,
    other: NDArray[np.float16] | None = None,
    *,
    ef: bool = True,
) -> BeatDoubt:
    """Measure how doubtful the segmentation of ED and ES is.

    Parameters
    ----------
    probabilities : ndarray of float16, shape (2, C, H, W)
        Class probabilities at ED and at ES; class 1 is the LV cavity.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm.
    other : ndarray of float16, shape (2, C, H, W), optional
        Those of another model.
    ef : bool
        Look at the EF too, which takes most of the time.

    Returns
    -------
    BeatDoubt
    """
    labels = probabilities.argmax(axis=1).astype(np.uint8)
    hardness = hardness_map("entropy", probabilities)
    scores = hard_pixels(hardness, HardnessParams(), labels=labels).frame_scores
    differ = float("nan")
    if other is not None:
        differ = disagreement(labels == LV, other.argmax(axis=1) == LV)
    ed, es = probabilities[:, LV].astype(np.float32)
    outlook = ef_outlook(ed, es, spacing_mm) if ef else None
    return BeatDoubt(float(scores.mean()), differ, outlook)


def disagreement(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """How far two models' LV differ: one less their Dice, mean over the frames of (N, H, W)."""
    overlap = [dice(a, b) for a, b in zip(one, other, strict=True)]
    # Where neither model sees an LV they agree.
    return 1 - float(np.mean([1.0 if np.isnan(value) else value for value in overlap]))
