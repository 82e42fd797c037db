"""PIDNet-S for real echo: CAMUS and phantom stills, with Dice in the loss."""

from mmengine.config import read_base

with read_base():
    from ._base_.camus import *
    from ._base_.finetune import *
    from ._base_.methods import *
    from ._base_.pidnet_s_clip import *
    from ._base_.runtime import *

model.merge(supervised)
model.update(terms=[dict(type="EchoSoftDice")])

iters = 800
warm_up = 40
train_cfg.update(max_iters=iters, val_interval=200)
param_scheduler[0].update(end=warm_up)
param_scheduler[1].update(T_max=iters - warm_up, begin=warm_up, end=iters)
for loader in (train_dataloader, val_dataloader):
    loader.update(num_workers=0, persistent_workers=False)
# Clips come with wide margins as well as cropped to the sector, as CAMUS is.
train_dataloader["dataset"]["pipeline"][1].update(rotate=15.0, scale=(0.6, 1.2))
train_dataloader["dataset"]["pipeline"][2].update(strength=0.7)
