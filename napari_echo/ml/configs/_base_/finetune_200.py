"""Half as long a training as `finetune`."""

from mmengine.config import read_base

with read_base():
    from .finetune import *

iters = 200
train_cfg.update(max_iters=iters, val_interval=iters)
param_scheduler[1].update(T_max=iters - warm_up, end=iters)
