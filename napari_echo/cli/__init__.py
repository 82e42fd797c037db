"""The command line: `napari-echo VERB`."""
