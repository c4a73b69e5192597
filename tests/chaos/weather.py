"""What goes wrong on the virtual clock: at every port call, and on the way of everything that lies in a queue."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.operations.ports import (
    SendNotReached,
    SendOutcomeUnknown,
    SendPaused,
    SendThrottled,
    VersionConflict,
)
from tests.operations.watched import Crash, Effect

SES = "provider.send"


@dataclass
class Weather:
    """How bad it is; a call fails before or after its effect, and the process may die of it."""

    luck: random.Random
    share: float = 0.02  # of the port calls that fail
    ses_share: float = 0.08  # of the calls of SES
    is_calm: bool = False
    figures: Counter[str] = field(default_factory=Counter)

    def __call__(self, call: str, effect: Effect) -> Any:
        """`tests.operations.watched.Watch`."""
        if self.is_calm or self.luck.random() >= (self.ses_share if call == SES else self.share):
            return effect()
        kinds = self._of_ses() if call == SES else self._of_storage(call)
        name, error, is_done = self.luck.choice(kinds)
        self.figures[name] += 1
        if is_done:
            effect()
        raise error()

    def _of_storage(self, call: str) -> list[tuple[str, Callable[[], BaseException], bool]]:
        kinds: list[tuple[str, Callable[[], BaseException], bool]] = [
            ("5xx, throttled or not reached", lambda: Unavailable("no answer"), False),
            ("timed out, but done", lambda: Unavailable("no answer"), True),
            ("died before", Crash, False),
            ("died after", Crash, True),
        ]
        if call == "messages.save_delivery":
            kinds.append(("conflict", VersionConflict, False))
        return kinds

    def _of_ses(self) -> list[tuple[str, Callable[[], BaseException], bool]]:
        return [
            ("SES throttled", SendThrottled, False),
            ("SES throttled", SendThrottled, False),
            ("SES paused", SendPaused, False),
            ("SES not reached", SendNotReached, False),
            ("SES 5xx, not taken", SendOutcomeUnknown, False),
            ("SES timed out, taken", SendOutcomeUnknown, True),
            ("died before SES", Crash, False),
            ("died behind SES", Crash, True),
        ]

    def delay(self) -> timedelta:
        """How long a queue takes: mostly moments, at times minutes, so that later ones overtake."""
        seconds = self.luck.choice([0.0, 0.1, 1.0, 1.0, 5.0, self.luck.uniform(0, 300)])
        return timedelta(seconds=seconds)

    def is_lost(self) -> bool:
        """A record that was handed out and never heard of: it comes again after the visibility time-out."""
        return self._happens("dropped", 0.03)

    def is_doubled(self) -> bool:
        return self._happens("delivered twice", 0.05)

    def _happens(self, name: str, share: float) -> bool:
        happens = not self.is_calm and self.luck.random() < share
        self.figures[name] += happens
        return happens
