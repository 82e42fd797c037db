"""Keeping Python's search for garbage short while a reader works.

Napari looks for garbage whenever a layer is taken out of its list, and Python
does now and then: through all objects, and there are 300,000 of modules,
classes and widgets, a fifth of a second in which the window stands still. They
live as long as the window, so they are taken out of the search (`gc.freeze`).
"""

from __future__ import annotations

import gc

from napari_echo.workflow.session import Session


class Garbage:
    """Leaves what was made with the window, and with the first model, out of the search.

    Parameters
    ----------
    session : Session
        The review.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        gc.freeze()
        session.predictions_changed.connect(self._leave_model_out)

    def _leave_model_out(self) -> None:
        """Leave out what the first model brought with it."""
        if self.session.predictions:
            self.session.predictions_changed.disconnect(self._leave_model_out)
            gc.freeze()

    def search_all(self) -> None:
        """Put everything back into the search, for when the window is closed."""
        self.session.predictions_changed.disconnect(self._leave_model_out)
        gc.unfreeze()
