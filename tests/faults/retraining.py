"""Retraining is killed: by `--only retrain` alone, as one kill takes up to a minute."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from harness import Say

from napari_echo.core.errors import EchoError
from napari_echo.core.params import TrainParams
from napari_echo.io.clipset import open_clipset, write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.store import LabelStore
from napari_echo.io.store_verify import verify
from napari_echo.ml.packs import open_pack
from napari_echo.phantom.generate import generate
from napari_echo.workflow.retrain import retrain
from napari_echo.workflow.retrain_request import Request
from napari_echo.workflow.simulated_reader import commit_truth

_CLIPS, _CORRECTED, _PATIENCE_S = 4, 2, 20.0


class Retrain:
    """Learns from two corrected phantoms, measures, and makes a pack."""

    name, longest = "retrain", 45.0

    def prepare(self, place: Path, seed: int) -> None:
        """Make a clip data set, half of it for validation, and correct the other half."""
        data = write_clipset(place / "data", map(_clip, range(_CLIPS)))
        store, clips = LabelStore(place / "store"), open_clipset(data)
        for entry in clips.entries[:_CORRECTED]:
            commit_truth(clips, entry, store)

    def work(self, place: Path, seed: int, say: Say) -> None:
        """Retrain again and again, each time to a pack of its own."""
        for number in range(100):
            say({"begun": number})
            found = retrain(
                Request(
                    labels=place / "store",
                    base="pidnet-s-phantom",
                    out=place / f"new-{number}",
                    clips=(place / "data",),
                    val=place / "data",
                    # So that the new model is offered, whatever it has learned.
                    params=TrainParams(
                        iterations=4, size=64, batch=2, dice_tolerance=1, ef_tolerance=100
                    ),
                ),
                lambda step: None,
            )
            say({"offered": found.offered, "pack": str(found.pack)})

    def check(self, place: Path, seed: int, said: list[dict[str, Any]], killed: float) -> list[str]:
        """Find the labels and the offered packs whole, half a pack nowhere, no process left."""
        wrong = [finding.text for finding in verify(place / "store").findings]
        if len(LabelStore(place / "store").revisions()) != _CORRECTED:
            wrong.append("a revision is lost")
        promised = {word["pack"] for word in said if word.get("offered")}
        packs = {str(path) for path in place.glob("new-*") if path.suffix != ".work"}
        wrong += [f"the pack {pack} was offered and is gone" for pack in promised - packs]
        for pack in sorted(packs):
            try:
                open_pack(Path(pack)).verify()
            except EchoError as error:
                wrong.append(f"a pack is not whole: {error}")
        deadline = time.monotonic() + _PATIENCE_S
        while (left := _processes_of(place)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return wrong + [f"the training {process} goes on" for process in left]


def _clip(seed: int) -> LabelledClip:
    made = generate(seed, size=(96, 96), frames="key")
    split = "train" if seed < _CORRECTED else "val"
    return LabelledClip(made.clip, made.truth, made.key_frames, split, made.ef)


def _processes_of(place: Path) -> list[str]:
    """Trainings of this folder that still run, by their command lines."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(place) in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(words)
    return found
