"""Which patients to correct next: an experiment with true masks as the reader.

A model that has learned from a few patients looks at all others; the most
doubtful ones, by one question or another, are corrected, and it learns anew.
The reader is simulated: what is committed to the label store is the truth.
Everything else is what the program does for a real reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.io.clipset import ClipEntry, ClipSet, open_clipset
from napari_echo.io.clipset_clips import read_clip
from napari_echo.io.store import LabelStore
from napari_echo.workflow.doubt import Question, beat_doubt
from napari_echo.workflow.export import export_clipset
from napari_echo.workflow.simulated_reader import commit_truth

Strategy = Literal["random"] | Question
Probabilities = Callable[[NDArray[np.uint8]], NDArray[np.float16]]
Learn = Callable[[Path, Path], Path]
"""Learns from a clip data set, in a folder of its own, and returns the checkpoint."""
Ready = Callable[[Path], Probabilities]
"""Makes a checkpoint ready to segment frames (N, H, W)."""
Measure = Callable[[Path], Mapping[str, float]]
"""Measures a checkpoint on the patients that are held back."""


@dataclass(frozen=True)
class Round:
    """A model on its way to more labels.

    Parameters
    ----------
    strategy : str
        How the patients were chosen.
    number : int
        0 before the first choice.
    patients : int
        Patients whose ED and ES it learned from.
    chosen : tuple of str
        The patients that came with this round.
    metrics : mapping
        What `Measure` says of the model.
    """

    strategy: str
    number: int
    patients: int
    chosen: tuple[str, ...]
    metrics: Mapping[str, float]


def active_learning(
    data: Path,
    out: Path,
    strategy: Strategy,
    *,
    learn: Learn,
    ready: Ready,
    measure: Measure,
    start: Path,
    rounds: int = 5,
    step: int = 25,
    seed: int = 0,
    on_round: Callable[[Round], None] | None = None,
) -> list[Round]:
    """Label `step` patients a round, as one strategy chooses them, and learn anew each time.

    The first patients are drawn by the seed, the same for every strategy. A
    run that was stopped goes on where it was.

    Parameters
    ----------
    data : Path
        Clip data set; the patients to choose from are those of the split
        "train" with a labelled beat.
    out : Path
        Working folder; the first model is shared by all strategies in it.
    strategy : str
        "random", or a question of `BeatDoubt`. Disagreement is that with the
        model of the round before.
    learn, ready, measure : callable
        How a model learns, segments and is measured.
    start : Path
        Checkpoint that round 0 disagrees with.
    rounds, step : int
        Rounds after the first model, and patients a round, the first included.
    seed : int
        Draws the first patients, and all of "random".
    on_round : callable, optional
        Called with each round as it ends.

    Returns
    -------
    list of Round
        `rounds` + 1 of them.

    Raises
    ------
    EchoError
        If there are fewer patients than are to be labelled.
    """
    clips = open_clipset(data)
    pool = {
        e.study_id: (e, b) for e in clips.entries if (b := e.labelled_beat) and e.split == "train"
    }
    if len(pool) < step * (rounds + 1):
        raise EchoError(
            f"{data} has {len(pool)} patients to choose from and {step * (rounds + 1)} are to be "
            "labelled: ask for fewer rounds, or fewer patients a round."
        )
    rng = np.random.default_rng(seed)
    order = [str(name) for name in rng.permutation(sorted(pool))]
    labelled = order[:step]
    chosen, before, results = labelled, start, list[Round]()
    for number in range(rounds + 1):
        folder = out / ("start" if number == 0 else f"{strategy.replace(' ', '-')}-{number}")
        _label(clips, {name: pool[name] for name in labelled}, folder)
        model = learn(folder / "labels", folder / "training")
        found = Round(strategy, number, len(labelled), tuple(chosen), dict(measure(model)))
        results.append(found)
        if on_round is not None:
            on_round(found)
        if number == rounds:
            break
        left = [name for name in order if name not in set(labelled)]
        if strategy != "random":
            left = _ranked(clips, {n: pool[n] for n in left}, strategy, ready(model), ready(before))
        chosen, before = left[:step], model
        labelled = labelled + chosen
    return results


def _ranked(
    clips: ClipSet,
    patients: Mapping[str, tuple[ClipEntry, Beat]],
    question: Question,
    model: Probabilities,
    other: Probabilities,
) -> list[str]:
    """The patients, the most doubtful first; a tie keeps their order."""
    answers = {}
    for name, (entry, beat) in patients.items():
        frames = np.ascontiguousarray(clips.frames(entry)[[beat.ed, beat.es]])
        second = other(frames) if question == "disagreement" else None
        of_ef = question.startswith("ef")
        doubt = beat_doubt(model(frames), entry.spacing_mm, second, ef=of_ef)
        answers[name] = doubt.answer(question)
    return sorted(answers, key=answers.__getitem__, reverse=True)


def _label(clips: ClipSet, patients: Mapping[str, tuple[ClipEntry, Beat]], folder: Path) -> None:
    """Commit the truth of ED and ES to a label store, and export it to learn from."""
    if (folder / "labels").is_dir():
        return
    store = LabelStore(folder / "store")
    done = {revision.clip_id for revision in store.revisions()}  # by a run that was stopped
    for entry, beat in patients.values():
        if entry.clip_id not in done:
            commit_truth(clips, entry, store, (beat.ed, beat.es))
    opened = (read_clip(clips, entry) for entry, _ in patients.values())
    export_clipset(store.revisions(), {clip.clip_id: clip for clip in opened}, folder / "labels")
