"""PIDNet-S; gated propagation a branch; similar features; clips of 10 frames."""

from mmengine.config import read_base

with read_base():
    from ._base_.echovideo_10 import *
    from ._base_.methods import *
    from ._base_.pidnet_s_clip import *
    from ._base_.runtime import *
    from ._base_.schedule_20k import *

model.merge(multigpm)
model.merge(feat)
