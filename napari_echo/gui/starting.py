"""What a correction starts from, and its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_echo.core.errors import EchoError
from napari_echo.gui.start_ahead import StartAhead
from napari_echo.gui.verbs import Verbs
from napari_echo.workflow.recipe import Made, Recipe
from napari_echo.workflow.starts import Choice, choices, recipe

if TYPE_CHECKING:
    from napari_echo.gui.layers import ReviewLayers


class Starting:
    """Begins corrections from what the reader chose.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    layers : ReviewLayers
        Its layers.

    Attributes
    ----------
    chosen : str
        Key of what a correction starts from (`workflow.starts.Choice.key`);
        empty or gone, the first there is.

    Signals
    -------
    changed()
        Something else is chosen.
    """

    changed = Signal()

    def __init__(self, verbs: Verbs, layers: ReviewLayers) -> None:
        self.verbs = verbs
        self.session = verbs.session
        self.corrections = verbs.session.corrections
        self.layers = layers
        self.chosen = ""
        self._held = False
        self.ahead = StartAhead(verbs.runner, self._next_recipe)
        for signal in (
            self.session.clip_changed,
            self.session.truth_changed,
            self.session.prediction_changed,
            self.corrections.draft_changed,
            self.corrections.revisions_changed,
            self.changed,
        ):
            signal.connect(self.ahead.prepare_soon)
        self.corrections.overtaken.connect(self._hold)
        self.corrections.draft_committed.connect(self._release)
        self.session.clip_changed.connect(self._forget)

    def choices(self) -> list[Choice]:
        """List what a correction of the open clip can start from."""
        return choices(self.session)

    def choice(self) -> Choice | None:
        """What the next correction starts from; None while no clip is open."""
        found = self.choices()
        return next((c for c in found if c.key == self.chosen), found[0] if found else None)

    def choose(self, key: str) -> None:
        """Start the next correction from something else."""
        self._held = False
        if key != self.chosen:
            self.chosen = key
            self.changed.emit()

    def _hold(self) -> None:
        """Start the next correction from what it would start from now.

        Labels that others commit meanwhile must not take its place unseen.
        """
        choice = self.choice()
        if choice is None or (choice.start == "nothing" and not self.chosen):
            return
        key = choice.key
        if key == "correction":
            key = f"{key} {self.corrections.heads[-1].revision_id}"
        if key != self.chosen:
            self.chosen, self._held = key, True

    def _forget(self) -> None:
        """Start from the first there is again: a choice is for the clip it was made on."""
        self.choose("")

    def _release(self) -> None:
        if self._held:
            self.chosen, self._held = "", False
            self.changed.emit()

    def begin(self) -> bool:
        """Make sure that a correction is open: start one from what is chosen."""
        if self.corrections.draft is not None:
            return True
        choice = self.choice()
        if choice is None:
            return self._refuse("Open a clip first.")
        try:
            self.corrections.start_from(*self._recipe(choice))
        except EchoError as error:
            return self._refuse(str(error))
        return True

    def _recipe(self, choice: Choice) -> tuple[Recipe, Made | None]:
        """What a draft is made of, and its copies where they are ready."""
        wanted = recipe(self.session, choice)
        return wanted, self.ahead.take(wanted)

    def _next_recipe(self) -> Recipe | None:
        """What the next correction is made of; None while one is open, or where nothing can be."""
        choice = self.choice()
        if self.corrections.draft is not None or choice is None:
            return None
        try:
            return recipe(self.session, choice)
        except EchoError:
            return None

    def shut_down(self) -> None:
        """Stop preparing."""
        self.ahead.shut_down()

    def _refuse(self, reason: str) -> bool:
        self.verbs.refused.emit(reason)
        return False
