"""A pydicom decoder for lossless JPEG and JPEG-LS that uses imagecodecs.

Archives often hold clips so compressed; of the decoders that pydicom knows
for them none is under a licence as free as this project's.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")

DECODER_DEPENDENCIES = dict.fromkeys((*_LOSSLESS, *_JPEG_LS), ("numpy", "imagecodecs"))
"""What the decoder needs; pydicom asks a plug-in for this by name."""


def register(transfer_syntax: str) -> None:
    """Offer the decoder to pydicom for a transfer syntax, if it is one of those it reads."""
    from pydicom.pixels.decoders.base import get_decoder

    if transfer_syntax in DECODER_DEPENDENCIES:
        with suppress(ValueError):  # it is registered already
            get_decoder(transfer_syntax).add_plugin("imagecodecs", (__name__, "decode_frame"))


def is_available(transfer_syntax: str) -> bool:
    """Whether the decoder can be used; pydicom asks a plug-in for this by name."""
    return transfer_syntax in DECODER_DEPENDENCIES


def decode_frame(encoded: bytes, runner: Any) -> bytes:
    """Decode one frame.

    Parameters
    ----------
    encoded : bytes
        The compressed frame.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Told how the decoded bytes are laid out.

    Returns
    -------
    bytes
        The pixels, row by row, the colours of a pixel side by side.
    """
    import imagecodecs

    if runner.transfer_syntax in _LOSSLESS:
        pixels = imagecodecs.jpegsof3_decode(encoded)
    else:
        pixels = imagecodecs.jpegls_decode(encoded)
    runner.set_option("bits_allocated", pixels.dtype.itemsize * 8)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return bytes(pixels.tobytes())
