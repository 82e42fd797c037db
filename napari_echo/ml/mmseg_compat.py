"""Import mmsegmentation beside mmcv-lite.

mmcv-lite has no compiled operators, yet importing `mmseg.models` asks for
`mmcv._ext`. A stub stands in while the import runs and is taken out again:
mmengine later probes for `mmcv._ext` and must not find one.
"""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from napari_echo.core.errors import EchoError


class _OpsStub(ModuleType):
    """Stands in for `mmcv._ext`; its operators say why they cannot run."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: object, **__: object) -> None:
            raise EchoError(
                f"The operator {name} needs the full mmcv; this installation has mmcv-lite."
            )

        return missing


def lacking() -> str:
    """Say in one sentence what is not installed of what training takes; empty where all is."""
    names = ("torch", "mmengine", "mmcv", "mmseg")
    missing = [name for name in names if find_spec(name) is None]
    return _sentence(f"no {', '.join(missing)}") if missing else ""


def need_torch() -> None:
    """Look for torch.

    Raises
    ------
    EchoError
        If it is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise EchoError(_sentence(error)) from error


def import_mmseg() -> None:
    """Import mmsegmentation's models, data sets, hooks and metrics, so that they are registered.

    Raises
    ------
    EchoError
        If torch or mmsegmentation is not installed.
    """
    try:
        stubbed = "mmcv._ext" not in sys.modules
        if stubbed:
            sys.modules["mmcv._ext"] = _OpsStub("mmcv._ext")
        try:
            import mmseg.models
        finally:
            if stubbed:
                del sys.modules["mmcv._ext"]
        import mmseg.datasets
        import mmseg.engine
        import mmseg.evaluation  # noqa: F401  (registers)
    except ImportError as error:
        raise EchoError(_sentence(error)) from error


def _sentence(why: object) -> str:
    return (
        f"Training and the torch engine need the extra packages ({why}); install them with: "
        'pip install "napari-echo[train]"'
    )


def use_mmseg() -> None:
    """Make mmsegmentation and this project's components ready for use.

    Imports `mmseg`, registers the ``Echo*`` components in its registries,
    and makes ``mmseg`` the default scope.

    Raises
    ------
    EchoError
        If torch or mmsegmentation is not installed.
    """
    import_mmseg()
    from mmengine.registry import init_default_scope

    from napari_echo.ml import (  # noqa: F401  (register)
        appearance,
        checkpoints,
        consistency,
        dataset,
        echo_metric,
        hooks,
        losses,
        optim,
        sync_norm,
        train_loop,
        transforms,
        video_dataset,
        visualization_hook,
    )
    from napari_echo.ml.models import (  # noqa: F401  (register)
        clip_segmentor,
        gated_propagation,
        heads,
        mean_teacher,
        pid_head,
        pidnet,
        preprocessor,
    )

    # mmsegmentation's own use of its own old names.
    warnings.filterwarnings("ignore", message="``build_loss`` would be deprecated")
    init_default_scope("mmseg")
