"""Commit the true masks of a clip data set as if a reader had corrected a model to them.

python docs/true_corrections.py CLIPSET STORE STUDIES
"""

import sys
from pathlib import Path

from napari_echo.io.clipset import open_clipset
from napari_echo.io.store import LabelStore
from napari_echo.workflow.simulated_reader import commit_truth


def main(root: Path, store: Path, studies: int) -> None:
    """Commit the first studies of the split "train"."""
    clips, labels = open_clipset(root), LabelStore(store)
    labelled = [e for e in clips.entries if e.split == "train" and e.labelled_frames]
    wanted = list(dict.fromkeys(entry.study_id for entry in labelled))[:studies]
    for entry in labelled:
        if entry.study_id in wanted:
            commit_truth(clips, entry, labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
