"""Clips of ten frames from ED to ES, of which ED and ES are labelled.

`napari-echo train --data` names the clip data sets.
"""

size = 112
n_frames = 10
data_roots = ["data/echovideo"]

train_pipeline = [
    dict(type="EchoLetterbox", size=size),
    dict(type="EchoRandomAffine"),
    dict(type="EchoRandomAppearance"),
    dict(type="EchoPackClip"),
]
val_pipeline = [dict(type="EchoLetterbox", size=size), dict(type="EchoPackClip")]
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="EchoVideoDataset",
        data_roots=data_roots,
        split="train",
        n_frames=n_frames,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="EchoVideoDataset",
        data_roots=data_roots,
        split="val",
        n_frames=n_frames,
        labels="all",
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
val_evaluator = dict(type="EchoMetric", full=False)
