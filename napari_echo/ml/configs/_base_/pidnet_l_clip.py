"""PIDNet-L for clips."""

from mmengine.config import read_base

with read_base():
    from .pidnet_s_clip import *

architecture = "PIDNet-L"
channels = 64
model["backbone"].update(
    channels=channels, ppm_channels=112, num_stem_blocks=3, num_branch_blocks=4
)
model["decode_head"].update(in_channels=4 * channels, channels=256)
