"""Single images of CAMUS as clips: stills, pairs of stills, half sequences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.camus_layout import NAME, VIEW_OF_CODE, es_still, read_info
from napari_echo.io.nifti import NiftiImage, read_nifti
from napari_echo.io.reading import check_frames, to_grey


def load_still(path: Path) -> EchoClip:
    """Load a CAMUS image: an ED or ES still as a clip of one frame, or a half sequence.

    The patient is the study, the view comes from the name, the spacing from
    the header, and a half sequence's frame rate from the `Info` file.

    Raises
    ------
    EchoError
        If the name is not CAMUS's, or the file is a mask, damaged or empty.
    """
    path = Path(path)
    match = NAME.match(path.name)
    if match is None:
        raise EchoError(
            f"{path.name} is not named as a CAMUS image, patientXXXX_4CH_ED.nii.gz for one."
        )
    if match["gt"]:
        raise EchoError(
            f"{path.name} holds masks; open the image {path.name.replace('_gt', '')} beside it."
        )
    image = read_nifti(path)
    fps = None
    if match["what"] == "half_sequence":
        check_frames(path, image.values)
        fps = read_info(path.with_name(f"Info_{match['view']}.cfg")).fps
    frames, note = to_grey(path, image.values)
    return EchoClip.from_frames(
        frames,
        fps=fps,
        spacing_mm=image.spacing_mm,
        view=VIEW_OF_CODE[match["view"]],
        study_id=match["patient"],
        source=path,
        notes=(note,) if note else (),
    )


def load_pair(path: Path) -> EchoClip:
    """Load an ED still and the ES still beside it as a clip of two frames, ED first.

    Its frames are those that `list_camus` reads from the stills.

    Parameters
    ----------
    path : Path
        The ED still.

    Raises
    ------
    EchoError
        If there is no ES still beside it, either is damaged, or they differ in shape.
    """
    path = Path(path)
    match, es = NAME.match(path.name), es_still(path)
    if match is None or es is None:
        raise EchoError(f"{path} is no ED still of CAMUS with its ES still beside it.")
    images = [read_nifti(still) for still in (path, es)]
    return EchoClip.from_frames(
        joined((path, es), images),
        spacing_mm=images[0].spacing_mm,
        view=VIEW_OF_CODE[match["view"]],
        study_id=match["patient"],
        source=path,
    )


def joined(paths: Sequence[Path], images: Sequence[NiftiImage]) -> NDArray[np.uint8]:
    """Lay an ED and an ES still one behind the other.

    Returns
    -------
    ndarray of uint8, shape (2, H, W)

    Raises
    ------
    EchoError
        If they differ in shape, or one is no still.
    """
    shapes = [image.values.shape[:3] for image in images]
    if shapes[0] != shapes[1] or shapes[0][0] != 1:
        stem = paths[0].name.partition("_ED")[0]
        raise EchoError(f"{stem} has ED and ES of different shapes, {shapes[0]}, {shapes[1]}.")
    return np.concatenate([to_grey(p, i.values)[0] for p, i in zip(paths, images, strict=True)])
