"""The shipped training configs."""

from __future__ import annotations

import ast
from difflib import get_close_matches
from pathlib import Path

from napari_echo.core.errors import EchoError

CONFIG_DIR = Path(__file__).parent / "configs"


def list_configs() -> dict[str, str]:
    """Names of the shipped configs, each with one line that says what it is."""
    found = {}
    for path in sorted(CONFIG_DIR.glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.stem] = doc.partition("\n")[0]
    return found


def find_config(config: str | Path) -> Path:
    """The file of a config, given by its name or its path.

    Raises
    ------
    EchoError
        If there is no such config; the message names those that read like it.
    """
    path = Path(config)
    if path.suffix == ".py" and path.is_file():
        return path
    shipped = CONFIG_DIR / f"{path.name}.py"
    if path.suffix == "" and shipped.is_file():
        return shipped
    # Not all of them: there are some two hundred.
    alike = " or ".join(get_close_matches(path.name, list_configs(), n=3, cutoff=0.5))
    meant = f"did you mean {alike}? " if alike else ""
    raise EchoError(
        f"There is no training config '{config}': {meant}`napari-echo models configs` lists them."
    )
