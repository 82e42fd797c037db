"""Write phantoms: a data set of generated clips, laid out as a real one is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_echo.core.errors import EchoError
from napari_echo.io.labelled import LabelledClip

if TYPE_CHECKING:
    from napari_echo.phantom.generate import Part

Layout = Literal["camus", "echonet", "clips", "beats"]

_CLIPS_A_SEED = 1_000_000
# Of every ten clips the second goes to validation and the third to test: three
# make a whole data set, and a larger one keeps the splits of a smaller.
_SPLITS = {1: "val", 2: "test"}
# What a layout holds of a clip, where that is not the whole: no more is drawn.
_WRITTEN: dict[str, Part] = {"camus": "half beat", "clips": "key", "beats": "beat"}


def write_phantoms(
    layout: Layout,
    n: int,
    seed: int,
    out: Path,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    workers: int = 1,
) -> Path:
    """Write phantom clips as a new folder in the layout of a real data set.

    Of ten clips eight are for training, one for validation and one for test.
    Clip `i` is the phantom ``generate(1_000_000 * seed + i)``.

    Parameters
    ----------
    layout : {"camus", "echonet", "clips", "beats"}
        `io.camus_writer` and `io.echonet_writer` say what is written of a
        clip: its first beat. "clips" is this project's clip data set
        (`io.clipset`) of ED and ES alone, for training on stills; "beats" is
        one of whole beats with every frame labelled, for measuring.
    n : int
        Number of clips, 1 to a million.
    seed : int
        Not negative. The same seed gives the same clips.
    out : Path
        Folder to make; it must not exist. It appears whole or not at all.
    on_progress : callable, optional
        Called after each clip with the clips done and the clips in all.
    workers : int
        Processes that draw. The clips do not depend on it.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    EchoError
        If the layout is unknown, `n` or `seed` is out of range, or `out`
        exists or cannot be written.
    """
    if not 1 <= n <= _CLIPS_A_SEED:
        raise EchoError(f"Cannot write {n} phantoms: ask for 1 to a million.")
    if seed < 0:
        raise EchoError(f"The seed {seed} is negative: give 0 or more.")
    clips = _phantoms(n, seed, _WRITTEN.get(layout), workers, on_progress)
    if layout == "camus":
        from napari_echo.io.camus_writer import write_camus

        return write_camus(Path(out), clips)
    if layout == "echonet":
        from napari_echo.io.echonet_writer import write_echonet

        return write_echonet(Path(out), clips)
    if layout in ("clips", "beats"):
        from napari_echo.io.clipset import write_clipset

        return write_clipset(Path(out), clips)
    raise EchoError(f"There is no layout '{layout}': choose camus, echonet, clips or beats.")


def _phantoms(
    n: int,
    seed: int,
    frames: Part | None,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[LabelledClip]:
    jobs = [(_CLIPS_A_SEED * seed + i, _SPLITS.get(i % 10, "train"), frames) for i in range(n)]
    with ExitStack() as stack:
        if workers > 1:
            # Spawned, not forked: the caller may hold threads of Qt or of ONNX Runtime.
            pool = stack.enter_context(
                ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
            )
            drawn: Iterable[LabelledClip] = pool.map(_draw, jobs, chunksize=4)
        else:
            drawn = map(_draw, jobs)
        for done, clip in enumerate(drawn, start=1):
            yield clip
            if on_progress is not None:
                on_progress(done, n)


def _draw(job: tuple[int, str, Part | None]) -> LabelledClip:
    from napari_echo.phantom.generate import generate

    seed, split, frames = job
    phantom = generate(seed, frames=frames)
    return LabelledClip(phantom.clip, phantom.truth, phantom.key_frames, split, phantom.ef)
