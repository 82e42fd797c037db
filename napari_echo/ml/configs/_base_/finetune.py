"""AdamW in bfloat16 for a short training from a pack's weights."""

from mmengine.config import read_base

with read_base():
    from .adamw_cosine import *

iters = 400
warm_up = 20

train_cfg.update(max_iters=iters, val_interval=iters // 2)
optim_wrapper["optimizer"].update(lr=3e-4)
param_scheduler[0].update(end=warm_up)
param_scheduler[1].update(T_max=iters - warm_up, begin=warm_up, end=iters)
# A memory is not in the pack: it starts from nothing.
optim_wrapper.update(paramwise_cfg=dict(custom_keys=dict(memory=dict(lr_mult=4.0))))
