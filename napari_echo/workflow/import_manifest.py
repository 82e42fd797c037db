"""What the manifest of an export says of its clips, for labels that come back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.json_fields import key_frames_from_dict
from napari_echo.workflow.export_splits import MANIFEST


def read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """What the manifest of an export says of each clip, by its name there and by its files."""
    manifest = (path if path.is_dir() else path.parent) / MANIFEST
    if not manifest.is_file():
        return {}
    try:
        data = json.loads(manifest.read_text(encoding="utf-8"))
        schemas = {name: LabelSchema.from_dict(schema) for name, schema in data["schemas"].items()}
        about: dict[str, dict[str, Any]] = {}
        for clip in data["clips"]:
            known = {
                "clip_id": str(clip["clip_id"]),
                "study_id": str(clip["study_id"]),
                "schema": schemas[clip["schema"]],
                "key_frames": key_frames_from_dict(clip["key_frames"], 1 << 30),
            }
            about.update(dict.fromkeys((clip["name"], *clip["files"]), known))
        return about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EchoError(f"{manifest} is damaged: {error!r}; delete it to do without.") from error


def with_manifest(labels: ForeignLabels, about: dict[str, dict[str, Any]]) -> ForeignLabels:
    """Add what the format cannot say itself."""
    known = about.get(labels.name)
    if known is None:
        return labels
    key_frames = labels.key_frames
    if key_frames is None and labels.frames is not None:
        key_frames = known["key_frames"]
    schema: LabelSchema = known["schema"]
    # CAMUS's files do not tell that only the LV was labelled; EchoNet's hold no more than the LV.
    if not {s.index for s in schema.structures} <= {s.index for s in labels.schema.structures}:
        schema = labels.schema
    return replace(
        labels,
        clip_id=labels.clip_id or known["clip_id"],
        study_id=labels.study_id or known["study_id"],
        key_frames=key_frames,
        schema=schema,
    )
