"""The labelled frames of clip data sets, registered in mmsegmentation."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import IGNORE
from napari_echo.io.clipset import open_clipset


@DATASETS.register_module()
class EchoFrameDataset(BaseDataset):
    """One sample a labelled frame of one or several clip data sets.

    Parameters
    ----------
    data_roots : sequence of str
        Folders written by `napari_echo.io.clipset.write_clipset`.
    split : str
        The split to take: ``"train"``, ``"val"`` or ``"test"``.
    repeats : sequence of int, optional
        How often each root's frames are listed, to balance unequal sets.
    n_classes : int
        Labels from here on become background, so that a model of the LV
        alone can learn from a set with more structures.
    **kwargs
        Passed to mmengine's ``BaseDataset``: ``pipeline``, ``test_mode``,
        ``indices`` ...

    Raises
    ------
    EchoError
        If no frame of the split is labelled.
    """

    METAINFO = {"classes": ("background", "LV cavity", "myocardium", "left atrium")}

    def __init__(
        self,
        data_roots: Sequence[str],
        split: str = "train",
        repeats: Sequence[int] | None = None,
        n_classes: int = 4,
        **kwargs: object,
    ) -> None:
        self.data_roots = [Path(root) for root in data_roots]
        self.repeats = list(repeats) if repeats is not None else [1] * len(self.data_roots)
        if len(self.repeats) != len(self.data_roots):
            raise EchoError("`repeats` needs one number for each of `data_roots`.")
        self.split = split
        self.n_classes = n_classes
        super().__init__(serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the labelled frames; their pixels stay on disk."""
        rows: list[dict] = []
        for root, times in zip(self.data_roots, self.repeats, strict=True):
            clips = open_clipset(root)
            of_root: list[dict] = []
            for entry in clips.entries:
                if entry.split != self.split:
                    continue
                eds = {beat.ed for beat in entry.key_frames.beats}
                ess = {beat.es for beat in entry.key_frames.beats}
                for row, index in enumerate(entry.labelled_frames):
                    phase = "ed" if index in eds else "es" if index in ess else "between"
                    of_root.append(
                        {
                            # Mapped when it is asked for: a map holds a file open, and
                            # systems allow a thousand of them.
                            "clips": clips,
                            "entry": entry,
                            "row": row,
                            "phase": phase,
                            "study_id": entry.study_id,
                            "clip_id": entry.clip_id,
                            "spacing_mm": entry.spacing_mm,
                            "frame_index": int(index),
                        }
                    )
            rows.extend(of_root * times)
        if not rows:
            roots = ", ".join(str(root) for root in self.data_roots)
            raise EchoError(f"No frame of the split '{self.split}' is labelled in {roots}.")
        return rows

    def get_data_info(self, idx: int) -> dict:
        """One frame as arrays, in the terms of mmsegmentation's transforms."""
        info = copy.copy(self.data_list[idx])
        clips, entry = info.pop("clips"), info.pop("entry")
        labels = np.array(clips.labels(entry)[info.pop("row")])
        labels[(labels >= self.n_classes) & (labels != IGNORE)] = 0
        info["img"] = np.array(clips.frames(entry)[info["frame_index"]])
        info["gt_seg_map"] = labels
        info["img_shape"] = info["ori_shape"] = info["img"].shape
        info["seg_fields"] = ["gt_seg_map"]
        info["sample_idx"] = idx
        return info
