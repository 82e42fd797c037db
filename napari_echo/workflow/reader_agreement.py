"""How well readers agree: with each other, each with himself, and each with a model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_echo.metrics.agreement import Agreement, agreement

Kind = Literal["readers", "repeat", "model"]
"""Two readers, one reader twice, or a reader and a model."""


@dataclass(frozen=True)
class ReadPair:
    """Two readings of one clip.

    Parameters
    ----------
    kind : {"readers", "repeat", "model"}
        Who is compared.
    first, second : str
        The readers; of a model its name, always second; of a repeat twice the same.
    blind : bool
        Whether both were drawn blind; with a model, whether the reader's was.
    clip_id, study_id : str
        The clip.
    frame : int
        ED of the first reading, or of the second: where to look.
    dice_ed, dice_es, dice : float
        Dice of the LV at ED, at ES, and the mean over all frames that both
        labelled; not-a-number where there is none.
    ef_first, ef_second : float
        EF by each, 0 to 1; not-a-number where ED and ES are not both labelled.
    """

    kind: Kind
    first: str
    second: str
    blind: bool
    clip_id: str
    study_id: str
    frame: int
    dice_ed: float
    dice_es: float
    dice: float
    ef_first: float
    ef_second: float


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of `n` values; not-a-number for too few."""

    n: int
    mean: float
    sd: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of the values that are numbers."""
        known = [value for value in values if math.isfinite(value)]
        return cls(
            len(known),
            float(np.mean(known)) if known else math.nan,
            float(np.std(known, ddof=1)) if len(known) > 1 else math.nan,
        )


@dataclass(frozen=True)
class PairAgreement:
    """How far two agree over all clips that both read.

    Parameters
    ----------
    kind, first, second
        As in `ReadPair`.
    blind : bool or None
        With a model, whether the readings were drawn blind: what a reader
        agrees better when he is shown the model is his anchoring. None for
        readers, whose readings of both kinds are taken together.
    pairs : tuple of ReadPair
        Each clip's; a clip that was read several times has several.
    """

    kind: Kind
    first: str
    second: str
    blind: bool | None
    pairs: tuple[ReadPair, ...]

    @property
    def n_blind(self) -> int:
        """Pairs in which both were drawn blind."""
        return sum(pair.blind for pair in self.pairs)

    @property
    def dice_ed(self) -> Spread:
        """Dice at ED."""
        return Spread.of(pair.dice_ed for pair in self.pairs)

    @property
    def dice_es(self) -> Spread:
        """Dice at ES."""
        return Spread.of(pair.dice_es for pair in self.pairs)

    @property
    def dice(self) -> Spread:
        """Dice over all frames that both labelled."""
        return Spread.of(pair.dice for pair in self.pairs)

    @property
    def ef(self) -> Agreement | None:
        """EF of the first less that of the second, in points; None for fewer than two clips."""
        return agreement(
            [100 * pair.ef_first for pair in self.pairs],
            [100 * pair.ef_second for pair in self.pairs],
        )


@dataclass(frozen=True)
class ReaderAgreement:
    """Who agrees with whom, and how far.

    Parameters
    ----------
    groups : tuple of PairAgreement
        Readers, repeats, models, each by name.
    n_clips, n_readings : int
        Clips that were read, and how often.
    not_independent : int
        Pairs that were left out, as one reading came of the other.
    square_pixels : int
        Clips that were not given: their pixels are taken as square.
    left_out : tuple of str
        Why revisions or files were passed over, as sentences.
    """

    groups: tuple[PairAgreement, ...]
    n_clips: int
    n_readings: int
    not_independent: int
    square_pixels: int
    left_out: tuple[str, ...] = ()
