"""Checkpoint files: written whole or not at all, read, and found again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from mmengine.fileio import LocalBackend, register_backend

from napari_echo.core.errors import EchoError
from napari_echo.io.writing import new_file

_LOG = logging.getLogger(__name__)


class EchoAtomicBackend(LocalBackend):
    """Writes a file under a temporary name, syncs it and renames it.

    A training that is killed while it saves leaves the file that was there.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes."""
        with new_file(Path(filepath), replace=True) as partial:
            partial.write_bytes(obj)


register_backend("echo_atomic", EchoAtomicBackend, force=True)


def load_checkpoint(checkpoint: Path) -> dict[str, Any]:
    """Content of a checkpoint of mmengine; no code of it is run.

    Raises
    ------
    EchoError
        If it is not a checkpoint of mmengine.
    """
    import pickle

    import torch

    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        content["state_dict"]
    except pickle.UnpicklingError as error:  # its message is a page of advice
        raise EchoError(f"{checkpoint} is not a checkpoint, or holds code.") from error
    except (OSError, EOFError, KeyError, RuntimeError, TypeError) as error:
        raise EchoError(f"{checkpoint} is not a checkpoint of mmengine: {error}.") from error
    return content


def load_weights(checkpoint: Path) -> dict[str, Any]:
    """State of the trained model in a checkpoint; no code of the checkpoint is run.

    mmengine has put the average of the weights there, if it kept one.

    Raises
    ------
    EchoError
        If it is not a checkpoint of mmengine.
    """
    return load_checkpoint(checkpoint)["state_dict"]


def starting_checkpoint(load_from: Path) -> Path:
    """A checkpoint to start from: the one given, or one made of a pack's weights.

    The latter is kept in the user's cache under the pack's id.

    Raises
    ------
    EchoError
        If there is neither such a checkpoint nor such a pack.
    """
    if load_from.is_file():
        load_weights(load_from)
        return load_from
    from napari_echo.ml.packs import WEIGHTS, find_pack

    try:
        pack = find_pack(load_from)
    except EchoError as error:
        raise EchoError(f"There is no checkpoint {load_from} to start from: {error}") from error
    pack.verify()
    import torch
    from platformdirs import user_cache_path

    from napari_echo.ml.quantize import read_weights

    path = user_cache_path("napari-echo", appauthor=False) / "start" / f"{pack.id}.pth"
    if not path.is_file():
        weights = read_weights(pack.path / WEIGHTS)
        state = {name: torch.from_numpy(value) for name, value in weights.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        # torch names what is inside after a path, and refuses one that begins with a dot.
        with new_file(path, replace=True) as partial, partial.open("wb") as file:
            torch.save({"state_dict": state, "meta": {}}, file)
    return path


def last_checkpoint(work_dir: Path) -> Path | None:
    """The newest checkpoint that training can go on from; None where there is none.

    A damaged one (mmengine's own backend does not write atomically, disks
    fail) is passed over for the one before it.
    """
    note = work_dir / "last_checkpoint"  # of mmengine; empty if it was killed right there
    noted = Path(note.read_text(encoding="utf-8").strip()).name if note.is_file() else ""
    saved = sorted(
        work_dir.glob("iter_*.pth"),
        key=lambda path: (path.name == noted, path.stat().st_mtime_ns),
        reverse=True,
    )
    for path in saved:
        try:
            if "optimizer" in load_checkpoint(path):
                return path
        except EchoError as error:
            _LOG.warning("%s The one before it is tried.", error)
    return None


def best_checkpoint(work_dir: Path) -> Path:
    """The best, else the last, checkpoint of a training.

    Raises
    ------
    EchoError
        If there is none.
    """
    best = sorted(work_dir.glob("best_*.pth"), key=lambda path: path.stat().st_mtime)
    last = sorted(work_dir.glob("iter_*.pth"), key=lambda path: path.stat().st_mtime)
    if not best and not last:
        raise EchoError(f"There is no checkpoint in {work_dir}; train first.")
    return (best or last)[-1]
