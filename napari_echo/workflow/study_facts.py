"""What is known of the clips that are listed, while they are."""

from __future__ import annotations

from collections.abc import Iterable, Set

from psygnal import Signal

from napari_echo.core.params import PredictParams
from napari_echo.workflow.facts import AnyFacts, ClipFacts, Facts
from napari_echo.workflow.facts_cache import FactsCache

__all__ = ["Facts", "FactsStore"]


class FactsStore:
    """The facts of the clips that are listed, on the main thread.

    Parameters
    ----------
    cache : FactsCache or None
        Where they are kept between sessions; None takes the user's.

    Signals
    -------
    changed(str)
        There are other facts of the clip of this key; of many clips where it is empty.
    """

    changed = Signal(str)

    def __init__(self, cache: FactsCache | None = None) -> None:
        self.cache = cache or FactsCache()
        self._settings = PredictParams().settings
        self._clips: dict[str, ClipFacts] = {}
        self._models: dict[tuple[str, str], dict[str, Facts]] = {}

    @property
    def settings(self) -> str:
        """With which settings models say what is asked for here."""
        return self._settings

    def use(self, settings: str) -> None:
        """Ask for what models say with other settings."""
        if settings != self._settings:
            self._settings = settings
            self.changed.emit("")

    def clip(self, key: str) -> ClipFacts | None:
        """What a clip shows by itself."""
        return self._clips.get(key)

    def get(self, key: str, model_id: str) -> Facts | None:
        """What a model says of a clip."""
        return self._of(model_id).get(key)

    def of_model(self, model_id: str) -> list[Facts]:
        """What a model says of the listed clips."""
        return list(self._of(model_id).values())

    def seen_by(self, model_id: str) -> Set[str]:
        """The keys of the clips that a model has seen."""
        return self._of(model_id).keys()

    def _of(self, model_id: str) -> dict[str, Facts]:
        return self._models.get((model_id, self._settings), {})

    def take(self, found: Iterable[AnyFacts]) -> None:
        """Take facts, in place of older ones."""
        keys = []
        for facts in found:
            if isinstance(facts, ClipFacts):
                self._clips[facts.key] = facts
            else:
                of_model = self._models.setdefault((facts.model_id, facts.settings), {})
                of_model[facts.key] = facts
            keys.append(facts.key)
        if keys:
            self.changed.emit(keys[0] if len(set(keys)) == 1 else "")

    def clear(self) -> None:
        """Forget the facts of a list that is no longer on show; the cache keeps them."""
        self._clips.clear()
        self._models.clear()
        self.changed.emit("")
