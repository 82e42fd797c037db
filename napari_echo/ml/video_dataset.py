"""Clips of K frames from clip data sets, any of them labelled; registered in mmsegmentation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS
from mmseg.registry import DATASETS
from torch.utils.data import Sampler

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.core.labels import IGNORE
from napari_echo.io.clipset import ClipEntry, open_clipset


def labelled_patients(study_ids: Sequence[str], ratio: float, seed: int) -> set[str]:
    """Choose the patients whose labels may be used.

    Patients are ranked by a hash of their id and the seed, so that the choice
    does not depend on order, and a smaller ratio's patients are among those of
    every larger one.

    Parameters
    ----------
    study_ids : sequence of str
        All patients; repeats count once.
    ratio : float
        Share to choose, 0 to 1; at least one patient where it is above 0.
    seed : int
        Another seed, other patients.
    """
    patients = sorted(
        set(study_ids), key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()
    )
    count = 0 if ratio <= 0 else max(1, round(ratio * len(patients)))
    return set(patients[:count])


@DATASETS.register_module()
class EchoVideoDataset(BaseDataset):
    """One sample a clip: K frames from ED to ES of its first labelled beat.

    The frames are spread evenly from ED to ES, both included, so that ED comes
    first also where the clip was recorded from ES to ED.

    Parameters
    ----------
    data_roots : sequence of str
        Folders of clip data sets.
    split : str
        ``"train"``, ``"val"`` or ``"test"``.
    n_frames : int
        K, at least 2; with 2 the labelled ED and ES alone.
    labels : {"key", "all"}
        Labels of ED and ES alone, 255 in the other frames; or of every frame
        that is labelled, for measuring.
    label_ratio : float or sequence of float
        Share of the patients whose labels are used, of all sets or each; the
        labels of the others are hidden. 0 uses none of a set's.
    ratio_seed : int
        Chooses the patients.
    keep_unlabelled : bool
        List the patients without labels too, for semi-supervised training.
    repeats : sequence of int, optional
        How often each root's clips are listed.
    n_classes : int
        Labels from here on become background.
    **kwargs
        Passed to mmengine's ``BaseDataset``.

    Raises
    ------
    EchoError
        If an argument is out of range or no clip of the split has a beat.
    """

    METAINFO = {"classes": ("background", "LV cavity", "myocardium", "left atrium")}

    def __init__(
        self,
        data_roots: Sequence[str],
        split: str = "train",
        n_frames: int = 10,
        labels: Literal["key", "all"] = "key",
        label_ratio: float | Sequence[float] = 1.0,
        ratio_seed: int = 0,
        keep_unlabelled: bool = True,
        repeats: Sequence[int] | None = None,
        n_classes: int = 4,
        **kwargs: object,
    ) -> None:
        self.data_roots = [Path(root) for root in data_roots]
        many = isinstance(label_ratio, (int, float))
        self.ratios = [label_ratio] * len(self.data_roots) if many else list(label_ratio)
        self.repeats = list(repeats) if repeats is not None else [1] * len(self.data_roots)
        if {len(self.ratios), len(self.repeats)} != {len(self.data_roots)}:
            raise EchoError("`label_ratio` and `repeats` need one number for each of `data_roots`.")
        if any(not 0 <= ratio <= 1 for ratio in self.ratios):
            raise EchoError(f"`label_ratio` needs to be from 0 to 1, not {label_ratio}.")
        if n_frames < 2:
            raise EchoError(f"A clip needs at least 2 frames, not {n_frames}.")
        self.split = split
        self.n_frames = n_frames
        self.which_labels = labels
        self.ratio_seed = ratio_seed
        self.keep_unlabelled = keep_unlabelled
        self.n_classes = n_classes
        super().__init__(serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the clips; their pixels stay on disk."""
        rows: list[dict] = []
        for root, ratio, times in zip(self.data_roots, self.ratios, self.repeats, strict=True):
            clips = open_clipset(root)
            found = [(e, e.labelled_beat) for e in clips.entries if e.split == self.split]
            found = [(entry, beat) for entry, beat in found if beat is not None]
            chosen = labelled_patients([e.study_id for e, _ in found], ratio, self.ratio_seed)
            of_root = [
                # Mapped when it is asked for: a map holds a file open.
                {"clips": clips, "entry": entry, "beat": beat, "known": entry.study_id in chosen}
                for entry, beat in found
                if self.keep_unlabelled or entry.study_id in chosen
            ]
            rows.extend(of_root * times)
        if not rows:
            roots = ", ".join(str(root) for root in self.data_roots)
            raise EchoError(
                f"No clip of the split '{self.split}' has a beat labelled at ED and ES in {roots}."
            )
        return rows

    @property
    def known(self) -> list[bool]:
        """Which samples carry labels, in their order."""
        return [row["known"] for row in self.data_list]

    def get_data_info(self, idx: int) -> dict:
        """One clip as arrays: ``img`` and ``gt_seg_map``, each (K, H, W) of uint8."""
        row = self.data_list[idx]
        entry: ClipEntry = row["entry"]
        beat: Beat = row["beat"]
        frames = np.rint(np.linspace(beat.ed, beat.es, self.n_frames)).astype(int)
        # Ends are exact; in a beat shorter than K its frames come repeatedly.
        place = np.linspace(0.0, 1.0, self.n_frames)
        labels = np.full((self.n_frames, *entry.shape[1:]), IGNORE, np.uint8)
        stored = row["clips"].labels(entry)
        for k, frame in enumerate(frames):
            wanted = self.which_labels == "all" or k in (0, self.n_frames - 1)
            if row["known"] and wanted and frame in entry.labelled_frames:
                labels[k] = stored[entry.labelled_frames.index(frame)]
        labels[(labels >= self.n_classes) & (labels != IGNORE)] = 0
        phases = ["between"] * self.n_frames
        phases[0], phases[-1] = "ed", "es"
        return {
            "img": np.array(row["clips"].frames(entry)[frames]),
            "gt_seg_map": labels,
            "study_id": entry.study_id,
            "frame_indices": tuple(int(f) for f in frames),
            "phases": tuple(phases),
            "places": tuple(float(p) for p in place),
            "labelled": (labels != IGNORE).any(axis=(1, 2)),
            "spacing_mm": entry.spacing_mm,
            "sample_idx": idx,
        }


