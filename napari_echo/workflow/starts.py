"""What a correction of the open clip can start from. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_echo.core.revision import Revision
from napari_echo.workflow.recipe import Recipe, Start

if TYPE_CHECKING:
    from napari_echo.workflow.session import Session


@dataclass(frozen=True, eq=False)
class Choice:
    """Something to start from.

    Parameters
    ----------
    start : Start
        What kind of thing.
    model_id : str
        The model, of a prediction.
    revision : Revision or None
        The revision, where a correction goes on from one of several.
    """

    start: Start
    model_id: str = ""
    revision: Revision | None = None
    name: str = ""

    @property
    def key(self) -> str:
        """Names it: the kind alone, or with the id of the model or the revision."""
        which = self.revision.revision_id if self.revision is not None else self.model_id
        return f"{self.start} {which}".strip()


def choices(session: Session) -> list[Choice]:
    """List what a correction can start from, the likeliest first.

    What was committed comes first, then the prediction on show, those of other
    models, the truth, nothing, and at last every other revision, the newest
    first.
    """
    found: list[Choice] = []
    if session.clip is None:
        return found
    corrections = session.corrections
    heads = list(reversed(corrections.heads))
    if len(heads) == 1:
        found.append(Choice("correction"))
    else:
        found += [Choice("correction", revision=head) for head in heads]
    shown = session.prediction
    if shown is not None:
        found.append(Choice("prediction", name=shown.model_name))
        found += [
            Choice("prediction", model_id=model_id, name=other.model_name)
            for model_id, other in session.predictions.items()
            if other is not shown
        ]
    if session.truth is not None:
        found.append(Choice("truth"))
    found.append(Choice("nothing"))
    latest = {head.revision_id for head in heads}
    found += [
        Choice("correction", revision=revision)
        for revision in reversed(corrections.revisions)
        if revision.revision_id not in latest
    ]
    return found


def begun(session: Session) -> Choice | None:
    """What the open correction started from, be it still there or not; None without one."""
    corrections = session.corrections
    if corrections.draft is None:
        return None
    base = corrections.draft.base
    if base.kind == "truth" or base.kind == "nothing":
        return Choice(base.kind)
    if base.kind == "model":
        shown = session.prediction
        if shown is not None and shown.model_id == base.id:
            return Choice("prediction", name=shown.model_name)
        name = next((pack.name for pack in session.packs if pack.id == base.id), base.id[:12])
        return Choice("prediction", model_id=base.id, name=name)
    if [head.revision_id for head in corrections.heads] == [base.id]:
        return Choice("correction")
    known = {revision.revision_id: revision for revision in corrections.revisions}
    return Choice("correction", revision=known.get(base.id))


def recipe(session: Session, choice: Choice) -> Recipe:
    """Say what a draft from a choice is made of.

    Raises
    ------
    EchoError
        If it is no longer there.
    """
    prediction = session.predictions.get(choice.model_id, session.prediction)
    return session.corrections.recipe(
        choice.start,
        prediction,
        session.truth,
        head=choice.revision.revision_id if choice.revision is not None else None,
        schema=session.schema,
    )
