"""PIDNet-L; gated propagation a branch; clips of 10 frames."""

from mmengine.config import read_base

with read_base():
    from ._base_.echovideo_10 import *
    from ._base_.methods import *
    from ._base_.pidnet_l_clip import *
    from ._base_.runtime import *
    from ._base_.schedule_20k import *

model.merge(multigpm)
