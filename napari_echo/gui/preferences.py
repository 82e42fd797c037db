"""What a reader chose last, kept for the next time; a damaged file of settings is ignored.

The review's own choices (model, how models run, reader, label store, hardness,
reading blind) are kept where the window made its session, not where a demo or a
script handed one in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import QSettings

from napari_echo.core.params import HardnessParams, PredictParams
from napari_echo.io.store import LabelStore

if TYPE_CHECKING:
    from napari_echo.gui.review import EchoReview
    from napari_echo.workflow.session import Session

MODEL, READER, STORE, HARDNESS = "review/model", "review/reader", "review/store", "review/hardness"
PREDICT = "review/predict"
BLIND, REPEATS = "readers/blind", "readers/repeats"
SHARE, SEED = "readers/share", "readers/seed"
QUANTITY, FOLDED = "window/quantity", "window/folded"
SLOTS = "review/model_colors"


def preferences() -> QSettings:
    """Open the file of what a reader chose last, in the user's folder of settings."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-echo", "review")


def read_text(name: str, default: str = "") -> str:
    """Read a preference; the default where there is none, or it is damaged."""
    value = preferences().value(name, default)
    return value if isinstance(value, str) else default


def read_flag(name: str, default: bool = False) -> bool:
    """Read a switch."""
    return {"true": True, "false": False}.get(read_text(name).lower(), default)


def read_number(name: str, default: int, least: int, most: int) -> int:
    """Read a whole number within limits."""
    try:
        value = int(read_text(name, str(default)))
    except ValueError:
        return default
    return value if least <= value <= most else default


def write(name: str, value: str | bool | int) -> None:
    """Keep a preference."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if read_text(name) != text:
        preferences().setValue(name, text)


def read_folded() -> dict[str, bool]:
    """Which sections were folded, by their titles without numbers."""
    try:
        found = json.loads(read_text(FOLDED, "{}"))
    except ValueError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, bool)} if _is_map(found) else {}


def write_folded(folded: Mapping[str, bool]) -> None:
    """Keep which sections are folded."""
    write(FOLDED, json.dumps(dict(folded)))


def read_slots() -> dict[str, int]:
    """Which place each model had among the colours, by its id."""
    try:
        found = json.loads(read_text(SLOTS, "{}"))
    except ValueError:
        return {}
    return {k: v for k, v in found.items() if isinstance(v, int)} if _is_map(found) else {}


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def restore(session: Session) -> None:
    """Choose again what was chosen last; what is not there any more is passed over."""
    session.take_slots(read_slots())
    pack = next((p for p in session.packs if p.id == read_text(MODEL)), None)
    if pack is not None:
        session.choose_pack(pack)
    with suppress(ValidationError):
        session.set_predict_params(PredictParams.model_validate_json(read_text(PREDICT, "{}")))
    reader = read_text(READER).strip()
    if reader:
        session.reader = session.corrections.reader = reader
    store = read_text(STORE)
    if store:
        # Also one that is not there: it tells so, and labels do not go elsewhere unnoticed.
        session.corrections.set_store(LabelStore(Path(store)))
    with suppress(ValidationError):
        session.hardness_params = HardnessParams.model_validate_json(read_text(HARDNESS, "{}"))
    session.blind.switch(read_flag(BLIND))


def keep(review: EchoReview, *, everything: bool) -> None:
    """Keep what the reader of a window chooses from now on.

    Parameters
    ----------
    review : EchoReview
        The window.
    everything : bool
        Whether the review's own choices are kept, too, or only the window's.
    """
    session, corrections = review.session, review.session.corrections
    quantity = review.curves.quantity
    quantity.setCurrentIndex(max(quantity.findText(read_text(QUANTITY)), 0))
    review.curves.refresh()
    quantity.activated.connect(lambda _: write(QUANTITY, quantity.currentText()))
    if not everything:
        return

    def keep_model() -> None:
        if session.pack is not None:
            write(MODEL, session.pack.id)
        write(SLOTS, json.dumps(dict(session.slots)))

    def keep_store() -> None:
        if corrections.store is not None:
            write(STORE, str(corrections.store.path.absolute()))

    session.model_changed.connect(keep_model)
    corrections.store_changed.connect(keep_store)
    session.marks_changed.connect(
        lambda: write(HARDNESS, session.hardness_params.model_dump_json())
    )
    review.model_panel.settings_chosen.connect(
        lambda: write(PREDICT, session.predict_params.model_dump_json())
    )
    session.blind.changed.connect(lambda: write(BLIND, session.blind.on))
    review.correct_panel.reader.editingFinished.connect(
        lambda: write(READER, review.correct_panel.reader.text().strip())
    )
