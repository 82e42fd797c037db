"""PIDNet-S for real echo without a real label: phantoms with, CAMUS without labels; mean teacher.

The first of the data sets is the phantoms', whose labels are used; the second
CAMUS, whose labels are hidden.
"""

from mmengine.config import read_base

with read_base():
    from ._base_.camus import *
    from ._base_.finetune import *
    from ._base_.methods import *
    from ._base_.pidnet_s_clip import *
    from ._base_.runtime import *

model.merge(semi)
model.merge(mt)
model.update(terms=[dict(type="EchoSoftDice")])

iters = 300
warm_up = 20
train_cfg.update(max_iters=iters, val_interval=150)
param_scheduler[0].update(end=warm_up)
param_scheduler[1].update(T_max=iters - warm_up, begin=warm_up, end=iters)
for loader in (train_dataloader, val_dataloader):
    loader.update(num_workers=0, persistent_workers=False)
train_dataloader["sampler"].update(type="EchoHalfLabelledSampler")
train_dataloader["dataset"].update(
    data_roots=["data/phantoms", "data/camus"], label_ratio=[1.0, 0.0]
)
