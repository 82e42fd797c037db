"""Checkpoint files: written whole or not at all, and found again."""

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
