"""The layers of a review, on a viewer model without a window."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, Segmentation
from napari_echo.core.params import HardnessParams
from napari_echo.core.prediction import Prediction
from napari_echo.gui.layer_data import KEY, clip_layer_data
from napari_echo.gui.layers import ReviewLayers
from napari_echo.gui.overlays import FILL_OPACITY
from napari_echo.workflow.mark import mark
from napari_echo.workflow.session import Session


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def layers(viewer: ViewerModel, session: Session) -> ReviewLayers:
    return ReviewLayers(viewer, session)


def predict(clip: EchoClip, truth: Segmentation) -> Prediction:
    probabilities = np.zeros((len(clip), 4, *clip.frame_shape), np.float16)
    probabilities[:, 1] = np.where(truth.labels == 1, 0.6, 0.1)
    probabilities[:, 0] = 1 - probabilities[:, 1]
    labels = (probabilities[:, 1] > 0.5).astype(np.uint8)
    segmentation = Segmentation(labels, np.ones(len(clip), bool), "prediction")
    return Prediction(segmentation, probabilities, clip.clip_id, "id", "model", 0.1)


def show_all(session: Session, clip: EchoClip, truth: Segmentation) -> None:
    session.open_clip(clip, truth=truth)
    session.set_prediction(predict(clip, truth))
    params = HardnessParams()
    session.set_marks(*mark(session.prediction, truth, params), params)
    session.corrections.start("prediction", session.prediction, truth)


def role(layer: Layer) -> str:
    return str(layer.metadata[KEY]["role"])


def test_every_role_has_one_layer_in_its_place(
    viewer: ViewerModel,
    layers: ReviewLayers,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
) -> None:
    show_all(session, clip, truth)
    assert [role(x) for x in viewer.layers] == ["clip", "overlays", "correction"]
    assert {x.metadata[KEY]["clip_id"] for x in viewer.layers} == {clip.clip_id}
    # In mm, all on one grid, so that they lie on each other.
    extents = [x.extent.world[:, 1:] for x in viewer.layers]
    assert np.allclose(extents[0] + [[-0.4], [0.4]], [[-0.4, -0.4], [50.8, 57.2]])
    overlays = layers.find("overlays")
    for layer, extent in zip(viewer.layers, extents, strict=True):
        half = np.asarray(layer.scale[1:]) / 2
        # The overlays are as large as what is drawn.
        rows, columns = overlays.data.area if layer is overlays else (slice(0, 64), slice(0, 72))
        assert np.allclose(extent[0] - half, -0.4 + 0.8 * np.array([rows.start, columns.start]))
        assert np.allclose(extent[1] + half, -0.4 + 0.8 * np.array([rows.stop, columns.stop]))
    assert {str(x.units[1]) for x in viewer.layers} == {"millimeter"}


def test_layers_are_found_by_their_role_and_not_by_their_name(
    viewer: ViewerModel,
    layers: ReviewLayers,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
) -> None:
    show_all(session, clip, truth)
    before = list(viewer.layers)
    for layer in before:
        layer.name = "renamed"
    session.set_prediction(predict(clip, truth))
    session.set_marks(*mark(session.prediction, truth, HardnessParams()), HardnessParams())
    assert len(viewer.layers) == len(before)


def test_only_the_correction_can_be_painted_on(
    layers: ReviewLayers, session: Session, clip: EchoClip, truth: Segmentation
) -> None:
    show_all(session, clip, truth)
    assert not layers.find("overlays").editable
    assert layers.find("correction").editable
    assert layers.viewer.layers.selection.active is layers.find("correction")
    assert layers.find("correction").mode == "paint"
    assert "prediction" not in layers.showing.shown


def test_a_painted_frame_waits_to_be_committed_until_it_is_undone(
    layers: ReviewLayers, session: Session, clip: EchoClip, truth: Segmentation
) -> None:
    show_all(session, clip, truth)
    correction = layers.find("correction")
    layers.go_to(3)
    layers.draft.paint_with(2)
    correction.paint((3, 5, 5), correction.selected_label)
    assert session.corrections.uncommitted == (3,)
    assert correction.data[3, 5, 5] == 2
    assert session.prediction.segmentation.labels[3, 5, 5] == 0
    correction.undo()
    assert session.corrections.uncommitted == ()


def test_restoring_a_frame_can_be_undone(
    layers: ReviewLayers, session: Session, clip: EchoClip, truth: Segmentation
) -> None:
    show_all(session, clip, truth)
    correction = layers.find("correction")
    layers.go_to(3)
    correction.paint((3, 5, 5), 2)
    session.corrections.restore(3)
    assert session.corrections.uncommitted == ()
    assert np.array_equal(correction.data, session.prediction.segmentation.labels)
    correction.undo()
    assert session.corrections.uncommitted == (3,)
    assert correction.data[3, 5, 5] == 2
    correction.redo()
    assert np.array_equal(correction.data, session.prediction.segmentation.labels)
    assert correction.mode == "paint"


def test_undo_never_reaches_into_the_next_clip(
    viewer: ViewerModel,
    layers: ReviewLayers,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
) -> None:
    show_all(session, clip, truth)
    layers.find("correction").paint((0, 5, 5), 2)
    other = EchoClip.from_frames(clip.frames[::-1].copy(), spacing_mm=clip.spacing_mm)
    flipped = Segmentation(truth.labels[::-1].copy(), truth.annotated.copy(), "ground truth")
    show_all(session, other, flipped)
    assert {x.metadata[KEY]["clip_id"] for x in viewer.layers} == {other.clip_id}
    correction = layers.find("correction")
    correction.undo()
    assert np.array_equal(correction.data, session.prediction.segmentation.labels)


def test_the_layer_that_napari_opened_is_adopted(
    viewer: ViewerModel,
    layers: ReviewLayers,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    data, kwargs, kind = clip_layer_data(clip, truth=truth, key_frames=key_frames)
    assert kind == "image"
    opened = viewer.add_layer(Image(data, **kwargs))
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    assert layers.find("clip") is opened
    assert [role(x) for x in viewer.layers] == ["clip", "overlays"]
    # Napari puts the next one on top, where it would hide all that is drawn over it.
    again = EchoClip.from_frames(255 - clip.frames, fps=20.0, spacing_mm=None, study_id="again")
    data, kwargs, _ = clip_layer_data(again, truth=truth, key_frames=key_frames)
    viewer.add_layer(Image(data, **kwargs))
    session.open_clip(again, truth=truth, key_frames=key_frames)
    assert [role(x) for x in viewer.layers] == ["clip", "overlays"]
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    layers.go_to(6)
    layers.caption.write()
    assert viewer.canvas.overlays.text.text == "frame 6 / 11   0.30 s   ES"
    assert layers.showing.whose(6) == "truth (line)"


def test_caption_and_scale_bar_have_a_box_where_tissue_lies_behind_them(
    viewer: ViewerModel, layers: ReviewLayers, session: Session, clip: EchoClip
) -> None:
    session.open_clip(clip)
    written = (viewer.canvas.overlays.text, viewer.canvas.overlays.scale_bar)
    assert [overlay.visible for overlay in written] == [True, True]
    assert [overlay.box for overlay in written] == [False, False]
    viewer.scene.camera.zoom *= 2
    assert [overlay.box for overlay in written] == [True, True]
    viewer.reset_view()
    assert [overlay.box for overlay in written] == [False, False]
    viewer.canvas.background_color_override = "white"
    assert [overlay.box for overlay in written] == [True, True]
    viewer.canvas.background_color_override = "black"
    viewer.canvas.grid.enabled = True
    assert [overlay.box for overlay in written] == [True, True]
    viewer.canvas.grid.enabled = False
    layers.disconnect()
    viewer.scene.camera.zoom *= 2
    assert [overlay.box for overlay in written] == [False, False]


def test_the_layers_of_others_are_left_alone(
    viewer: ViewerModel,
    layers: ReviewLayers,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
) -> None:
    mine = viewer.add_labels(np.zeros(clip.frames.shape, np.uint8), name="Correction")
    show_all(session, clip, truth)
    session.close_clip()
    assert list(viewer.layers) == [mine]


def test_discarding_brings_the_prediction_back(
    layers: ReviewLayers, session: Session, clip: EchoClip, truth: Segmentation
) -> None:
    show_all(session, clip, truth)
    assert layers.find("clip").locked
    session.corrections.discard()
    assert layers.find("correction") is None
    assert "prediction" in layers.showing.shown
    assert not layers.find("clip").locked


def test_strokes_that_were_not_committed_outlive_the_review(
    viewer: ViewerModel,
    layers: ReviewLayers,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
) -> None:
    show_all(session, clip, truth)
    layers.find("correction").paint((0, 5, 5), 2)
    kept = layers.find("correction")
    layers.disconnect()
    # Another review of the same clip begins in the same viewer.
    session.open_clip(clip)
    ReviewLayers(viewer, session)._show_clip()
    assert kept in viewer.layers
    assert isinstance(kept, Labels)
    assert kept.data[0, 5, 5] == 2


def test_a_clip_without_spacing_is_shown_in_pixels(
    viewer: ViewerModel, layers: ReviewLayers, session: Session, clip: EchoClip
) -> None:
    session.open_clip(EchoClip.from_frames(clip.frames.copy()))
    assert tuple(layers.find("clip").scale) == (1.0, 1.0, 1.0)
    assert not viewer.canvas.overlays.scale_bar.visible


def test_structures_keep_their_colours(
    layers: ReviewLayers, session: Session, clip: EchoClip, truth: Segmentation
) -> None:
    show_all(session, clip, truth)
    drawn = layers.find("overlays").data.palette()
    corrected = layers.find("correction").colormap.color_dict
    levels = next(code for code, color in drawn.items() if np.isclose(color[3], FILL_OPACITY))
    for structure in CAMUS_SCHEMA.structures:
        red, green, blue = (int(structure.color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        assert np.allclose(corrected[structure.index][:3], (red, green, blue), atol=0.01)
        assert np.allclose(drawn[structure.index * levels][:3], (red, green, blue), atol=0.01)
