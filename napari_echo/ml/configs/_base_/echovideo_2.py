"""ED and ES alone, both labelled; borders one pixel wide, as in the original project."""

from mmengine.config import read_base

with read_base():
    from .echovideo_10 import *

n_frames = 2
edge_width = 1
train_dataloader["dataset"].update(n_frames=n_frames)
val_dataloader["dataset"].update(n_frames=n_frames)
