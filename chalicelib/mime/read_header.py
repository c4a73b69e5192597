"""What the header says: people, subject, Message-IDs, date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from chalicelib.domain.address import Mailbox
from chalicelib.mime.bounds import ADDRESS_LIMIT, SUBJECT_LIMIT, Problems
from chalicelib.mime.encoded_words import decode_words
from chalicelib.mime.guarded import guarded
from chalicelib.mime.header_block import Field, Header
from chalicelib.mime.read_addresses import can_only_mean, read_mailboxes
from chalicelib.mime.read_fields import newest, read_date, read_message_ids


@dataclass(frozen=True, slots=True)
class HeaderTexts:
    """The part of `ParsedMail` that stands in the header."""

    sender: Mailbox | None
    several_senders: bool
    is_sender_sure: bool
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    subject: str
    message_id_header: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime | None


def read_header(header: Header, charset: str | None, problems: Problems) -> HeaderTexts:
    """`charset` is the one the body declares: programs that write it raw into the header mean the same."""
    people = _People(header, charset, problems)
    nobody: tuple[Mailbox, ...] = ()
    senders = guarded("the From field", people.senders, nobody, problems)
    return HeaderTexts(
        sender=senders[0] if senders else None,
        several_senders=len(senders) > 1,
        is_sender_sure=guarded("the From field", lambda: people.is_sure_of(senders), False, problems),
        to=guarded("the To field", lambda: people.named("to"), nobody, problems),
        cc=guarded("the Cc field", lambda: people.named("cc"), nobody, problems),
        reply_to=guarded("the Reply-To field", lambda: people.named("reply-to"), nobody, problems),
        subject=guarded("the Subject field", lambda: _subject(header, charset, problems), "", problems),
        message_id_header=next(iter(_message_ids(header, "message-id", problems)), None),
        in_reply_to=_message_ids(header, "in-reply-to", problems),
        references=_message_ids(header, "references", problems),
        date=guarded("the Date field", lambda: read_date(header.text("date")), None, problems),
    )


class _People:
    """Reads the fields of addresses, of which all together may hold a bounded number."""

    def __init__(self, header: Header, charset: str | None, problems: Problems) -> None:
        self._header = header
        self._charset = charset
        self._problems = problems
        self._left = ADDRESS_LIMIT

    def senders(self) -> tuple[Mailbox, ...]:
        """The addresses of From. Sender stands in only where there is no From field at all.

        DMARC judges the From field. Were Sender asked whenever we find no address in From, a From that only SES can
        read would lend its verdict to whatever address Sender shows.
        """
        name = "from" if self._header.all("from") else "sender"
        if len(self._header.all(name)) > 1:
            self._problems.add("it has several From fields, of which the first is shown")
        return self.named(name)

    def is_sure_of(self, senders: Sequence[Mailbox]) -> bool:
        """Whether whoever else reads the header finds the same From, SES among them, whose verdict is about it."""
        fields = self._header.all("from")
        if self._header.has_bare_cr or len(fields) != 1 or len(senders) != 1:
            return False
        return can_only_mean(self._text(fields[0]), senders[0].address)

    def named(self, name: str) -> tuple[Mailbox, ...]:
        found: list[Mailbox] = []
        for field in self._header.all(name):
            mailboxes = read_mailboxes(self._text(field))
            readable = list(islice(mailboxes, self._left))
            self._left -= len(readable)
            found += readable
            if next(mailboxes, None) is not None:
                self._problems.add(f"it names more than {ADDRESS_LIMIT} addresses")
        return tuple(found)

    def _text(self, field: Field) -> str:
        text = field.text(self._charset)
        # What follows the last comma of a field that was cut off may be half an address.
        return text.rpartition(",")[0] if field.cut else text


def _subject(header: Header, charset: str | None, problems: Problems) -> str:
    field = header.first("subject")
    subject = decode_words(field.text(charset)) if field else ""
    if len(subject) > SUBJECT_LIMIT:
        problems.add(f"the subject is longer than {SUBJECT_LIMIT:,} characters")
    return subject[:SUBJECT_LIMIT].rstrip()


def _message_ids(header: Header, name: str, problems: Problems) -> tuple[str, ...]:
    none: tuple[str, ...] = ()

    def read() -> tuple[str, ...]:
        return newest(read_message_ids(" ".join(field.text() for field in header.all(name))))

    return guarded(f"the {name} field", read, none, problems)