@DATA_SAMPLERS.register_module()
class EchoHalfLabelledSampler(Sampler):
    """An endless order in which labelled and unlabelled clips take turns.

    Every batch of an even size is half labelled however few labels there are.
    Where one kind is missing the other fills its place.

    Parameters
    ----------
    dataset : EchoVideoDataset
        Its `known` tells the labelled from the others.
    shuffle : bool
        Draw the orders anew at each turn; required by mmengine's interface.
    seed : int, optional
        Of the orders.
    """

    def __init__(
        self, dataset: EchoVideoDataset, shuffle: bool = True, seed: int | None = None
    ) -> None:
        self.rank, self.world_size = get_dist_info()
        self.known = np.array(dataset.known)
        self.shuffle = shuffle
        self.seed = seed or 0
        self.epoch = 0

    def _endless(self, indices: np.ndarray, stream: int) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, stream])
        while True:
            yield from (rng.permutation(indices) if self.shuffle else indices).tolist()

    def __iter__(self) -> Iterator[int]:
        kinds = [np.flatnonzero(self.known), np.flatnonzero(~self.known)]
        kinds = [kind if len(kind) else kinds[1 - i] for i, kind in enumerate(kinds)]
        streams = [self._endless(kind, i) for i, kind in enumerate(kinds)]
        position = 0
        while True:
            # A turn is as long as there are processes, so that each gets both kinds.
            turn = [next(streams[position % 2]) for _ in range(self.world_size)]
            position += 1
            yield turn[self.rank]

    def __len__(self) -> int:
        return len(self.known)

    def set_epoch(self, epoch: int) -> None:
        """Nothing to do: the order has no end."""
        self.epoch = epoch
