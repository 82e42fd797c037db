"""PIDNet-S; labelled frames alone; CAMUS stills at 128 pixels; short."""

from mmengine.config import read_base

with read_base():
    from ._base_.camus_128 import *
    from ._base_.finetune import *
    from ._base_.methods import *
    from ._base_.pidnet_s_clip import *
    from ._base_.runtime import *

model.merge(supervised)
train_dataloader["dataset"].update(keep_unlabelled=False)
# A short training averages over its last hundred iterations.
custom_hooks[-1].update(momentum=0.01)
