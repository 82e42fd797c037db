"""PIDNet-S on phantom frames alone: no real image, no real label."""

from mmengine.config import read_base

with read_base():
    from ._base_.adamw_cosine import *
    from ._base_.echo_frames import *
    from ._base_.pidnet_s import *
    from ._base_.runtime import *
