"""PIDNet-S on CAMUS and phantom frames, started from the phantom's weights."""

from mmengine.config import read_base

with read_base():
    from ._base_.echo_frames import *
    from ._base_.one_cycle import *
    from ._base_.pidnet_s import *
    from ._base_.runtime import *

train_cfg.update(max_iters=3000)
param_scheduler[0].update(total_steps=3000)
