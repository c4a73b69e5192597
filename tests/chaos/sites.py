"""Where in the product a call was made: the functions it passed through, the innermost first."""

import sys
from pathlib import Path
from types import FrameType

PRODUCT = str(Path(__file__).parents[2] / "chalicelib") + "/"
# What stands around every call of a request or record tells nothing of where it is.
PLUMBING = (
    "wiring/",
    "storage/failures.py",
    "api/routes.py",
    "api/fallback.py",
    "api/api_request.py",
    "events/door.py",
)


def caller_path() -> tuple[str, ...]:
    """The product's functions that led to the call that is made right now, in this thread."""
    path: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(PRODUCT) and not (module := name.removeprefix(PRODUCT)).startswith(PLUMBING):
            function = frame.f_code.co_qualname.partition(".<locals>")[0]
            step = f"{module.removesuffix('.py')}:{function}"
            if path[-1:] != [step]:  # the function and a lambda in it are one place
                path.append(step)
        frame = frame.f_back
    return tuple(path)
