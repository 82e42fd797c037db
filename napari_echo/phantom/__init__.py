"""Simulated apical clips with exact masks in every frame."""
