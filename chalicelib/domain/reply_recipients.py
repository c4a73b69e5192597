"""To whom a reply goes (RFC 5322 section 3.6.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.domain.address import NAME_LIMIT, RECIPIENTS_LIMIT, AddressError, Mailbox, parse_mailbox
from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.message import Direction, MessageContent
from chalicelib.domain.subject import header_line

_FIX_BY_HAND = (
    "Write to an address of your choice with POST /inboxes/{inbox_id}/messages and this message's `threadId`."
)


@dataclass(frozen=True, slots=True)
class ReplyRecipients:
    """The header fields To and Cc of a reply."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...] = ()


def reply_recipients(
    original: MessageContent, own_address: str, *, reply_all: bool, allow_test_domains: bool
) -> ReplyRecipients:
    """Who gets the answer. Raises InvalidInput when nobody can, or an address that must get it cannot be written to.

    What was received is answered at its Reply-To, else at its From; what we sent ourselves goes on to its own To.
    `reply_all` adds the other To and Cc as Cc. Our own address, with any `+tag`, never gets it, nor does anyone who
    stands only in Bcc. An address that cannot be written to is an error in a plain reply; `reply_all` leaves it out as
    long as anyone is left, for one broken address of forty should not keep the others from their answer.
    """
    known: set[str] = set()
    problems: dict[str, str] = {}
    to = _others(_answered(original, own_address), own_address, known)
    cc = _others((*original.to, *original.cc), own_address, known) if reply_all else ()
    to = _writable(to, problems, allow_test_domains=allow_test_domains)
    cc = _writable(cc, problems, allow_test_domains=allow_test_domains)
    if problems and (not reply_all or not (to or cc)):
        raise InvalidInput(
            {"messageId": [f"the message cannot be answered: {problem}" for problem in problems.values()]},
            fix=_FIX_BY_HAND,
        )
    if not to and not cc:
        raise InvalidInput({"messageId": [_nobody(original)]}, fix=_FIX_BY_HAND)
    if len(to) + len(cc) > RECIPIENTS_LIMIT:
        raise InvalidInput(
            {
                "replyAll" if reply_all else "messageId": [
                    f"the reply would go to {len(to) + len(cc)} addresses; at most {RECIPIENTS_LIMIT} are possible"
                ]
            },
            fix="Reply without `replyAll`, or name the recipients with POST /inboxes/{inbox_id}/messages and `threadId`.",
        )
    return ReplyRecipients(to, cc) if to else ReplyRecipients(cc)  # a mail needs someone in To


def is_own(address: str, own_address: str) -> bool:
    """Whether this is our address, with or without a `+tag` (RFC 5233), in any case of its letters."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}".casefold() == own_address.casefold()


def _answered(original: MessageContent, own_address: str) -> Sequence[Mailbox]:
    if original.direction is Direction.OUTBOUND:
        return original.to
    # A Reply-To that leads back to us says nothing about whom to answer.
    if any(not is_own(mailbox.address, own_address) for mailbox in original.reply_to):
        return original.reply_to
    return (original.sender,)


def _others(mailboxes: Iterable[Mailbox], own_address: str, known: set[str]) -> tuple[Mailbox, ...]:
    """Each address once, whatever the case of its letters, and never our own or none at all."""
    others = []
    for mailbox in mailboxes:
        name = mailbox.address.casefold()
        if name and name not in known and not is_own(name, own_address):
            known.add(name)
            others.append(mailbox)
    return tuple(others)


def _writable(
    mailboxes: Iterable[Mailbox], problems: dict[str, str], *, allow_test_domains: bool
) -> tuple[Mailbox, ...]:
    """Those that we can write to; of the others is noted why."""
    writable = []
    for mailbox in mailboxes:
        try:
            address = parse_mailbox(mailbox.address, allow_test_domains=allow_test_domains).address
        except AddressError as error:
            problems[mailbox.address] = str(error)
        else:
            writable.append(Mailbox(address, _name(mailbox.name)))
    return tuple(writable)


def _name(name: str) -> str:
    line = header_line(name)[:NAME_LIMIT].strip()
    return "" if header_text_problem(line) else line


def _nobody(original: MessageContent) -> str:
    if original.direction is Direction.INBOUND and not original.sender.address:
        return "the message names no sender, so there is nobody to answer"
    return "the message is between this inbox and itself, so there is nobody else to answer"
