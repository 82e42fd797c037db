"""Write labelled frames in the layout of COCO's instances.

::

    DIR/images/NAME_0012.png               each labelled frame, grey
    DIR/annotations/instances_train.json   masks as RLE: exactly the labels
    DIR/annotations/polygons_train.json    the same as polygons, for tools that read no RLE

A list for each split that has a clip. An image also names its clip, study and
frame, in fields that COCO's readers pass over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import IGNORE, LabelSchema
from napari_echo.io.json_fields import key_frames_to_dict
from napari_echo.io.labelled import LabelledClip, Outcome, Written, clip_name
from napari_echo.io.writing import FileNames

IMAGES, ANNOTATIONS = "images", "annotations"
UNLABELLED = "unlabelled"
"""Category of the pixels without a label, marked as a crowd, which COCO's measures pass over."""


def mask_tools() -> Any:
    """The module `pycocotools.mask`.

    Raises
    ------
    EchoError
        If it is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise EchoError(
            "COCO needs the package pycocotools: install it by `pip install 'napari-echo[export]'`."
        ) from error
    return mask


def fill_coco(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    """Write labelled clips into an empty folder, one as each is asked for.

    Parameters
    ----------
    folder : Path
        Empty.
    clips : iterable of LabelledClip
        Of one label schema.

    Yields
    ------
    Written or Skipped
        For each clip.
    """
    tools = mask_tools()
    lists: dict[str, _Lists] = {}
    names = FileNames()
    (folder / IMAGES).mkdir()
    (folder / ANNOTATIONS).mkdir()
    for item in clips:
        of_split = lists.setdefault(item.split, _Lists(item.truth.schema, item.split))
        name = names.take(clip_name(item.clip))
        files = []
        for frame in item.truth.annotated_frames:
            files.append(f"{IMAGES}/{name}_{frame:04d}.png")
            _write_png(folder / files[-1], item.clip.frames[frame])
            of_split.add(item, frame, Path(files[-1]).name, tools)
        yield Written(name, item.truth.annotated_frames, tuple(files))
    for split, of_split in lists.items():
        for kind in ("instances", "polygons"):
            path = folder / ANNOTATIONS / f"{kind}_{split}.json"
            path.write_text(json.dumps(of_split.data(kind)), encoding="utf-8")


class _Lists:
    """Images and annotations of one split."""

    def __init__(self, schema: LabelSchema, split: str) -> None:
        self._schema, self._split = schema, split
        self._images: list[dict[str, Any]] = []
        self._annotations: dict[str, list[dict[str, Any]]] = {"instances": [], "polygons": []}

    def add(self, item: LabelledClip, frame: int, file_name: str, tools: Any) -> None:
        """Add a labelled frame."""
        labels = item.truth.labels[frame]
        image_id = len(self._images) + 1
        self._images.append(
            {
                "id": image_id,
                "file_name": file_name,
                "height": labels.shape[0],
                "width": labels.shape[1],
                "clip_id": item.clip.clip_id,
                "study_id": item.clip.study_id,
                "frame": frame,
                "key_frames": key_frames_to_dict(item.key_frames),
            }
        )
        for value in np.unique(labels[labels > 0]).tolist():
            mask = labels == value
            rle = tools.encode(np.asfortranarray(mask, np.uint8))
            common = {
                "id": len(self._annotations["instances"]) + 1,
                "image_id": image_id,
                "category_id": value,
                "area": int(tools.area(rle)),
                "bbox": [float(v) for v in tools.toBbox(rle)],
                "iscrowd": int(value == IGNORE),
            }
            exact = {"size": list(labels.shape), "counts": rle["counts"].decode("ascii")}
            self._annotations["instances"].append({**common, "segmentation": exact})
            shapes = exact if value == IGNORE else mask_polygons(mask)
            self._annotations["polygons"].append({**common, "segmentation": shapes})

    def data(self, kind: str) -> dict[str, Any]:
        """The list as JSON-ready data."""
        categories = [
            {"id": s.index, "name": s.name, "supercategory": "heart", "color": s.color}
            for s in self._schema.structures
        ]
        if any(a["iscrowd"] for a in self._annotations[kind]):
            categories.append({"id": IGNORE, "name": UNLABELLED, "supercategory": "none"})
        return {
            "info": {
                "description": f"napari-echo labels, split {self._split}",
                "schema": self._schema.to_dict(),
            },
            "licenses": [],
            "images": self._images,
            "annotations": self._annotations[kind],
            "categories": categories,
        }


def mask_polygons(mask: NDArray[np.bool_]) -> list[list[float]]:
    """Trace a mask between its pixels and those around.

    A piece with a hole is cut in two through the hole, as COCO's polygons have none.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)

    Returns
    -------
    list of list of float
        Of each piece x and y by turns; the first pixel reaches from 0 to 1.
    """
    from skimage.measure import find_contours

    polygons = []
    for piece in _without_holes(mask):
        # Padded by one pixel, whose centres COCO has at 0.5.
        for outline in find_contours(np.pad(piece, 1).astype(np.float32), 0.5):  # type: ignore[no-untyped-call]
            polygons.append([float(v) for v in (outline[:-1, ::-1] - 0.5).ravel()])
    return polygons


def _without_holes(mask: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Cut a mask into pieces of one outline each."""
    from skimage.measure import label

    pieces = label(mask, connectivity=1)  # type: ignore[no-untyped-call]
    for value in range(1, int(pieces.max()) + 1):
        piece = pieces == value
        background = np.pad(~piece, 1, constant_values=True)
        around = label(background, connectivity=1)  # type: ignore[no-untyped-call]
        holes = np.argwhere(around > 1)
        if not len(holes):
            yield piece
            continue
        column = int(holes[0, 1]) - 1
        left, right = piece.copy(), piece.copy()
        left[:, column:], right[:, :column] = False, False
        yield from _without_holes(left)
        yield from _without_holes(right)


def _write_png(path: Path, frame: NDArray[np.uint8]) -> None:
    from PIL import Image

    Image.fromarray(frame).save(path)
