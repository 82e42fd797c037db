"""PIDNet-S (arXiv 2206.02066) for grey frames and four classes."""

architecture = "PIDNet-S"
size = 256
norm_cfg = dict(type="BN", requires_grad=True)

model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[50.0],
        std=[50.0],
        size=(size, size),
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type="PIDNet",
        in_channels=1,
        channels=32,
        ppm_channels=96,
        num_stem_blocks=2,
        num_branch_blocks=3,
        align_corners=False,
        norm_cfg=norm_cfg,
        act_cfg=dict(type="ReLU", inplace=True),
    ),
    decode_head=dict(
        type="PIDHead",
        in_channels=128,
        channels=128,
        num_classes=4,
        norm_cfg=norm_cfg,
        act_cfg=dict(type="ReLU", inplace=True),
        align_corners=False,
        # In the order that PIDHead reads them: P branch, I branch, boundary
        # (D branch), and the I branch where D sees a boundary.
        loss_decode=[
            dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.4),
            dict(type="EchoOhemCrossEntropy", threshold=0.9, min_share=0.125, loss_weight=1.0),
            dict(type="BoundaryLoss", loss_weight=20.0),
            dict(type="EchoOhemCrossEntropy", threshold=0.9, min_share=0.125, loss_weight=1.0),
        ],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
