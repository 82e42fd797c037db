"""AdamW with one cycle of the learning rate, in bfloat16."""

iters = 2000

train_cfg = dict(type="IterBasedTrainLoop", max_iters=iters, val_interval=250)
optim_wrapper = dict(
    type="EchoBf16OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type="OneCycleLR", eta_max=1e-3, total_steps=iters, pct_start=0.15, by_epoch=False)
]
