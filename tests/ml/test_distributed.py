"""Several processes train as one, and end as one.

What is equal: the samples of each batch, their augmentation, the statistics
of batch norm, the gradients, and so the losses and the weights, to float
precision. What is not: drop-out, and any loss that is no mean of its samples'
losses, such as OHEM (which picks the hard pixels of each process's share) or
one averaged over the labelled pixels where the shares have unequal numbers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.ml.training import training_config

COMMAND = [sys.executable, "-m", "napari_echo.cli.main", "train"]
NO_DROPOUT = "--cfg-options=model.decode_head.dropout_ratio=0"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo and signals of POSIX")


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_two_processes_train_as_one(small_config: Path, tmp_path: Path, curves: Callable) -> None:
    for devices in ("1", "2"):
        command = [*COMMAND, str(small_config), "--work-dir", str(tmp_path / devices), NO_DROPOUT]
        result = subprocess.run(
            [*command, "--devices", devices], capture_output=True, text=True, env=_environment()
        )
        assert result.returncode == 0, result.stderr
        best = Path(result.stdout.splitlines()[-1])
        assert best.is_file()
    one, two = (curves(tmp_path / devices) for devices in ("1", "2"))
    assert list(one[0]) == list(range(1, 7))
    assert two[0] == pytest.approx(one[0], rel=1e-5)
    assert two[1] == pytest.approx(one[1], rel=1e-4)

    import torch

    first, second = (
        torch.load(tmp_path / devices / "iter_6.pth", weights_only=True) for devices in ("1", "2")
    )
    for state in ("state_dict", "ema_state_dict"):
        assert first[state].keys() == second[state].keys()
        for name, value in first[state].items():
            torch.testing.assert_close(second[state][name], value, rtol=1e-4, atol=1e-5)


def _norm_of_a_share(rank: int, folder: Path) -> None:
    """One of two processes: its share of a batch, unequal, through the norm and back."""
    import torch
    import torch.distributed as dist

    from napari_echo.ml.sync_norm import EchoSyncBN

    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    torch.manual_seed(0)
    batch = torch.randn(8, 3, 4, 5, dtype=torch.float64) * 2 + 5
    weight = torch.randn_like(batch)
    mine = slice(0, 3) if rank == 0 else slice(3, 8)
    norm = EchoSyncBN(3).double()
    x = batch[mine].clone().requires_grad_()
    out = norm(x)
    (weight[mine] * out**2).sum().backward()
    for parameter in norm.parameters():
        dist.all_reduce(parameter.grad)
    torch.save(
        [out.detach(), x.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()],
        folder / f"{rank}.pth",
    )
    dist.barrier()
    dist.destroy_process_group()


def test_the_shared_norm_is_batch_norm_over_all_processes(tmp_path: Path) -> None:
    import torch

    torch.multiprocessing.spawn(_norm_of_a_share, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pth") for rank in (0, 1))
    torch.manual_seed(0)
    batch = (torch.randn(8, 3, 4, 5, dtype=torch.float64) * 2 + 5).requires_grad_()
    weight = torch.randn_like(batch)
    norm = torch.nn.BatchNorm2d(3).double()
    out = norm(batch)
    (weight * out**2).sum().backward()
    expected = [norm.weight.grad, norm.bias.grad, *norm.buffers()]
    torch.testing.assert_close(torch.cat([first[0], second[0]]), out.detach())
    torch.testing.assert_close(torch.cat([first[1], second[1]]), batch.grad)
    for part in (first[2:], second[2:]):
        torch.testing.assert_close(part, expected)


def test_alone_the_shared_norm_is_batch_norm() -> None:
    import torch

    from napari_echo.ml.sync_norm import EchoSyncBN, with_sync_norm

    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4))
    x = torch.randn(2, 1, 8, 8)
    expected = model(x)
    converted = with_sync_norm(model)
    assert type(converted[1]) is EchoSyncBN
    torch.testing.assert_close(converted(x), expected)


def test_a_batch_that_cannot_be_split_is_one_sentence(small_config: Path) -> None:
    with pytest.raises(EchoError, match="batch of 4 cannot be split over 3 processes"):
        training_config(small_config, processes=3)


def test_what_the_user_can_mend_is_said_once(small_config: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [*COMMAND, str(small_config), "--devices", "2", "--data", str(tmp_path / "nowhere")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.count("napari-echo: error: ") == 1
    assert "nowhere" in result.stderr


@pytest.fixture
def running(small_config: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A training of two processes that is under way."""
    options = ["train_cfg.max_iters=100000", "train_cfg.val_interval=100000"]
    flags = [f"--cfg-options={option}" for option in options]
    command = [*COMMAND, str(small_config), "--work-dir", str(tmp_path), "--devices", "2", *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=_environment()
    )
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in tmp_path.glob("*/vis_data/scalars.json")):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield process
    for left in [*psutil.Process().children(recursive=True)]:
        left.kill()
    process.wait()


def _ended(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not alive


@pytest.mark.slow
def test_a_killed_process_ends_the_training_with_one_sentence(
    running: subprocess.Popen[str],
) -> None:
    children = psutil.Process(running.pid).children(recursive=True)
    workers = [child for child in children if "RANK" in child.environ()]
    assert len(workers) == 2
    workers[1].send_signal(signal.SIGKILL)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 1
    said = [line for line in stderr.splitlines() if line.startswith("napari-echo:")]
    assert len(said) == 1
    assert "was killed (SIGKILL)" in said[0]
    assert "--resume" in said[0]
    assert _ended(workers)


@pytest.mark.slow
def test_an_interruption_ends_all(running: subprocess.Popen[str]) -> None:
    children = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    said = [line for line in stderr.splitlines() if line.startswith("napari-echo:")]
    assert said == ["napari-echo: interrupted; finished files are kept."]
    assert _ended(children)


@pytest.mark.slow
def test_no_process_outlives_the_one_that_started_it(running: subprocess.Popen[str]) -> None:
    children = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    assert _ended(children)
