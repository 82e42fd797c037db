"""What it takes to repeat a report: versions, machine, model and data."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from napari_echo import __version__
from napari_echo.io.clipset import ClipEntry, ClipSet

_LIBRARIES = ("numpy", "scipy", "scikit-image", "opencv-python", "onnxruntime", "torch")


def data_hash(clips: ClipSet, entries: Sequence[ClipEntry]) -> str:
    """SHA-256 of what was measured on: the clips' frames, labels, key frames and numbers.

    Frames enter by their `clip_id`, which is the hash of their pixels. The
    names of files do not enter, nor does the clips' order.

    Parameters
    ----------
    clips : ClipSet
        The data set.
    entries : sequence of ClipEntry
        The clips that were scored.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digests = []
    for entry in entries:
        facts = asdict(entry)
        for name in ("frames_file", "labels_file", "source"):
            del facts[name]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        digest.update(clips.labels(entry).tobytes())
        digests.append(digest.hexdigest())
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of the program, Python and the libraries that the numbers depend on."""
    found = {"napari-echo": __version__, "Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """The processor and the number of its cores that the program may use, in words."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = models[0] if models else name
    return f"{name}, {cores} cores, {platform.system()}"
