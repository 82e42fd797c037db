"""napari_echo: see, judge and correct left-ventricle segmentations of echo video."""

__version__ = "0.1.0"
