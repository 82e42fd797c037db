"""Overlap, surface distances, volumes and ejection fraction."""
