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
    as_clips : bool
        Give each frame as a clip of one, as the segmentor of clips takes it.
    last_counts : bool
        Of a frame that several roots label, take the last root's label alone:
        there it was corrected.
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
        as_clips: bool = False,
        last_counts: bool = False,
        **kwargs: object,
    ) -> None:
        self.data_roots = [Path(root) for root in data_roots]
        self.repeats = list(repeats) if repeats is not None else [1] * len(self.data_roots)
        if len(self.repeats) != len(self.data_roots):
            raise EchoError("`repeats` needs one number for each of `data_roots`.")
        self.split = split
        self.n_classes = n_classes
        self.as_clips = as_clips
        self.last_counts = last_counts
        super().__init__(serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the labelled frames; their pixels stay on disk."""
        found: list[list[dict]] = []
        corrected: set[tuple[str, int]] = set()
        for root, times in reversed(list(zip(self.data_roots, self.repeats, strict=True))):
            clips = open_clipset(root)
            of_root: list[dict] = []
            for entry in clips.entries:
                if entry.split != self.split:
                    continue
                eds = {beat.ed for beat in entry.key_frames.beats}
                ess = {beat.es for beat in entry.key_frames.beats}
                for row, index in enumerate(entry.labelled_frames):
                    if self.last_counts and (entry.clip_id, index) in corrected:
                        continue
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
            corrected |= {(row["clip_id"], row["frame_index"]) for row in of_root}
            found.insert(0, of_root * times)
        rows = [row for of_root in found for row in of_root]
        if not rows:
            roots = ", ".join(str(root) for root in self.data_roots)
            raise EchoError(f"No frame of the split '{self.split}' is labelled in {roots}.")
        return rows

    def get_data_info(self, idx: int) -> dict:
        """One frame as arrays, in the terms of mmsegmentation's transforms."""
        info = copy.copy(self.data_list[idx])
        clips, entry, row = info.pop("clips"), info.pop("entry"), info.pop("row")
        labels = np.array(clips.labels(entry)[row])
        labels[(labels >= self.n_classes) & (labels != IGNORE)] = 0
        info["img"] = np.array(clips.frames(entry)[info["frame_index"]])
        info["gt_seg_map"] = labels
        hard = clips.hard_pixels(entry)
        if hard is not None:
            info["hard"] = np.array(hard[row])
        if self.as_clips:
            for key in {"img", "gt_seg_map", "hard"} & info.keys():
                info[key] = info[key][None]
            info["labelled"] = np.array([True])
            info["frame_indices"] = (info["frame_index"],)
            info["phases"] = (info["phase"],)
        info["img_shape"] = info["ori_shape"] = info["img"].shape
        info["seg_fields"] = ["gt_seg_map"]
        info["sample_idx"] = idx
        return info
