"""PIDNet-S, from a pack's weights; old labels and corrections; short."""

from mmengine.config import read_base

with read_base():
    from ._base_.corrections import *
    from ._base_.finetune_100 import *
    from ._base_.methods import *
    from ._base_.pidnet_s_clip import *

model.merge(supervised)
model.update(terms=[dict(type="EchoSoftDice")])
