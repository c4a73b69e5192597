"""Why a message waits or fails before SES has taken it, in words for its owner."""

from enum import Enum

from chalicelib.domain.delivery import Reason
from chalicelib.domain.switch import SwitchKind

SENDING_PAUSED = Reason(
    "sending_paused",
    "For 24 hours the account was not allowed to send, or SES could not be reached: look at its quota, at whether "
    "sending is paused, and at the sender's alarms.",
    retryable=True,
)
DOMAIN_NOT_VERIFIED = Reason(
    "domain_not_verified",
    "Before the message could be sent, its domain was no longer verified for this account. Set the records that GET "
    "/domains shows, have them checked, then send again.",
)
OUTCOME_UNKNOWN = Reason(
    "outcome_unknown",
    "SES was called but gave no answer and reported nothing since, so the message may or may not have gone. It is not "
    "sent again by itself; send a new one if the recipient has not received it.",
)
OUTCOME_UNKNOWN_TWICE = Reason(
    "outcome_unknown",
    "SES was called twice but gave no answer either time and reported nothing since, so the message may or may not have "
    "gone. It is not sent again by itself; send a new one if the recipient has not received it.",
)
OUTCOME_UNKNOWN_SUPPRESSED = Reason(
    "outcome_unknown",
    "SES was called but gave no answer, so the message may or may not have gone to this address. It was put on the "
    "suppression list meanwhile, so it was left out when the message was handed over once more.",
)
DISCARDED = Reason(
    "discarded",
    "The message waited behind a stop switch and was discarded; it was never handed to SES. Send a new one if it is still "
    "wanted.",
)


def unknown_all_the_same(reason: Reason) -> Reason:
    """For a message that SES was handed before and gave no answer to: why it cannot be handed over now says nothing of that."""
    if reason.code == OUTCOME_UNKNOWN.code:
        return reason
    return Reason(
        OUTCOME_UNKNOWN.code,
        "SES gave no answer when it was first called, so the message may or may not have gone, and it could not be handed over "
        f"once more. It is not sent again by itself; send a new one if the recipient has not received it. ({reason.message})",
        reason.diagnostic,
    )


class Wait(Enum):
    """Why a message that SES has certainly not taken goes back to the queue."""

    THROTTLED = Reason(
        "ses_throttled", "SES takes no more mail at this moment. The message is sent as soon as it does."
    )
    PAUSED = Reason(
        "ses_paused",
        "The account may not send now: its daily quota is used up, or its sending is paused. The message is tried once a "
        "minute for 24 hours.",
    )
    TURN = Reason(
        "awaits_turn",
        "More mail waits than SES takes from this account at a time. The message is sent when its turn comes.",
    )
    UNANSWERED = Reason(
        "ses_no_answer",
        "SES was handed the message and gave no answer, so it may or may not have taken it. The message waits for SES's "
        "report.",
    )
    RESENT = Reason(
        "ses_resent",
        "SES reported about later mails and nothing of this one, so it was handed to SES once more.",
    )
    PARENT = Reason(
        "awaits_parent",
        "The message it answers is still on its way to SES. It waits up to 30 seconds for that message's final "
        "Message-ID, so that mail programs show the two together.",
    )
    INBOX_SUSPENDED = Reason(
        "inbox_suspended", "Its inbox is suspended. The message is sent when the inbox is active again, or discarded."
    )
    KEY_SUSPENDED = Reason(
        "key_suspended",
        "The API key it was handed in with is suspended. The message is sent when the key is active again, or discarded.",
    )
    ACCOUNT_SUSPENDED = Reason(
        "account_suspended",
        "Its account is suspended. The message is sent when the account is active again, or discarded.",
    )
    NOT_REACHED = Reason("ses_not_reached", "SES could not be reached. The message is tried again for 24 hours.")


HELD_BY = {
    SwitchKind.INBOX: Wait.INBOX_SUSPENDED,
    SwitchKind.KEY: Wait.KEY_SUSPENDED,
    SwitchKind.ACCOUNT: Wait.ACCOUNT_SUSPENDED,
}

# What an operator must look at: these are logged as errors, with the code at the end of the line for a metric filter.
ALARMS = frozenset({Wait.PAUSED, Wait.NOT_REACHED})
