"""The keys of a review: one table, which napari's preferences show and change.

None of them is a key that napari uses on the viewer or on image, labels,
points or shapes layers; `tests/gui/test_keys.py` checks it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import KeyBindingLike
from napari.viewer import Viewer

if TYPE_CHECKING:
    from napari_echo.gui.review import EchoReview

PREFIX = "napari-echo"


@dataclass(frozen=True)
class KeyAction:
    """Something that a key does.

    Parameters
    ----------
    group : str
        Heading in the list of keys.
    name : str
        Short id, lower case with underscores.
    title : str
        What it does, for people.
    key : str
        The key until the user changes it, as napari writes keys ("Shift-J").
    run : callable
        Does it on a review.
    """

    group: str
    name: str
    title: str
    key: str
    run: Callable[[EchoReview], object]

    @property
    def id(self) -> str:
        """Its id among napari's actions."""
        return f"{PREFIX}:{self.name}"


ACTIONS: tuple[KeyAction, ...] = (
    # Going about
    KeyAction("Go", "next_clip", "Next clip", "N", lambda r: r.studying.step(1)),
    KeyAction("Go", "previous_clip", "Previous clip", "Shift-N", lambda r: r.studying.step(-1)),
    KeyAction("Go", "go_to_ed", "Go to ED", "J", lambda r: r.measures_panel.go("ED")),
    KeyAction("Go", "go_to_es", "Go to ES", "K", lambda r: r.measures_panel.go("ES")),
    KeyAction("Go", "next_beat", "Next beat", "Shift-B", lambda r: r.measures_panel.next_beat()),
    KeyAction(
        "Go",
        "studies",
        "Studies large, and back",
        "Shift-T",
        lambda r: r.studies_panel.large.click(),
    ),
    # ED and ES
    KeyAction(
        "ED and ES",
        "set_ed",
        "Make the frame on show ED",
        "Shift-J",
        lambda r: r.measures_panel.set_frame("ED"),
    ),
    KeyAction(
        "ED and ES",
        "set_es",
        "Make the frame on show ES",
        "Shift-K",
        lambda r: r.measures_panel.set_frame("ES"),
    ),
    # Overlays
    KeyAction("See", "truth", "Ground truth", "G", lambda r: r.legend.toggle("truth")),
    KeyAction("See", "prediction", "Prediction", "Q", lambda r: r.legend.toggle("prediction")),
    KeyAction("See", "difference", "Difference", "U", lambda r: r.legend.toggle("difference")),
    KeyAction("See", "heat_map", "Heat map", "H", lambda r: r.legend.toggle("hardness")),
    KeyAction(
        "See", "hard_pixels", "Hard pixels", "Shift-H", lambda r: r.legend.toggle("hard pixels")
    ),
    KeyAction(
        "See",
        "overlays",
        "All overlays off, and on again",
        "Shift-G",
        lambda r: r.layers.showing.toggle_all(),
    ),
    # Models
    KeyAction("Model", "predict", "Run the ticked models", "W", lambda r: r.verbs.predict()),
    KeyAction(
        "Model",
        "next_model",
        "Show the next model's prediction",
        "Shift-Q",
        lambda r: r.comparing.show_next(),
    ),
    KeyAction(
        "Model",
        "side_by_side",
        "Views side by side, on and off",
        "Shift-W",
        lambda r: r.comparing.toggle_grid(),
    ),
    # Correcting
    KeyAction(
        "Correct", "contour", "Drag the contour", "Shift-D", lambda r: r.contour_tool.toggle()
    ),
    KeyAction("Correct", "smooth", "Smooth the contour", "Shift-M", lambda r: r.editing.smooth()),
    KeyAction(
        "Correct",
        "copy_previous",
        "Copy the frame before",
        ",",
        lambda r: r.editing.copy_from(-1),
    ),
    KeyAction(
        "Correct",
        "copy_next",
        "Copy the next frame",
        ".",
        lambda r: r.editing.copy_from(1),
    ),
    KeyAction(
        "Correct",
        "propagate",
        "Propagate corrected frames, or drop them",
        "Shift-F",
        lambda r: r.propagating.toggle(),
    ),
    KeyAction(
        "Correct",
        "keep_propagation",
        "Keep what propagation shows",
        "Shift-Enter",
        lambda r: r.correct_panel.propagate.accept(),
    ),
    KeyAction(
        "Correct", "undo", "Undo a stroke", "Control-Z", lambda r: r.editing.corrections.undo()
    ),
    KeyAction(
        "Correct",
        "redo",
        "Do an undone stroke again",
        "Control-Shift-Z",
        lambda r: r.editing.corrections.redo(),
    ),
    # Verdicts
    KeyAction(
        "Verdict",
        "accept_pair",
        "Accept the ED/ES pair, next clip",
        "Shift-Y",
        lambda r: r.editing.give("accepted"),
    ),
    KeyAction(
        "Verdict",
        "reject",
        "Reject the clip, next clip",
        "Shift-X",
        lambda r: r.editing.give("rejected"),
    ),
    KeyAction(
        "Verdict",
        "second_reader",
        "Leave it to a second reader, next clip",
        "Shift-S",
        lambda r: r.editing.give("second reader"),
    ),
    KeyAction(
        "Verdict",
        "comment",
        "Write a comment",
        "Shift-C",
        lambda r: r.correct_panel.focus_comment(),
    ),
    KeyAction(
        "Verdict",
        "commit",
        "Commit, and stay on the clip",
        "Control-Enter",
        lambda r: r.editing.commit(),
    ),
    # Help
    KeyAction("Help", "keys", "List of keys", "/", lambda r: r.key_list.toggle()),
)


def register() -> None:
    """Tell napari of the keys; keys that the user chose in its preferences stay.

    Napari binds those as it makes a window, and warns of each action that it does
    not know by then.
    """
    chosen = get_settings().shortcuts.shortcuts
    for action in ACTIONS:
        action_manager.register_action(
            name=action.id,
            command=_command(action),
            description=f"Echo review: {action.title[:1].lower()}{action.title[1:]}",
            keymapprovider=ViewerModel,
        )
        if action.id not in chosen:
            action_manager.bind_shortcut(action.id, action.key)


def action(name: str) -> KeyAction:
    """Find an action by its name."""
    return next(action for action in ACTIONS if action.name == name)


def bound_keys(action_id: str) -> tuple[KeyBindingLike, ...]:
    """The keys that do something now, by its id among napari's actions."""
    return tuple(action_manager._shortcuts.get(action_id, ()))


def _command(action: KeyAction) -> Callable[[ViewerModel], None]:
    def run(viewer: ViewerModel) -> None:
        review = _review_in(viewer)
        if review is not None:
            review.verbs.later.go_on()
            action.run(review)

    return run


def _review_in(viewer: ViewerModel) -> EchoReview | None:
    from napari_echo.gui.review import EchoReview

    docked = viewer.window.dock_widgets.values() if isinstance(viewer, Viewer) else ()
    return next((widget for widget in docked if isinstance(widget, EchoReview)), None)
