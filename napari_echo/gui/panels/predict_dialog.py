"""The dialog of how the models run: a field for each of `PredictParams`."""

from __future__ import annotations

import json
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QSpinBox, QWidget

from napari_echo.core.params import PredictParams
from napari_echo.gui.panels.dialog import FormDialog
from napari_echo.ml.mmseg_compat import lacking

_ABOUT: dict[str, dict[str, Any]] = PredictParams.model_json_schema()["properties"]


class PredictDialog(FormDialog):
    """Asks how the models run; its fields, words and limits are those of `PredictParams`.

    Parameters
    ----------
    params : PredictParams
        How they run now.
    ahead : bool
        Whether they run on the next clip, too.

    Attributes
    ----------
    ahead : QCheckBox
        Whether they are to.
    """

    def __init__(
        self, params: PredictParams, *, ahead: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__("How the models run", "Use", "Run them so from the next Run on.", parent)
        self.before = params
        self.fields: dict[str, QWidget] = {}
        for name, about in _ABOUT.items():
            field = self.fields[name] = _field(about, getattr(params, name))
            self.add_field(about["title"], field, about["description"])
            for signal in ("currentIndexChanged", "toggled", "valueChanged"):
                if hasattr(field, signal):
                    getattr(field, signal).connect(self.check)
        self.ahead = QCheckBox("Run them on the next clip, too, while this one is looked at.")
        self.ahead.setChecked(ahead)
        self.add_field(
            "Ahead",
            self.ahead,
            "Once all that are ticked ran on this clip; what they say is there when it opens.",
        )
        self.check()

    def check(self) -> None:
        """Let OK be pressed or say why it cannot be, and what becomes of what was said before."""
        super().check()
        if self.ok.isEnabled() and self.params().settings != self.before.settings:
            self.why.setText(
                "What models said with other settings is no longer shown then: run or scan again."
            )

    def obstacle(self) -> str:
        """Say in one sentence why they cannot run so; empty where they can, it seems."""
        return lacking() if self.params().engine == "torch" else ""

    def params(self) -> PredictParams:
        """Read the parameters off the fields."""
        return PredictParams(**{name: _value(field) for name, field in self.fields.items()})


def unusual(params: PredictParams) -> str:
    """Name what is not as usual of the settings that change what a model says: "torch, mirror"."""
    usual, now = (json.loads(each.settings) for each in (PredictParams(), params))
    other = {name: value for name, value in now.items() if value != usual[name]}
    # A choice is known by its word.
    return ", ".join(v if isinstance(v, str) else _named(name, v) for name, v in other.items())


def every(params: PredictParams) -> str:
    """Name all settings: "engine onnx, batch 4, no mirror"."""
    return ", ".join(_named(name, value) for name, value in params.model_dump().items())


def _named(name: str, value: Any) -> str:
    title = _ABOUT[name]["title"].lower()
    if isinstance(value, bool):
        return title if value else f"no {title}"
    return f"{title} {value}"


def _field(about: dict[str, Any], value: Any) -> QWidget:
    """Make the field of a parameter: a choice, a switch or a whole number within its limits."""
    if "enum" in about:
        choice = QComboBox()
        choice.addItems(about["enum"])
        choice.setCurrentText(value)
        return choice
    if about["type"] == "boolean":
        # There is room for what it does.
        switch = QCheckBox(about["description"])
        switch.setChecked(value)
        return switch
    number = QSpinBox()
    number.setRange(about["minimum"], about["maximum"])
    number.setValue(value)
    return number


def _value(field: QWidget) -> Any:
    if isinstance(field, QComboBox):
        return field.currentText()
    return field.isChecked() if isinstance(field, QCheckBox) else field.value()  # type: ignore[attr-defined]
