"""Retrain: a model learns from corrections, and takes the old one's place if it is no worse.

The work folder holds what is under way, so that the same request goes on where
it was stopped::

    WORK/plan.json           what was asked for, by content
    WORK/corrections/        the corrections as a clip data set, with hard pixels
    WORK/training/           checkpoints and logs
    WORK/training.log        what the training process wrote
    WORK/pack/               the new model
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_echo.core.ancestry import forks
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV
from napari_echo.io.clipset import ClipSet, open_clipset
from napari_echo.io.store import LabelStore
from napari_echo.io.writing import new_file, new_folder
from napari_echo.workflow import retrain_data as data
from napari_echo.workflow.evaluate import evaluate, labelled_entries
from napari_echo.workflow.export_choose import learned_revisions
from napari_echo.workflow.retrain_card import card_fields, data_used, write_measures
from napari_echo.workflow.retrain_process import train_in_process
from napari_echo.workflow.retrain_request import Request, Retrained, Stage, Step, Told
from napari_echo.workflow.retrain_verdict import compare_packs

if TYPE_CHECKING:
    from napari_echo.core.revision import Revision
    from napari_echo.ml.fine_tune import Plan
    from napari_echo.ml.packs import DataUsed, ModelPack
    from napari_echo.ml.predictor import Predictor

PLAN, CORRECTIONS, TRAINING, PACK = "plan.json", "corrections", "training", "pack"
_PLACES = 3  # that a message names
LOG, FAILURE, TRAINING_PLAN = "training.log", "failure.txt", "training.json"


def retrain(request: Request, on_step: Callable[[Step], None]) -> Retrained:
    """Train a model on with corrections and compare it with the one it came from.

    An exception, `KeyboardInterrupt` among them, cancels it: the training
    process is ended, and what is in the work folder stays for the next call
    with the same request, which goes on from there. A request of other content
    is refused there.

    Parameters
    ----------
    request : Request
        What is asked for.
    on_step : callable
        Told what is going on.

    Returns
    -------
    Retrained

    Raises
    ------
    EchoError
        If the data and the corrections do not fit the model or each other, the
        validation set holds what would be learned from, `out` exists, the work
        folder holds something else, or the training fails.
    """
    from napari_echo.ml.fine_tune import config_for
    from napari_echo.ml.packs import find_pack, open_pack
    from napari_echo.ml.predictor import make_predictor

    if request.out.exists():
        raise EchoError(f"{request.out} exists already; give the name of a new folder.")
    base = find_pack(request.base)
    config_for(base)
    size = request.params.size or base.card.input_size
    val = open_clipset(request.val)
    labelled_entries(val, request.split)
    old = [open_clipset(root) for root in request.data]
    for clips in old:
        data.check_structures(clips, base.schema, base.name)
    revisions = _revisions(request.labels)
    work = request.work
    plan = _plan(request, base, size, revisions, old, val)
    # Before the clips are searched for: a wrong work folder is told at once.
    _check_work_folder(work, plan)
    on_step(Stage("Looking for leaks", 0, 0))
    judged = data.shown_by(val, request.split)
    data.check_leaks((s for clips in old for s in data.shown_by(clips, data.TRAIN)), judged)
    if not request.found_only:
        data.check_leaks(data.shown_by_revisions(revisions), judged)
    predictor = make_predictor(base)
    found = None
    if not (work / CORRECTIONS).is_dir():
        found = _found(request, revisions, on_step)
        data.check_leaks(data.shown_by_revisions(found[0]), judged)
    _take_work_folder(work, plan)
    corrections = (
        _corrections(work / CORRECTIONS, *found, predictor, on_step)
        if found is not None
        else open_clipset(work / CORRECTIONS)
    )
    used = data_used(request, old, val, corrections)
    if not (work / PACK).is_dir():
        training = _training_plan(request, base, size, used, corrections, old, revisions)
        train_in_process(training, work / TRAINING_PLAN, work / LOG, on_step)
    new = open_pack(work / PACK)
    first, second = (
        evaluate(
            model,
            request.val,
            split=request.split,
            on_progress=lambda done, total, name=name: on_step(  # type: ignore[misc]
                Stage(f"Measuring {name}", done, total)
            ),
        )
        for name, model in ((base.name, predictor), (new.name, make_predictor(new)))
    )
    rows = compare_packs(first, second, val.schema.name_of(LV) or "", request.params)
    result = Retrained(not any(row.worse for row in rows), work / PACK, base.name, tuple(rows))
    new = write_measures(new, request, second, result)
    if not result.offered:
        return result
    with new_folder(request.out) as partial:
        shutil.copytree(new.path, partial, dirs_exist_ok=True)
    _clear(work)
    return Retrained(True, request.out, base.name, tuple(rows))


def _revisions(folder: Path) -> list[Revision]:
    if not folder.is_dir():
        raise EchoError(f"There is no label store at {folder}.")
    revisions = LabelStore(folder).revisions()
    if not learned_revisions(revisions):
        raise EchoError(f"The label store {folder} has no accepted or corrected frame to learn.")
    return revisions


def _plan(
    request: Request,
    base: ModelPack,
    size: int,
    revisions: Sequence[Revision],
    old: Sequence[ClipSet],
    val: ClipSet,
) -> dict[str, Any]:
    """What decides which model comes out, as JSON gives it back."""
    return {
        "base": base.id,
        "size": size,
        "params": request.params.model_dump(exclude={"dice_tolerance", "ef_tolerance"}),
        "revisions": sorted(revision.revision_id for revision in revisions),
        "data": [data.fingerprint(clips, data.TRAIN) for clips in old],
        "val": [request.split, data.fingerprint(val, request.split)],
    }


def _check_work_folder(work: Path, plan: dict[str, Any]) -> None:
    """Refuse a work folder that is neither empty nor that of the same plan."""
    known = work / PLAN
    if known.is_file():
        try:
            before = json.loads(known.read_text(encoding="utf-8"))
        except ValueError as error:
            raise EchoError(f"{known} is damaged: remove {work} and start again.") from error
        other = [name for name in plan if before.get(name) != plan[name]]
        if other:
            raise EchoError(
                f"{work} holds a retraining with other {' and '.join(other)}: give another "
                "--work-dir, or remove that folder."
            )
    elif work.is_dir() and any(work.iterdir()):
        raise EchoError(f"{work} holds something else than a retraining: give another --work-dir.")


def _take_work_folder(work: Path, plan: dict[str, Any]) -> None:
    """Begin in an empty folder, or go on in that of the same plan."""
    known = work / PLAN
    if known.is_file():
        for leftover in work.glob(".*partial-*"):  # of a process that was killed
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    else:
        with new_file(known, replace=False) as partial:
            partial.write_text(json.dumps(plan, indent=1), encoding="utf-8")


def _clear(work: Path) -> None:
    """Remove what was needed on the way, and nothing else."""
    for name in (CORRECTIONS, TRAINING, PACK):
        shutil.rmtree(work / name, ignore_errors=True)
    for name in (LOG, FAILURE, TRAINING_PLAN, PLAN):
        (work / name).unlink(missing_ok=True)
    if not any(work.iterdir()):
        work.rmdir()


def _found(
    request: Request, revisions: Sequence[Revision], on_step: Callable[[Step], None]
) -> tuple[Sequence[Revision], data.ClipFiles]:
    """Find the clips of what would be learned; and leave out what has none, where that is asked."""
    learned = set(learned_revisions(revisions))
    wanted = {revision.clip_id for revision in revisions if revision.revision_id in learned}
    clips = data.find_labelled(
        request.clips, wanted, _teller("Looking for the labelled clips", on_step)
    )
    lost = wanted - set(clips)
    if lost and request.found_only and len(lost) < len(wanted):
        on_step(Told(_left_out(len(lost), request.clips)))
        wanted -= lost
    return [revision for revision in revisions if revision.clip_id in wanted], clips


def _left_out(n: int, places: Sequence[Path]) -> str:
    """Say that labelled clips were not found, where they were looked for, and what to do."""
    more = f" and {len(places) - _PLACES} more places" if len(places) > _PLACES else ""
    where = ", ".join(str(place) for place in places[:_PLACES])
    which, them = ("clip is", "it") if n == 1 else ("clips are", "them")
    return (
        f"{n} labelled {which} left out, as no file shows {them} in {where}{more}. To learn from "
        f"{them}, too, open the folder that holds {them} (--clips), and start again."
    )


def _teller(what: str, on_step: Callable[[Step], None]) -> data.OnProgress:
    return lambda done, total: on_step(Stage(what, done, total))


def _corrections(
    out: Path,
    revisions: Sequence[Revision],
    clips: data.ClipFiles,
    predictor: Predictor,
    on_step: Callable[[Step], None],
) -> ClipSet:
    for fork in forks(revisions):
        on_step(
            Told(
                f"A clip of study {fork[0].study_id} has rival labels, of "
                f"{' and '.join(head.reader for head in fork)}: the latest are learned."
            )
        )
    return data.write_corrections(
        revisions, clips, predictor, out, _teller("Marking hard pixels", on_step)
    )


def _training_plan(
    request: Request,
    base: ModelPack,
    size: int,
    used: Sequence[DataUsed],
    corrections: ClipSet,
    old: Sequence[ClipSet],
    revisions: Sequence[Revision],
) -> Plan:
    from napari_echo.ml.fine_tune import Plan, config_for

    work = request.work.absolute()
    sets = [*old, corrections]
    return Plan(
        base=str(base.path.absolute()),
        datasets=[
            (clips.root.absolute(), each.repeat)
            for clips, each in zip(sets, used[:-1], strict=True)
        ],
        val=request.val.absolute(),
        split=request.split,
        config=config_for(base),
        size=size,
        params=request.params,
        work_dir=work / TRAINING,
        pack=work / PACK,
        description=card_fields(request, base, size, used, sets, revisions),
        bits=base.card.bits,
        failure=work / FAILURE,
    )
