"""PIDNet-S on CAMUS and phantom frames, started from the phantom's weights."""

from mmengine.config import read_base

with read_base():
    from ._base_.adamw_cosine import *
    from ._base_.echo_frames import *
    from ._base_.pidnet_s import *
    from ._base_.runtime import *

iters = 3000
train_cfg.update(max_iters=iters)
param_scheduler[1].update(T_max=iters - warm_up, end=iters)
# Clips come with wide margins as well as cropped to the sector, as CAMUS is.
train_dataloader["dataset"]["pipeline"][1].update(scale=(0.5, 1.25), shift=0.12)
