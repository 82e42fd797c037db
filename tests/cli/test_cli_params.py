"""Flags and the parameters that they stand for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.cli.params import predict_params
from napari_echo.cli.train import parse_cfg_options
from napari_echo.core.errors import EchoError
from napari_echo.core.params import PredictParams


def test_flags_that_are_not_given_keep_the_defaults() -> None:
    assert predict_params(engine=None, batch=None) == PredictParams()
    assert predict_params(engine="torch", batch=7) == PredictParams(engine="torch", batch=7)


def test_a_wrong_value_names_its_flag() -> None:
    with pytest.raises(EchoError, match=r"^--batch 0: .*greater than or equal to 1"):
        predict_params(batch=0)


def test_the_help_of_predict_says_what_the_parameters_say() -> None:
    text = CliRunner().invoke(app, ["predict", "--help"], env={"COLUMNS": "200"}).stdout
    lines = {name: line for line in text.splitlines() for name in re.findall(r"--(\w+)", line)}
    for name, field in PredictParams.model_fields.items():
        assert field.description is not None
        assert field.description.rstrip(".") in lines[name]
        assert f"[default: ({field.default})]" in lines[name]


def test_config_options_are_literals_or_text() -> None:
    options = ["train_cfg.max_iters=5", "size=(64, 64)", "name=pidnet-s", "a=b=c", "on=True"]
    assert parse_cfg_options(options) == {
        "train_cfg.max_iters": 5,
        "size": (64, 64),
        "name": "pidnet-s",
        "a": "b=c",
        "on": True,
    }


@pytest.mark.parametrize("option", ["max_iters", "=3"])
def test_a_config_option_without_a_key_or_value_is_refused(option: str) -> None:
    with pytest.raises(EchoError, match="KEY=VALUE"):
        parse_cfg_options([option])


def test_one_repeat_for_each_data_set(tmp_path: Path) -> None:
    command = ["train", "pidnet-s_2k_phantom", "--data", "clips", "--work-dir", str(tmp_path)]
    result = CliRunner().invoke(app, [*command, "--repeat", "1", "--repeat", "2"])
    assert result.exit_code == 1
    assert "--repeat" in result.stderr
    assert list(tmp_path.iterdir()) == []
