"""PIDNet-L; gated propagation a branch; PAG for small objects; ED and ES alone."""

from mmengine.config import read_base

with read_base():
    from ._base_.echovideo_2 import *
    from ._base_.methods import *
    from ._base_.pidnet_l_clip import *
    from ._base_.runtime import *
    from ._base_.schedule_20k import *

model.merge(multigpm)
model.merge(tpag)
model["decode_head"].update(edge_width=edge_width)
