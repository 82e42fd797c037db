"""What every training shares: logs, pictures, checkpoints, the averaged model."""

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
        # The old one is removed before the new one is written: a training that
        # is killed in between goes on from the other.
        max_keep_ckpts=2,
        save_best="echo/dice_lv",
        rule="greater",
        backend_args=dict(backend="echo_atomic"),
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    # Overlays of every tenth validation clip: --cfg-options
    # default_hooks.visualization.draw=True
    visualization=dict(type="SegNpyVisualizationHook", draw=False, interval=10),
)
custom_hooks = [
    dict(type="EchoChannelsLastHook"),
    dict(type="EchoPlainCheckpointHook"),
    dict(type="EchoMeanLossHook"),
    dict(type="EMAHook", momentum=0.005, update_buffers=True),
]
visualizer = dict(
    type="Visualizer",
    vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")],
)
randomness = dict(seed=0)
val_cfg = dict(type="ValLoop")
