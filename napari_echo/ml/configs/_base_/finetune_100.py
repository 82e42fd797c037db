"""A short training on with corrections, whose last model is taken."""

from mmengine.config import read_base

with read_base():
    from .finetune import *
    from .runtime import *

iters = 100
warm_up = 10
train_cfg.update(max_iters=iters, val_interval=20)
param_scheduler[0].update(end=warm_up)
param_scheduler[1].update(T_max=iters - warm_up, begin=warm_up, end=iters)
# The last model is taken: the validation set does not choose among checkpoints, for it
# is to judge the model that comes out.
default_hooks["checkpoint"].update(save_best=None, interval=20)
default_hooks["logger"].update(interval=1)
log_processor.update(window_size=1)
# Averaged over the last quarter.
custom_hooks[-1].update(momentum=0.04)
