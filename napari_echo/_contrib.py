"""What the manifest names. Imports stand in the bodies: napari scans this at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_echo.gui.reader import Reader


def echo_review() -> Any:
    """Make the dock widget "Echo review" for the viewer on show."""
    from napari.viewer import current_viewer

    from napari_echo.core.errors import EchoError
    from napari_echo.gui.review import EchoReview

    viewer = current_viewer()
    if viewer is None:
        raise EchoError("Echo review needs a napari viewer: open one first.")
    return EchoReview(viewer)


def get_reader(path: str | list[str]) -> Reader | None:
    """Return a reader for echo clips, or None where a file is not one."""
    from napari_echo.gui import reader

    return reader.get_reader(path)


def phantom_sample() -> list[tuple[Any, ...]]:
    """Make a phantom clip with ground truth."""
    from napari_echo.gui import samples

    return list(samples.phantom_sample())


def real_cine_sample() -> list[tuple[Any, ...]]:
    """Load the real cine that pydicom ships."""
    from napari_echo.gui import samples

    return list(samples.real_cine_sample())
