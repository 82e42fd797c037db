"""PIDNet-S; gated propagation; MSE and smooth change; ED and ES alone."""

from mmengine.config import read_base

with read_base():
    from ._base_.echovideo_2 import *
    from ._base_.methods import *
    from ._base_.pidnet_s_clip import *
    from ._base_.runtime import *
    from ._base_.schedule_20k import *

model.merge(gpm)
model.merge(cons_mse_abs)
model["decode_head"].update(edge_width=edge_width)
