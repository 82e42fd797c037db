"""ED and ES stills of CAMUS as clips of two frames, at the size of the shipped model."""

from mmengine.config import read_base

with read_base():
    from .echovideo_2 import *

size = 256
edge_width = 4
data_roots = ["data/camus"]
for loader in (train_dataloader, val_dataloader):
    loader["batch_size"] = 8
    loader["dataset"]["data_roots"] = data_roots
    loader["dataset"]["pipeline"][0].update(size=size)
