"""The worker threads: one job at a time, outcomes on the main thread, nothing after the end."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from napari_echo.core.errors import EchoError
from napari_echo.gui.workers import Job, Jobs, Progress


@pytest.fixture
def runner(qtbot: QtBot) -> Jobs:
    return Jobs()


def count(to: int) -> Job[str]:
    for done in range(1, to + 1):
        yield Progress(done, to, "Counting")
    return threading.current_thread().name


def test_progress_and_outcome_arrive_on_the_main_thread(runner: Jobs, qtbot: QtBot) -> None:
    seen: list[tuple[int, int]] = []
    threads: list[str] = []
    outcome: list[str] = []

    def take(worker_thread: str) -> None:
        assert not runner.busy
        outcome.append(worker_thread)
        threads.append(threading.current_thread().name)

    def follow(progress: Progress) -> None:
        seen.append((progress.done, progress.total))
        threads.append(threading.current_thread().name)

    runner.progressed.connect(follow)
    assert runner.start("Counting", count, 3, done=take)
    assert runner.busy
    assert runner.title == "Counting"
    qtbot.waitUntil(lambda: bool(outcome), timeout=10_000)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert set(threads) == {threading.main_thread().name}
    assert outcome[0] != threading.main_thread().name
    assert runner.seconds["Counting"] > 0
    assert runner.title == ""


def test_a_second_job_is_refused_while_one_runs(runner: Jobs, qtbot: QtBot) -> None:
    done: list[str] = []
    assert runner.start("First", count, 2, done=done.append)
    assert not runner.start("Second", count, 2, done=done.append)
    qtbot.waitUntil(lambda: not runner.busy, timeout=10_000)
    assert len(done) == 1


def test_a_job_may_start_the_next_one(runner: Jobs, qtbot: QtBot) -> None:
    done: list[str] = []

    def then(_: str) -> None:
        assert runner.start("Second", count, 2, done=done.append)

    runner.start("First", count, 2, done=then)
    qtbot.waitUntil(lambda: bool(done) and not runner.busy, timeout=10_000)
    assert set(runner.seconds) == {"First", "Second"}


def test_a_failure_is_one_sentence_and_no_outcome(runner: Jobs, qtbot: QtBot) -> None:
    def fail() -> Job[None]:
        yield Progress(0, 0, "Failing")
        raise EchoError("a.avi is empty.")

    failures: list[str] = []
    done: list[None] = []
    runner.failed.connect(failures.append)
    runner.start("Failing", fail, done=done.append)
    qtbot.waitUntil(lambda: not runner.busy, timeout=10_000)
    assert failures == ["a.avi is empty."]
    assert done == []


def test_a_fault_of_the_program_is_not_swallowed(runner: Jobs, qtbot: QtBot) -> None:
    def fail() -> Job[None]:
        yield Progress(0, 0, "Failing")
        raise ZeroDivisionError("a fault")

    heard: list[object] = []
    runner.failed.connect(heard.append)
    with qtbot.captureExceptions() as exceptions:
        runner.start("Failing", fail, done=heard.append)
        qtbot.waitUntil(lambda: not runner.busy, timeout=10_000)
    assert heard == []
    assert [type(error) for _, error, _ in exceptions] == [ZeroDivisionError]


def test_a_cancelled_job_ends_at_its_next_progress(runner: Jobs, qtbot: QtBot) -> None:
    gate, closed = threading.Semaphore(0), threading.Event()

    def wait() -> Job[None]:
        try:
            for step in range(100):
                yield Progress(step, 100, "Waiting")
                assert gate.acquire(timeout=10)
        finally:
            closed.set()

    cancelled: list[str] = []
    done: list[None] = []
    runner.cancelled.connect(cancelled.append)
    first = threading.Event()
    runner.progressed.connect(lambda _: first.set())
    runner.start("Waiting", wait, done=done.append)
    qtbot.waitUntil(first.is_set, timeout=10_000)
    runner.cancel()
    assert runner.cancelling
    gate.release()
    qtbot.waitUntil(lambda: not runner.busy, timeout=10_000)
    assert cancelled == ["Waiting"]
    assert done == []
    # The generator was closed, so it could clean up.
    assert closed.wait(10)


def test_nothing_arrives_after_the_end(runner: Jobs, qtbot: QtBot) -> None:
    gate = threading.Semaphore(0)

    def wait() -> Job[str]:
        yield Progress(0, 1, "Waiting")
        assert gate.acquire(timeout=10)
        return "too late"

    heard: list[object] = []
    runner.cancelled.connect(heard.append)
    runner.failed.connect(heard.append)
    runner.start("Waiting", wait, done=heard.append)
    runner.shut_down()
    gate.release()
    qtbot.wait(200)
    assert heard == []
    assert not runner.busy


def test_a_job_that_is_stopped_closes_what_it_has_open(runner: Jobs, qtbot: QtBot) -> None:
    begun, closed = threading.Event(), threading.Event()

    def holding() -> Job[None]:
        begun.set()
        try:
            while True:
                yield Progress(0, 0, "Holding")
        finally:
            closed.set()

    runner.start("Holding", holding, done=lambda _: None)
    assert begun.wait(5)
    runner.shut_down()
    assert closed.wait(5)
