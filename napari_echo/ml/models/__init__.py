"""Networks and segmentors, registered in mmsegmentation as ``Echo*``."""
