"""Work in several processes."""

from __future__ import annotations

import os

import pytest

from napari_echo.core.errors import EchoError
from napari_echo.workflow.parallel import in_processes, usable_cores


def _square_and_process(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def _fail(number: int) -> int:
    if number == 3:
        raise EchoError("The third cannot be done.")
    return number


def _die(number: int) -> int:
    os._exit(9)


def test_all_jobs_are_done_in_other_processes() -> None:
    results = list(in_processes(_square_and_process, range(20), 2))
    assert sorted(square for square, _ in results) == [n * n for n in range(20)]
    processes = {process for _, process in results}
    assert len(processes) <= 2
    assert os.getpid() not in processes


def test_one_worker_is_this_process() -> None:
    assert list(in_processes(_square_and_process, [3], 8)) == [(9, os.getpid())]
    here = os.getpid()
    assert list(in_processes(_square_and_process, [2, 1], 1)) == [(4, here), (1, here)]
    assert list(in_processes(_square_and_process, [], 4)) == []


def test_a_failure_and_a_killed_worker_end_the_work() -> None:
    with pytest.raises(EchoError, match="The third cannot be done"):
        list(in_processes(_fail, range(6), 2))
    with pytest.raises(EchoError, match="A worker was killed"):
        list(in_processes(_die, range(6), 2))


def test_there_is_a_core_to_use() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
