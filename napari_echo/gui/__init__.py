"""The napari widgets, layers, workers and plots."""
