"""Labelled frames in COCO's instances, in; `napari_echo.io.coco_writer` writes them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import IGNORE, LabelSchema
from napari_echo.io.coco_writer import ANNOTATIONS, IMAGES, UNLABELLED, mask_tools
from napari_echo.io.foreign import ForeignLabels, schema_of
from napari_echo.io.json_fields import key_frames_from_dict
from napari_echo.io.labelled import Skipped
from napari_echo.io.reading import check_file


def coco_lists(path: Path) -> list[Path]:
    """The lists of instances that are read: the file itself, or those of an exported folder.

    Raises
    ------
    EchoError
        If there is none.
    """
    if path.is_file():
        return [path]
    lists = sorted((path / ANNOTATIONS).glob("instances_*.json"))
    if not lists:
        raise EchoError(
            f"{path} has no {ANNOTATIONS}/instances_*.json; name the JSON file to import."
        )
    return lists


def read_coco(path: Path, on_skip: Callable[[Skipped], None]) -> Iterator[ForeignLabels]:
    """Read the labels of a list of instances, clip by clip.

    An image is a labelled frame, also where it has no annotation. Where two
    annotations overlap the later one counts, as it lies on top.

    Parameters
    ----------
    path : Path
        A JSON file, or a folder as `fill_coco` makes it.
    on_skip : callable
        Called with each image that cannot be read.

    Raises
    ------
    EchoError
        If a list is missing or none of COCO's, or pycocotools is not installed.
    """
    for listed in coco_lists(path):
        yield from _read_list(listed, on_skip)


def _read_list(path: Path, on_skip: Callable[[Skipped], None]) -> Iterator[ForeignLabels]:
    check_file(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        names = {int(c["id"]): str(c["name"]) for c in data["categories"]}
        annotations: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in data["annotations"]:
            annotations[int(annotation["image_id"])].append(annotation)
        images = [(int(image["id"]), image) for image in data["images"]]
        info = data.get("info") or {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EchoError(f"{path} is no list of COCO's instances: {error!r}.") from error
    unlabelled = {number for number, name in names.items() if name == UNLABELLED}
    kept = {number: name for number, name in names.items() if number not in unlabelled}
    if isinstance(info, dict) and "schema" in info:
        schema, index_of = LabelSchema.from_dict(info["schema"]), {n: n for n in kept}
    else:
        schema, index_of = schema_of(kept, path.name)
    index_of.update(dict.fromkeys(unlabelled, IGNORE))
    groups: defaultdict[str, list[ForeignLabels]] = defaultdict(list)
    for image_id, image in images:
        name = str(image.get("file_name"))
        try:
            labels = _draw(image, annotations[image_id], index_of)
            found = _frame(path, name, image, labels, schema)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            on_skip(Skipped(name, f"Its entry in {path.name} is damaged: {error!r}."))
            continue
        except EchoError as error:
            on_skip(Skipped(name, str(error)))
            continue
        groups[found.clip_id or name].append(found)
    for group in groups.values():
        yield _together(group)


def _frame(
    path: Path,
    name: str,
    image: dict[str, Any],
    labels: NDArray[np.uint8],
    schema: LabelSchema,
) -> ForeignLabels:
    pixels = _pixels(path, name)
    if pixels is not None and pixels.shape != labels.shape:
        raise EchoError(
            f"{name} has the shape {pixels.shape}, its entry in {path.name} says {labels.shape}."
        )
    frame = image.get("frame")
    if pixels is None and (frame is None or not image.get("clip_id")):
        raise EchoError(f"{name} is not beside {path.name}, and its entry names no clip.")
    key_frames = image.get("key_frames")
    return ForeignLabels(
        name,
        labels[np.newaxis],
        schema,
        frames=None if frame is None else (int(frame),),
        pixels=None if pixels is None else pixels[np.newaxis],
        # How long the clip is will be known with the clip.
        key_frames=None if key_frames is None else key_frames_from_dict(key_frames, 1 << 30),
        clip_id=str(image.get("clip_id") or ""),
        study_id=str(image.get("study_id") or ""),
    )


def _together(group: list[ForeignLabels]) -> ForeignLabels:
    """Frames of one clip as one; without a clip's id there is one frame in a group."""
    if len(group) == 1:
        return group[0]
    group = sorted(group, key=lambda item: item.frames or ())
    first = group[0]
    exact = all(item.pixels is not None for item in group)
    return ForeignLabels(
        f"{first.name} and {len(group) - 1} more",
        np.concatenate([item.labels for item in group]),
        first.schema,
        frames=tuple(frame for item in group for frame in item.frames or ()),
        pixels=np.concatenate([i.pixels for i in group if i.pixels is not None]) if exact else None,
        key_frames=first.key_frames,
        clip_id=first.clip_id,
        study_id=first.study_id,
    )


def _pixels(path: Path, name: str) -> NDArray[np.uint8] | None:
    """The image, where it lies in a folder `images` beside the list or above, or beside the list.

    A name that leads out of these folders is not followed.
    """
    inside = PurePosixPath(name.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts or ":" in name:
        return None
    for folder in (path.parent.parent / IMAGES, path.parent / IMAGES, path.parent):
        if (folder / inside).is_file():
            from PIL import Image

            try:
                with Image.open(folder / inside) as image:
                    return np.asarray(image.convert("L"))
            except (OSError, ValueError) as error:
                raise EchoError(f"{name} cannot be read: {error}.") from error
    return None


def _draw(
    image: dict[str, Any], annotations: list[dict[str, Any]], index_of: dict[int, int]
) -> NDArray[np.uint8]:
    tools = mask_tools()
    height, width = int(image["height"]), int(image["width"])
    if not (0 < height <= 1 << 15 and 0 < width <= 1 << 15):
        raise EchoError(f"An image cannot be {height} x {width} pixels.")
    labels = np.zeros((height, width), np.uint8)
    for annotation in annotations:
        shape = annotation["segmentation"]
        if isinstance(shape, list):
            rle = tools.merge(tools.frPyObjects(shape, height, width))
        elif isinstance(shape["counts"], list):
            rle = tools.frPyObjects(shape, height, width)
        else:
            rle = shape
        if [int(n) for n in rle["size"]] != [height, width]:
            raise ValueError(f"a mask of {rle['size']}")
        labels[tools.decode(rle) > 0] = index_of[int(annotation["category_id"])]
    return labels
