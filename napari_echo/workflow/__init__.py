"""The verbs of the work, one file each, and the state of one review."""
