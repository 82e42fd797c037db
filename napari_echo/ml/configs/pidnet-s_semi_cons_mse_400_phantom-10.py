"""PIDNet-S; unlabelled frames too; MSE between neighbours; phantom clips; short."""

from mmengine.config import read_base

with read_base():
    from ._base_.finetune import *
    from ._base_.methods import *
    from ._base_.phantom_10 import *
    from ._base_.pidnet_s_clip import *
    from ._base_.runtime import *

model.merge(semi)
model.merge(cons_mse)
# A short training averages over its last hundred iterations.
custom_hooks[-1].update(momentum=0.01)
