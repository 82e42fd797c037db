"""Labelled frames one by one, corrections among them, whose hard pixels count more.

`napari-echo retrain` names the clip data sets, corrections last.
"""

size = 256
data_roots = ["data/clips", "data/corrections"]

train_pipeline = [
    dict(type="EchoLetterbox", size=size),
    dict(type="EchoRandomAffine", rotate=15.0, scale=(0.6, 1.2)),
    dict(type="EchoRandomAppearance", strength=0.7),
    dict(type="EchoPackClip", hard_weight=1.0),
]
val_pipeline = [dict(type="EchoLetterbox", size=size), dict(type="EchoPackClip")]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="EchoFrameDataset",
        data_roots=data_roots,
        split="train",
        as_clips=True,
        last_counts=True,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="EchoFrameDataset",
        data_roots=data_roots,
        split="val",
        as_clips=True,
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
val_evaluator = dict(type="EchoMetric", full=False)
