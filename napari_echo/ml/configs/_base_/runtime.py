"""What every training shares: logs, checkpoints, the averaged model."""

default_scope = "mmseg"
env_cfg = dict(cudnn_benchmark=True)
log_level = "INFO"
log_processor = dict(type="LogProcessor", by_epoch=False, window_size=20)
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=20, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(
        type="CheckpointHook",
        by_epoch=False,
        interval=250,
        max_keep_ckpts=1,
        save_best="echo/dice_lv",
        rule="greater",
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
)
custom_hooks = [
    dict(type="EchoChannelsLastHook"),
    dict(type="EchoPlainCheckpointHook"),
    dict(type="EMAHook", momentum=0.005, update_buffers=True),
]
visualizer = dict(type="Visualizer", vis_backends=[dict(type="LocalVisBackend")])
randomness = dict(seed=0)
val_cfg = dict(type="ValLoop")
