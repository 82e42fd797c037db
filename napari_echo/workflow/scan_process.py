"""A scan in a process of its own: it takes nothing from the window but idle time of the cores.

The process comes after all others (`os.nice`), waits while its starter says
so, and ends with its starter, however that ends: it reads its standard input,
which the system closes then.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_echo.core.errors import EchoError
from napari_echo.workflow.facts_cache import FactsCache
from napari_echo.workflow.study_scan import Scanned, iter_scan

if TYPE_CHECKING:
    from napari_echo.core.params import PredictParams
    from napari_echo.ml.packs import ModelPack
    from napari_echo.workflow.studies import StudyItem

_LOOK_S, _PATIENCE_S = 0.05, 5.0
_NICE = 10
_WAIT, _GO = b"w", b"g"
_Message = tuple[str, Any]


@dataclass(frozen=True)
class _Request:
    """What the process is to do: the arguments of `iter_scan`."""

    items: Sequence[StudyItem]
    packs: Sequence[ModelPack]
    params: PredictParams
    cache: Path
    known: Collection[tuple[str, str]]


def iter_scan_apart(
    items: Sequence[StudyItem],
    packs: Sequence[ModelPack],
    params: PredictParams,
    cache: FactsCache,
    *,
    known: Collection[tuple[str, str]] = (),
    wait: Callable[[], bool] = lambda: False,
    stop: threading.Event | None = None,
) -> Generator[Scanned | None, None, int]:
    """Scan as `iter_scan` does, with the project's own predictors, in a process of its own.

    Parameters
    ----------
    items, packs, cache, known, wait
        As for `iter_scan`.
    params : PredictParams
        How clips are segmented.
    stop : threading.Event or None
        Ends the process once it is set, be the generator asked again or not.

    Yields
    ------
    Scanned or None
        Several times a second; None while there is nothing new. Closing the
        generator ends the process.

    Returns
    -------
    int
        Clips that could not be read or segmented.

    Raises
    ------
    EchoError
        If a model cannot be loaded, or the process ends before its time.
    """
    by_key = {item.key: item for item in items}
    last: Scanned | None = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        request, log = Path(folder, "request"), Path(folder, "log")
        request.write_bytes(pickle.dumps(_Request(items, packs, params, cache.path, known)))
        process = _start(request, log)
        stop = stop or threading.Event()
        ender = threading.Thread(target=_end_on, args=(stop, process), daemon=True)
        ender.start()
        try:
            told = _messages(process)
            paused = False
            while True:
                if stop.is_set():
                    return 0
                if wait() is not paused:
                    paused = not paused
                    _say(process, _WAIT if paused else _GO)
                    if last is not None:
                        yield Scanned(last.done, last.total, last.item, paused=paused)
                try:
                    kind, content = told.get(timeout=_LOOK_S)
                except queue.Empty:
                    yield None
                    continue
                if kind == "scanned":
                    done, total, key, entries, problem = content
                    last = Scanned(done, total, by_key[key], entries, problem)
                    yield last
                elif kind == "done":
                    return int(content)
                else:
                    raise EchoError(content or _last_words(log))
        finally:
            stop.set()
            ender.join()


def _start(request: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        try:
            return subprocess.Popen(
                [sys.executable, "-m", __name__, str(request)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        except OSError as error:
            raise EchoError(f"{sys.executable} cannot be started: {error.strerror}.") from error


def _messages(process: subprocess.Popen[bytes]) -> queue.Queue[_Message]:
    """What the process tells, without waiting for it."""
    told: queue.Queue[_Message] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        try:
            while True:
                told.put(pickle.load(process.stdout))
        except (EOFError, pickle.UnpicklingError, ValueError, OSError):
            told.put(("failed", ""))

    threading.Thread(target=listen, daemon=True).start()
    return told


def _say(process: subprocess.Popen[bytes], word: bytes) -> None:
    assert process.stdin is not None
    # Where it has ended, its messages tell so.
    with suppress(OSError, ValueError):
        process.stdin.write(word)
        process.stdin.flush()


def _end_on(stop: threading.Event, process: subprocess.Popen[bytes]) -> None:
    stop.wait()
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    why = f": {lines[-1]}" if lines else ""
    return f"The scan ended before its time{why}. What it found is kept; scan again to go on."


# In the process -----------------------------------------------------------------


def main() -> None:
    """Scan as the request says, and tell of it on standard output."""
    from napari_echo.ml.predictor import make_predictor

    # What libraries print must not get among what is told.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    waits = threading.Event()
    threading.Thread(target=_obey, args=(waits,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICE)

    def tell(kind: str, content: object) -> None:
        pickle.dump((kind, content), out)
        out.flush()

    request: _Request = pickle.loads(Path(sys.argv[1]).read_bytes())
    steps = iter_scan(
        request.items,
        request.packs,
        lambda pack: make_predictor(pack, request.params),
        FactsCache(request.cache),
        known=request.known,
        params=request.params,
        wait=waits.is_set,
    )
    try:
        while True:
            try:
                at = next(steps)
            except StopIteration as end:
                tell("done", end.value)
                return
            # Whether it waits, its starter knows.
            if not at.paused:
                tell("scanned", (at.done, at.total, at.item.key, at.entries, at.problem))
    except EchoError as error:
        tell("failed", str(error))


def _obey(waits: threading.Event) -> None:
    """Wait or go on as the starter says, and end with it; what was found is on the disk."""
    # Not through `sys.stdin`, whose lock would hang the end of the process.
    while words := os.read(0, 1024):
        if words.endswith(_WAIT):
            waits.set()
        else:
            waits.clear()
    os._exit(0)


if __name__ == "__main__":
    # Under its own name, by which what was pickled knows its classes.
    from napari_echo.workflow.scan_process import main as run

    run()
