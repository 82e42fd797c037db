"""Networks and segmentors, registered in mmsegmentation as ``Echo*``."""

from napari_echo.ml.mmseg_compat import import_mmseg

import_mmseg()
