"""The domain: frozen dataclasses and pure functions on numpy arrays."""
