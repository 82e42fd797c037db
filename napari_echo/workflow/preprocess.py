"""Preprocess: a public data set becomes a clip data set that training reads fast."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Literal

from napari_echo.core.errors import EchoError
from napari_echo.io.camus import read_camus
from napari_echo.io.clipset import write_clipset
from napari_echo.io.echonet import read_echonet
from napari_echo.io.labelled import Skipped

Layout = Literal["camus", "echonet"]


def preprocess(
    layout: Layout,
    src: Path,
    dst: Path,
    *,
    sequences: bool = False,
    views: Sequence[str] = ("4CH", "2CH"),
) -> tuple[Path, list[Skipped]]:
    """Write a data set in a public layout as a clip data set.

    Parameters
    ----------
    layout : {"camus", "echonet"}
        How `src` is laid out.
    src : Path
        Folder of the data set.
    dst : Path
        Folder to make; it must not exist. It appears whole or not at all.
    sequences : bool
        Take CAMUS's half sequences in place of its ED and ES stills.
    views : sequence of {"4CH", "2CH"}
        The views of CAMUS to take.

    Returns
    -------
    Path
        `dst`.
    list of Skipped
        The clips that could not be read, with the reasons.

    Raises
    ------
    EchoError
        If the layout is unknown, `src` is not laid out so, no clip can be
        read, or `dst` exists or cannot be written.
    """
    skipped: list[Skipped] = []
    if layout == "camus":
        clips = read_camus(Path(src), sequences=sequences, views=views, on_skip=skipped.append)
    elif layout == "echonet":
        clips = read_echonet(Path(src), on_skip=skipped.append)
    else:
        raise EchoError(f"There is no layout '{layout}': choose camus or echonet.")
    first = next(clips, None)
    if first is None:
        why = f"; the first, {skipped[0].name}: {skipped[0].reason}" if skipped else "."
        raise EchoError(f"No clip of {src} can be read{why}")
    return write_clipset(Path(dst), chain([first], clips)), skipped
