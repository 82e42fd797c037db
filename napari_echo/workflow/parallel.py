"""Work in several processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from napari_echo.core.errors import EchoError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_processes(
    function: Callable[[_Job], _Result], jobs: Sequence[_Job], workers: int
) -> Iterator[_Result]:
    """Call a function with each job and give the results as they come, in any order.

    Parameters
    ----------
    function : callable
        A module's function, so that it can be sent to another process.
    jobs : sequence
        What it is called with.
    workers : int
        Processes; with one, or one job, all is done in this process.

    Raises
    ------
    EchoError
        If a worker is killed. What the function raises is passed on; jobs
        that have not begun are then dropped.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from map(function, jobs)
        return
    # Spawned, not forked: the caller may hold threads of Qt or of ONNX Runtime.
    context = get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        for future in as_completed([pool.submit(function, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool as error:
        raise EchoError(
            "A worker was killed, most likely for want of memory: run it again with fewer workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, end when it ends, and use one core."""
    import signal
    import threading

    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        # A pool's worker waits for ever for a parent that was killed.
        parent.join()
        os._exit(1)
