"""What stops a run and is said to the user in a sentence instead of a traceback."""


class CannotRun(RuntimeError):
    """The message says what is wrong and what to do."""
