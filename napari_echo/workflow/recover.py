"""Recover: uncommitted edits of a journal become a draft again."""

from __future__ import annotations

from dataclasses import dataclass

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.camus_layout import es_still
from napari_echo.workflow.draft import Draft
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.journal_replay import Replay


@dataclass(frozen=True, eq=False)
class Recovered:
    """What a journal told, and the draft that goes on with it."""

    replay: Replay
    draft: Draft


def recover(journals: JournalFolder, replay: Replay, clip: EchoClip) -> Recovered:
    """Go on with the uncommitted edits of a clip.

    The journal is locked and written on from here; nothing of it is lost if
    the draft never gets to a reader.

    Raises
    ------
    EchoError
        If the edits belong to other pixels, or someone else took them up.
    """
    journal = journals.take_up(replay, clip)
    draft = Draft(
        replay.labels(),
        replay.baseline(),
        replay.base,
        replay.schema,
        started=replay.started,
        spent=replay.spent,
        accepted=set(replay.accepted),
        history=replay.history,
        journal=journal,
    )
    draft.adopt()
    return Recovered(replay, draft)


def foreign(waiting: list[Replay], clip: EchoClip) -> list[str]:
    """Say which edits were made on this clip's file when it held other pixels.

    Returns
    -------
    list of str
        A sentence each, with both hashes.
    """
    source = None if clip.source is None else clip.source.absolute()
    told = []
    for replay in waiting:
        if source is not None and es_still(source) is not None and len(clip) != replay.shape[0]:
            continue  # a still alone, and with the other one, are two clips of one file
        if replay.clip_id == clip.clip_id or (source is not None and replay.source == source):
            try:
                replay.check(clip)
            except EchoError as error:
                told.append(str(error))
    return told
