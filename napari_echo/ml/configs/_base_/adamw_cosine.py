"""AdamW in bfloat16, with a linear warm-up and a cosine to zero.

Not mmengine's OneCycleLR: it keeps a method in its state, which a checkpoint
loaded with ``weights_only=True`` cannot hold.
"""

iters = 2000
warm_up = 200

train_cfg = dict(type="IterBasedTrainLoop", max_iters=iters, val_interval=250)
optim_wrapper = dict(
    type="EchoBf16OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.02, begin=0, end=warm_up, by_epoch=False),
    dict(
        type="CosineAnnealingLR",
        T_max=iters - warm_up,
        eta_min=0.0,
        begin=warm_up,
        end=iters,
        by_epoch=False,
    ),
]
