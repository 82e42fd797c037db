"""PIDNet-S at 128 pixels; phantom stills; where the short trainings at that size start."""

from mmengine.config import read_base

with read_base():
    from ._base_.camus_128 import *
    from ._base_.finetune import *
    from ._base_.methods import *
    from ._base_.pidnet_s_clip import *
    from ._base_.runtime import *

model.merge(supervised)
model.update(terms=[dict(type="EchoSoftDice")])

# A pack has no auxiliary heads, and this is another scale than it was trained
# at: the short trainings would spend themselves on both, so it is done once.
iters = 800
warm_up = 40
train_cfg.update(max_iters=iters, val_interval=200)
optim_wrapper["optimizer"].update(lr=1e-3)
param_scheduler[0].update(end=warm_up)
param_scheduler[1].update(T_max=iters - warm_up, begin=warm_up, end=iters)
