"""ED and ES stills of CAMUS at 128 pixels, for two processor cores."""

from mmengine.config import read_base

with read_base():
    from .camus import *

size = 128
for loader in (train_dataloader, val_dataloader):
    loader.update(batch_size=8, num_workers=0, persistent_workers=False)
    loader["dataset"]["pipeline"][0].update(size=size)
