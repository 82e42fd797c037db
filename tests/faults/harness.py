"""Start a process, kill it at a random moment, and ask its activity what is wrong.

The process is forked from one that has imported everything, works as its
activity says, and writes to a pipe what it has been promised: "this edit was
made at ...", "this commit returned". Only SIGKILL ends it, which no code can
catch.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NoReturn, Protocol

Say = Callable[[dict[str, Any]], None]
_PIPE_BYTES = 2**20
_PATIENCE_S = 30.0


class Activity(Protocol):
    """Something that the program does, and that may be killed while it does it.

    Attributes
    ----------
    name : str
        Its name in the table.
    longest : float
        Seconds from the first word of the process to the latest kill.
    """

    name: str
    longest: float

    def prepare(self, place: Path, seed: int) -> None:
        """Put what is needed into an empty folder."""

    def work(self, place: Path, seed: int, say: Say) -> None:
        """Do it over and over, in the process that is killed; `say` what is promised."""

    def check(self, place: Path, seed: int, said: list[dict[str, Any]], killed: float) -> list[str]:
        """Look for what is wrong after the kill; one sentence each.

        `killed` and the ``"t"`` of what was said are `time.monotonic`.
        """


@dataclass
class Tally:
    """What became of an activity's kills."""

    kills: int = 0
    promises: int = 0
    leftovers: int = 0
    failures: list[str] = field(default_factory=list)


def kill_one(activity: Activity, place: Path, seed: int, rng: Random, tally: Tally) -> None:
    """Let an activity work in a folder, kill it, and check."""
    import fcntl

    place.mkdir(parents=True)
    activity.prepare(place, seed)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_killed(activity, place, seed, writer)
    os.close(writer)
    heard = b""
    try:
        # The first word says that it works.
        deadline = time.monotonic() + _PATIENCE_S
        while b"\n" not in heard and time.monotonic() < deadline:
            part = os.read(reader, _PIPE_BYTES)
            if not part:
                break
            heard += part
        time.sleep(rng.uniform(0, activity.longest))
    finally:
        killed = time.monotonic()
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    while part := os.read(reader, _PIPE_BYTES):
        heard += part
    os.close(reader)
    said = [json.loads(line) for line in heard.decode().splitlines() if line.endswith("}")]
    tally.kills += 1
    tally.promises += len(said)
    if not os.WIFSIGNALED(status):
        wrong = [f"it ended by itself: {said[-1] if said else 'without a word'}"]
    else:
        wrong = activity.check(place, seed, said, killed)
    tally.leftovers += sum(1 for path in place.rglob(".*partial*") if path.exists())
    tally.failures += [f"{activity.name}, seed {seed}: {sentence}" for sentence in wrong]


def _be_killed(activity: Activity, place: Path, seed: int, writer: int) -> NoReturn:
    def say(word: dict[str, Any]) -> None:
        os.write(writer, json.dumps({"t": time.monotonic(), **word}).encode() + b"\n")

    try:
        activity.work(place, seed, say)
    except BaseException as error:
        say({"error": repr(error)})
        raise
    finally:
        os._exit(1)
