"""Clips of ten phantom frames at 128 pixels, for two processor cores."""

from mmengine.config import read_base

with read_base():
    from .echovideo_10 import *

size = 128
for loader in (train_dataloader, val_dataloader):
    loader.update(batch_size=4, num_workers=0, persistent_workers=False)
    loader["dataset"]["pipeline"][0].update(size=size)
