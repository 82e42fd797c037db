"""COCO's instances, written and read; pycocotools is the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as tools
from pycocotools.coco import COCO

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LV_SCHEMA, Segmentation
from napari_echo.io.coco import read_coco
from napari_echo.io.coco_writer import fill_coco, mask_polygons
from napari_echo.io.labelled import LabelledClip, Skipped, Written

Labelled = Callable[..., LabelledClip]


def ignoring(item: LabelledClip) -> LabelledClip:
    """The clip with some pixels of frame 0 without a label, and frame 4 empty."""
    labels = item.truth.labels.copy()
    labels[0, :9, :9] = IGNORE
    labels[4] = 0
    return replace(item, truth=Segmentation(labels, item.truth.annotated.copy(), "correction"))


@pytest.fixture
def items(labelled: Labelled) -> list[LabelledClip]:
    return [
        ignoring(labelled("one", annotated=(0, 4))),
        labelled("two/../three", annotated=(1, 2, 3), split="val"),
    ]


@pytest.fixture
def folder(tmp_path: Path, items: list[LabelledClip]) -> Path:
    root = tmp_path / "coco"
    root.mkdir()
    outcomes = list(fill_coco(root, items))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert [outcome.frames for outcome in outcomes if isinstance(outcome, Written)] == [
        (0, 4),
        (1, 2, 3),
    ]
    return root


@pytest.mark.parametrize("kind", ["instances", "polygons"])
def test_pycocotools_decodes_exactly_the_labels(
    folder: Path, items: list[LabelledClip], kind: str
) -> None:
    for item in items:
        coco = COCO(str(folder / "annotations" / f"{kind}_{item.split}.json"))
        images = {image["frame"]: image for image in coco.loadImgs(coco.getImgIds())}
        assert tuple(sorted(images)) == item.truth.annotated_frames
        for frame, image in images.items():
            pixels = np.asarray(Image.open(folder / "images" / image["file_name"]))
            np.testing.assert_array_equal(pixels, item.clip.frames[frame])
            drawn = np.zeros(pixels.shape, np.uint8)
            for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
                mask = coco.annToMask(annotation).astype(bool)
                assert annotation["area"] == mask.sum()
                assert annotation["iscrowd"] == (annotation["category_id"] == IGNORE)
                drawn[mask] = annotation["category_id"]
            np.testing.assert_array_equal(drawn, item.truth.labels[frame])
        names = {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())}
        assert names[1] == "LV cavity"


def test_what_is_written_is_read(folder: Path, items: list[LabelledClip]) -> None:
    skipped: list[Skipped] = []
    found = {labels.clip_id: labels for labels in read_coco(folder, skipped.append)}
    assert not skipped
    for item in items:
        labels = found[item.clip.clip_id]
        rows = list(item.truth.annotated_frames)
        assert labels.frames == item.truth.annotated_frames
        assert labels.schema == CAMUS_SCHEMA
        assert labels.key_frames == item.key_frames
        np.testing.assert_array_equal(labels.labels, item.truth.labels[rows])
        np.testing.assert_array_equal(labels.pixels, item.clip.frames[rows])


@pytest.mark.parametrize("seed", range(5))
def test_pieces_holes_and_corners_become_polygons(seed: int) -> None:
    blobs = np.random.default_rng(seed).random((40, 50)) < 0.55
    polygons = mask_polygons(blobs)
    drawn = tools.decode(tools.merge(tools.frPyObjects(polygons, 40, 50)))
    np.testing.assert_array_equal(drawn.astype(bool), blobs)


def foreign(folder: Path, **changes: Any) -> Path:
    """A list as another tool writes it: no clip, no schema, polygons and plain counts."""
    Image.fromarray(np.full((30, 40), 7, np.uint8)).save(folder / "a.png")
    data = {
        "images": [{"id": 5, "file_name": "a.png", "height": 30, "width": 40}],
        "categories": [{"id": 17, "name": "left_ventricle"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 5,
                "category_id": 17,
                "segmentation": [[5, 5, 15, 5, 15, 20, 5, 20]],
            },
            {
                "id": 2,
                "image_id": 5,
                "category_id": 17,
                "segmentation": {"size": [30, 40], "counts": [30 * 39, 2, 28]},
            },
        ],
        **changes,
    }  # fmt: skip
    path = folder / "list.json"
    path.write_text(json.dumps(data))
    return path


def test_another_tools_list_is_read(tmp_path: Path) -> None:
    (labels,) = read_coco(foreign(tmp_path), pytest.fail)
    assert labels.schema == LV_SCHEMA
    assert labels.frames is None
    assert labels.pixels is not None
    expected = np.zeros((30, 40), np.uint8)
    expected[5:20, 5:15] = 1
    expected[:2, 39] = 1
    np.testing.assert_array_equal(labels.labels[0], expected)
    assert (labels.pixels == 7).all()


def test_unknown_structures_get_a_schema_of_their_own(tmp_path: Path) -> None:
    categories = [{"id": 17, "name": "valve"}, {"id": 3, "name": "septum"}]
    (labels,) = read_coco(foreign(tmp_path, categories=categories), pytest.fail)
    assert [(s.index, s.name) for s in labels.schema.structures] == [(1, "septum"), (2, "valve")]
    assert set(np.unique(labels.labels)) == {0, 2}


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ({"file_name": "../../etc/passwd"}, "names no clip"),
        ({"file_name": "missing.png"}, "names no clip"),
        ({"height": 31}, "a mask of|has the shape"),
        ({"height": 10**9}, "cannot be"),
        ({"width": None}, "damaged"),
    ],
)
def test_a_damaged_image_is_skipped_by_name(
    tmp_path: Path, image: dict[str, Any], sentence: str
) -> None:
    whole = {"id": 5, "file_name": "a.png", "height": 30, "width": 40}
    skipped: list[Skipped] = []
    assert not list(read_coco(foreign(tmp_path, images=[{**whole, **image}]), skipped.append))
    (one,) = skipped
    assert any(part in one.reason for part in sentence.split("|"))


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"no annotations/instances_\*\.json"):
        list(read_coco(tmp_path, pytest.fail))
    (tmp_path / "x.json").write_text("[1")
    with pytest.raises(EchoError, match="no list of COCO"):
        list(read_coco(tmp_path / "x.json", pytest.fail))
