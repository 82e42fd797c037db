"""What is known of listed clips: of the clip itself, and of what each model says of it.

A model says one thing with these settings and another with others
(`PredictParams.settings`), so that facts belong to both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_echo.core.params import PredictParams
from napari_echo.metrics.ef_outlook import EFOutlook
from napari_echo.workflow.doubt import BeatDoubt


@dataclass(frozen=True)
class ClipFacts:
    """What a decoded clip shows by itself.

    Parameters
    ----------
    key : str
        As in `StudyItem`.
    clip_id, study_id, view : str
        As in `EchoClip`.
    n_frames : int
        Frames.
    ef : float or None
        EF as its data set states it, or as its ground truth measures, 0 to 1.
    measured : bool
        Whether that EF was measured.
    """

    key: str
    clip_id: str
    study_id: str
    view: str
    n_frames: int
    ef: float | None = None
    measured: bool = False


@dataclass(frozen=True)
class Facts:
    """What one model says of one clip.

    Parameters
    ----------
    key : str
        As in `StudyItem`.
    model_id, model_name : str
        The model.
    ed, es : int or None
        The beat that was looked at: the traced one, else the first detected;
        None where no beat was found.
    ef : float or None
        EF, mean of the beats, 0 to 1.
    dice_ed, dice_es : float or None
        Dice of the LV with the ground truth at ED and at ES.
    hardness : float or None
        Hardness of ED and ES by entropy, their mean (`workflow.doubt`).
    expected_change : float or None
        By how much a correction is expected to change the EF, a fraction; None
        where the model finds no LV.
    crossing : tuple of float
        Chances that a corrected EF lies on the other side of each of `limits`.
    limits : tuple of float
        EF limits, fractions.
    outlook_ef : float or None
        The EF that `expected_change` starts from.
    inconsistency : float
        How inconsistent the clip is in time (`metrics.temporal_checks`).
    findings : tuple of (str, int, float)
        What is inconsistent: the check, the frame, and how large it is in percent.
    disagreements : tuple of (str, float)
        Other models' names, and one less the Dice of the LV with theirs at ED
        and ES.
    settings : str
        With which settings the model said so (`PredictParams.settings`).
    """

    key: str
    model_id: str
    model_name: str
    ed: int | None = None
    es: int | None = None
    ef: float | None = None
    dice_ed: float | None = None
    dice_es: float | None = None
    hardness: float | None = None
    expected_change: float | None = None
    crossing: tuple[float, ...] = ()
    limits: tuple[float, ...] = ()
    outlook_ef: float | None = None
    inconsistency: float = 0.0
    findings: tuple[tuple[str, int, float], ...] = ()
    disagreements: tuple[tuple[str, float], ...] = ()
    settings: str = PredictParams().settings

    @property
    def disagreement(self) -> float | None:
        """The largest of the disagreements; None without another model."""
        return max((value for _, value in self.disagreements), default=None)

    @property
    def doubt(self) -> BeatDoubt | None:
        """How doubtful the beat is, as `workflow.doubt` ranks and explains it."""
        if self.hardness is None:
            return None
        outlook = None
        if self.expected_change is not None and self.outlook_ef is not None:
            outlook = EFOutlook(self.outlook_ef, self.expected_change, self.crossing, self.limits)
        differ = self.disagreement
        return BeatDoubt(self.hardness, float("nan") if differ is None else differ, outlook)

    def disagrees(self, other: str, value: float) -> Facts:
        """The same, with the disagreement with another model."""
        rest = tuple(pair for pair in self.disagreements if pair[0] != other)
        return replace(self, disagreements=(*rest, (other, value)))


AnyFacts = ClipFacts | Facts


@dataclass(frozen=True)
class Entry:
    """Facts on their way to the cache, with the bytes that are kept beside them.

    `data` of a clip is its thumbnail, that of a model its masks.
    """

    facts: AnyFacts
    data: bytes = b""
