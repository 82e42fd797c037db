"""Training with several processes: on one node, or on several under torchrun."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from napari_echo.core.errors import EchoError

_LAUNCHED = "NAPARI_ECHO_LAUNCHED"  # set for the processes that `launch` starts


def under_torchrun() -> bool:
    """Whether torchrun (or `launch`) started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def speaks() -> bool:
    """Whether this process tells the results: the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def launched() -> bool:
    """Whether `launch` started this process, and reports for it."""
    return _LAUNCHED in os.environ


@contextmanager
def joined() -> Iterator[int]:
    """Join the processes that torchrun started, while the block runs.

    mmengine's own launcher asks for CUDA; here gloo stands in on a CPU. A
    block that raises leaves the group as it is: the process is about to end,
    and the others must not be waited for.

    Yields
    ------
    int
        Number of processes, over all nodes; 1 without torchrun.
    """
    if not under_torchrun():
        yield 1
        return
    import torch
    import torch.distributed as dist

    if launched():
        _end_with_parent()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl")
    else:
        dist.init_process_group("gloo")
    yield dist.get_world_size()
    dist.barrier()
    dist.destroy_process_group()


def launch(arguments: Sequence[str], processes: int) -> None:
    """Run `napari-echo ARGUMENTS` in several processes on this node, by torchrun.

    Parameters
    ----------
    arguments : sequence of str
        The command that each process runs.
    processes : int
        How many.

    Raises
    ------
    EchoError
        If a process fails or is killed; the others are then ended.
    KeyboardInterrupt
        If this process is interrupted; the others are then ended.
    """
    import torch
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    cards = torch.cuda.device_count()
    if cards and processes > cards:
        raise EchoError(f"--devices {processes}: this machine has {cards} CUDA device(s).")
    threads = max(1, (os.cpu_count() or 1) // processes)
    wanted = {_LAUNCHED: "1", "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": "10"}
    for library in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if library not in os.environ:
            wanted[library] = str(threads)
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # reported below
    with tempfile.TemporaryDirectory(prefix="napari-echo-") as reports, _environment(wanted):
        flags = ["--standalone", f"--nproc-per-node={processes}", f"--log-dir={reports}"]
        command = ["-m", "napari_echo.cli.main", *arguments]
        try:
            run(parse_args([*flags, *command]))
        except ChildFailedError as error:
            raise _first_failure(error) from None
        except SignalException as error:
            if error.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            raise EchoError(
                f"The training was ended by {error.sigval.name}; --resume goes on with it."
            ) from None


def record_failure(error: Exception) -> None:
    """Leave word of what failed for the process that launched this one."""
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    get_error_handler().record_exception(error)


def _first_failure(error: Any) -> Exception:
    """What to tell of processes that failed: the cause, not what followed from it."""
    failures = sorted(
        error.failures.items(), key=lambda item: (_follows(item[1]), item[1].timestamp, item[0])
    )
    rank, failure = failures[0]
    where = f"Process {rank} of the training"
    if failure.exitcode < 0:
        return EchoError(
            f"{where} was killed ({failure.signal_name()}), perhaps because memory ran out; "
            "--resume goes on from the last checkpoint."
        )
    report = failure.message
    if not isinstance(report, dict):  # it ended before it could say why
        return EchoError(f"{where} ended with status {failure.exitcode}; see what it wrote above.")
    kind, _, text = report["message"].partition(": ")
    if kind == EchoError.__name__:
        return EchoError(text)
    defect = RuntimeError(f"{where} failed: {report['message']}")
    defect.__cause__ = RuntimeError(report["extraInfo"]["py_callstack"])
    return defect


def _follows(failure: Any) -> bool:
    """Whether a process failed because another had gone."""
    if failure.exitcode < 0:
        return failure.exitcode == -signal.SIGTERM  # sent by torchrun
    report = failure.message
    text = report["message"] if isinstance(report, dict) else ""
    return "peer" in text or "DistBackendError" in text or "gloo" in text


def _end_with_parent() -> None:
    """End this process once the one that launched it is gone, however that ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if sys.platform != "win32":
        threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
