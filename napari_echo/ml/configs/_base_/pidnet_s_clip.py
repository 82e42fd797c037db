"""PIDNet-S for clips, and what may be added to it."""

architecture = "PIDNet-S"
channels = 32
norm_cfg = dict(type="BN", requires_grad=True)
act_cfg = dict(type="ReLU", inplace=True)

model = dict(
    type="EchoClipSegmentor",
    data_preprocessor=dict(type="EchoClipPreprocessor", mean=[50.0], std=[50.0]),
    backbone=dict(
        type="EchoPIDNet",
        in_channels=1,
        channels=channels,
        ppm_channels=96,
        num_stem_blocks=2,
        num_branch_blocks=3,
        align_corners=False,
        norm_cfg=norm_cfg,
        act_cfg=act_cfg,
    ),
    decode_head=dict(
        type="EchoPIDHead",
        in_channels=4 * channels,
        channels=128,
        num_classes=4,
        norm_cfg=norm_cfg,
        act_cfg=act_cfg,
        align_corners=False,
        edge_width=4,
        # In the order that PIDHead reads them: P branch, I branch, boundary
        # (D branch), and the I branch where D sees a boundary.
        loss_decode=[
            dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.4),
            dict(type="EchoOhemCrossEntropy", threshold=0.9, min_share=0.125, loss_weight=1.0),
            dict(type="BoundaryLoss", loss_weight=20.0),
            dict(type="EchoOhemCrossEntropy", threshold=0.9, min_share=0.125, loss_weight=1.0),
        ],
    ),
    test_cfg=dict(mode="whole"),
)
