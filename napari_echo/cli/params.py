"""Command-line flags become the parameters that a user edits."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from napari_echo.core.params import PredictParams, TrainParams

    Params = TypeVar("Params", bound=BaseModel)


def predict_params(**flags: object) -> PredictParams:
    """Check flags against `PredictParams`; a flag that is None keeps its default.

    Raises
    ------
    EchoError
        If a flag's value is not allowed.
    """
    from napari_echo.core.params import PredictParams

    return _checked(PredictParams, flags)


def train_params(**flags: object) -> TrainParams:
    """Check flags against `TrainParams`, as `predict_params` does."""
    from napari_echo.core.params import TrainParams

    return _checked(TrainParams, flags)


def _checked(kind: type[Params], flags: dict[str, object]) -> Params:
    from pydantic import ValidationError

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        flag = ".".join(map(str, first["loc"])).replace("_", "-")
        raise EchoError(f"--{flag} {first['input']}: {first['msg']}.") from error
