"""Measuring a checkpoint by mmengine's test loop."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_echo.core.errors import EchoError
from napari_echo.ml.training import load_config


def run_test(
    config: str | Path,
    checkpoint: Path,
    *,
    data_roots: Sequence[Path] = (),
    split: str = "val",
    show_dir: Path | None = None,
    interval: int = 1,
    cfg_options: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Measure a checkpoint on a split, on the model's square.

    Parameters
    ----------
    config : str or Path
        Name of a shipped config, or a file.
    checkpoint : Path
        Checkpoint of a training by that config.
    data_roots : sequence of Path
        Clip data sets to measure on, in place of the config's.
    split : str
        The split of these.
    show_dir : Path, optional
        Folder for pictures of the prediction over the truth.
    interval : int
        Draw each `interval`-th clip.
    cfg_options : mapping, optional
        Values of the config to replace, by dotted key.

    Returns
    -------
    dict of str to float
        What `EchoMetric` reports, without its prefix.

    Raises
    ------
    EchoError
        If the config, the checkpoint or the data are missing, or do not fit.
    """
    from napari_echo.io.clipset import open_clipset
    from napari_echo.ml.checkpoints import load_weights
    from napari_echo.ml.distributed import joined
    from napari_echo.ml.mmseg_compat import use_mmseg

    cfg = load_config(config, cfg_options)
    loader = copy.deepcopy(cfg.val_dataloader)
    if data_roots:
        loader.dataset.data_roots = [str(root) for root in data_roots]
        loader.dataset.pop("repeats", None)
    loader.dataset.split = split
    for root in loader.dataset.get("data_roots", ()):
        open_clipset(Path(root))
    if not checkpoint.is_file():
        raise EchoError(f"There is no checkpoint {checkpoint}.")
    weights = load_weights(checkpoint)
    evaluator = cfg.get("test_evaluator") or {**cfg.val_evaluator, "full": True}
    use_mmseg()
    import torch
    from mmengine.runner import load_state_dict

    from napari_echo.ml.runner import EchoRunner, set_launcher

    with tempfile.TemporaryDirectory(prefix="napari-echo-") as scratch, joined():
        drawing = {"type": "SegNpyVisualizationHook", "draw": show_dir is not None}
        test = {
            "model": cfg.model,
            "default_scope": "mmseg",
            "work_dir": scratch,
            "log_level": "ERROR",
            "experiment_name": Path(scratch).name,
            "randomness": {"seed": 0},
            "test_dataloader": loader,
            "test_cfg": {"type": "TestLoop"},
            "test_evaluator": evaluator,
            "custom_hooks": [{**drawing, "interval": interval}],
            "visualizer": {
                "type": "Visualizer",
                "vis_backends": [
                    {
                        "type": "LocalVisBackend",
                        "save_dir": str(show_dir or scratch),
                        "img_save_dir": ".",
                    }
                ],
                "save_dir": str(show_dir or scratch),
            },
        }
        test = type(cfg)(test)
        set_launcher(test)
        runner = EchoRunner.from_cfg(test)
        model = getattr(runner.model, "module", runner.model)
        wrong = set(model.state_dict()) ^ set(weights)
        if wrong:
            raise EchoError(
                f"{checkpoint} was not trained by the config {config}: they differ in "
                f"{', '.join(sorted(wrong)[:3])}."
            )
        load_state_dict(model, weights, strict=True)
        model.to(memory_format=torch.channels_last)
        metrics = runner.test()
    return {key.rpartition("/")[2]: value for key, value in metrics.items()}
