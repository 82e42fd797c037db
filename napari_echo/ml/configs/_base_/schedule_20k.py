"""The original project's schedule: SGD, 2,000 iterations of warm-up, cosine to 20,000."""

iters = 20_000
warm_up = 2_000

train_cfg = dict(type="IterBasedTrainLoop", max_iters=iters, val_interval=1_000)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=5e-4),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, begin=0, end=warm_up, by_epoch=False),
    dict(
        type="CosineAnnealingLR",
        T_max=iters - warm_up,
        eta_min=0.0,
        begin=warm_up,
        end=iters,
        by_epoch=False,
    ),
]
