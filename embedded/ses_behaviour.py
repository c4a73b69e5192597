"""What the simulated SES does with a recipient: SES's own mailbox simulator, and addresses under simulator.test."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

SES_SIMULATOR_DOMAIN = "simulator.amazonses.com"
OUR_SIMULATOR_DOMAIN = "simulator.test"

ANSWER_SECONDS = 0.4  # between SES's acceptance and what the recipient's server says
FEEDBACK_SECONDS = 0.9  # after which a person's complaint or automatic answer is back

_THROTTLED_TRIES = 2
_DELAY_SECONDS = 5.0
_MAX_DELAY_SECONDS = 3600.0
_DELAY = re.compile(r"(\d{1,6})(ms|s|m)?")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class Outcome(Enum):
    """An event that follows a Send event."""

    DELIVERY = "delivery"
    DELIVERY_DELAY = "deliveryDelay"
    BOUNCE_UNKNOWN_USER = "bounce: no such user"
    BOUNCE_NO_INBOX = "bounce: no inbox of this deployment has the address"
    BOUNCE_SUPPRESSED = "bounce: the address is on SES's own suppression list"
    BOUNCE_AUTOMATIC_ANSWER = "bounce: an out-of-office answer, which SES takes for a transient bounce"
    COMPLAINT = "complaint"


class Lost(Enum):
    """What fails inside SES at the first call: the caller hears of an internal error, and cannot know which of the two."""

    NOTHING = "nothing"
    MAIL = "the mail"
    ANSWER = "the answer, though the mail was taken"


@dataclass(frozen=True, slots=True)
class Step:
    """An outcome, so many seconds after the mail was accepted."""

    after: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What becomes of one recipient; `rejected`, `throttled_tries` and `loses` concern the call that names it."""

    steps: tuple[Step, ...] = ()
    rejected: bool = False
    throttled_tries: int = 0
    loses: Lost = Lost.NOTHING
    replies: bool = False  # with a mail, after FEEDBACK_SECONDS


# Mail to anyone else goes nowhere: SES has taken it, and nothing more is heard.
DRY_RUN = Behaviour()

_DELIVERED = Step(ANSWER_SECONDS, Outcome.DELIVERY)
_SES_SIMULATOR = {
    "success": Behaviour((_DELIVERED,)),
    "bounce": Behaviour((Step(ANSWER_SECONDS, Outcome.BOUNCE_UNKNOWN_USER),)),
    "suppressionlist": Behaviour((Step(ANSWER_SECONDS, Outcome.BOUNCE_SUPPRESSED),)),
    "ooto": Behaviour((_DELIVERED, Step(FEEDBACK_SECONDS, Outcome.BOUNCE_AUTOMATIC_ANSWER))),
    "complaint": Behaviour((_DELIVERED, Step(FEEDBACK_SECONDS, Outcome.COMPLAINT))),
}


def behaviour_of(address: str) -> Behaviour:
    """The behaviour of a recipient; at SES's simulator a label (`bounce+order-7@…`) tells tries apart, no more."""
    local, _, domain = address.lower().rpartition("@")
    name, _, label = local.partition("+")
    if domain == SES_SIMULATOR_DOMAIN:
        return _SES_SIMULATOR.get(name, DRY_RUN)
    if domain == OUR_SIMULATOR_DOMAIN and name in _OUR_SIMULATOR:
        return _OUR_SIMULATOR[name](label)
    return DRY_RUN


def _delayed(label: str) -> Behaviour:
    delivery = Step(ANSWER_SECONDS + _seconds(label), Outcome.DELIVERY)
    return Behaviour((Step(ANSWER_SECONDS, Outcome.DELIVERY_DELAY), delivery))


def _throttled(label: str) -> Behaviour:
    tries = int(label) if label.isdecimal() and len(label) < 3 else _THROTTLED_TRIES
    return Behaviour((_DELIVERED,), throttled_tries=tries)


def _seconds(label: str) -> float:
    """`5s`, `250ms`, `2m`, or a bare number of seconds."""
    match = _DELAY.fullmatch(label)
    if match is None:
        return _DELAY_SECONDS
    return min(int(match[1]) * _UNIT_SECONDS[match[2] or "s"], _MAX_DELAY_SECONDS)


_OUR_SIMULATOR: dict[str, Callable[[str], Behaviour]] = {
    "delay": _delayed,
    "fail": lambda _label: Behaviour(rejected=True),
    "throttle": _throttled,
    "lost": lambda _label: Behaviour((_DELIVERED,), loses=Lost.MAIL),
    "lost-answer": lambda _label: Behaviour((_DELIVERED,), loses=Lost.ANSWER),
    "reply": lambda _label: Behaviour((_DELIVERED,), replies=True),
}
