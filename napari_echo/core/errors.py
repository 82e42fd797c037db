"""The one error that a user is meant to read."""


class EchoError(Exception):
    """A failure that the user can understand and act on.

    The message is one plain sentence (or two): what went wrong, with which
    file or clip, and what to do. The GUI shows it as a notification and the
    command line prints it without a traceback.
    """
