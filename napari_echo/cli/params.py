"""Command-line flags become the parameters that a user edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from napari_echo.core.params import PredictParams


def predict_params(**flags: object) -> PredictParams:
    """Check flags against `PredictParams`; a flag that is None keeps its default.

    Raises
    ------
    EchoError
        If a flag's value is not allowed.
    """
    from pydantic import ValidationError

    from napari_echo.core.params import PredictParams

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return PredictParams.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        flag = ".".join(map(str, first["loc"]))
        raise EchoError(f"--{flag} {first['input']}: {first['msg']}.") from error
