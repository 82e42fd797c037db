"""Labelled frames of clip data sets; `napari-echo train --data` names the folders."""

size = 256
data_roots = ["data/clips"]

train_pipeline = [
    dict(type="EchoLetterbox", size=size),
    dict(type="EchoRandomAffine"),
    dict(type="EchoRandomAppearance"),
    dict(type="GenerateEdge", edge_width=4),
    dict(type="PackSegInputs", meta_keys=("study_id", "frame_index", "phase", "img_shape")),
]
val_pipeline = [
    dict(type="EchoLetterbox", size=size),
    dict(
        type="PackSegInputs",
        meta_keys=(
            "study_id",
            "clip_id",
            "frame_index",
            "phase",
            "spacing_mm",
            "img_shape",
            "ori_shape",
        ),
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="EchoFrameDataset", data_roots=data_roots, split="train", pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="EchoFrameDataset",
        data_roots=data_roots,
        split="val",
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
val_evaluator = dict(type="EchoMetric", full=False)
