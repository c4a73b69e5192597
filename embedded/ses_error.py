"""The errors of the simulated SES's API."""


class SesError(Exception):
    """An error answer of the API: its name, its HTTP status and its message."""

    def __init__(self, name: str, status: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.status = status


INTERNAL_FAILURE = SesError("InternalFailure", "500 Internal Server Error", "The simulator has failed, as it was told.")
