"""The person behind `reply+any-words@simulator.test`: answers a mail with "any words", as a mail program would."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from chalicelib.mime.parse import parse_mail
from chalicelib.mime.parsed_mail import ParsedMail
from embedded.ses_inbound import derived_ses_message_id

_NO_WORDS = "Thank you"
# One line each, as long as RFC 5322 allows (section 2.1.1): Python's folding would tear long Message-IDs apart.
_POLICY = policy.SMTP.clone(max_line_length=998)
_REFERENCES_LENGTH = 900


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and whom it goes to."""

    to: str
    raw: bytes


def simulated_reply(mail: bytes, person: str, at: datetime) -> Reply | None:
    """The person's answer to the mail as it reached them; None when it names nobody to answer."""
    read = parse_mail(mail)
    answered = read.reply_to[0] if read.reply_to else read.sender
    if answered is None or read.message_id_header is None:
        return None
    reply = EmailMessage(policy=_POLICY)
    reply["From"] = person
    reply["To"] = answered.address
    reply["Subject"] = read.subject if read.subject.lower().startswith("re:") else f"Re: {read.subject}"
    reply["Date"] = format_datetime(at)
    reply["Message-ID"] = f"<{derived_ses_message_id(read.message_id_header + person)}@simulator.test>"
    reply["In-Reply-To"] = read.message_id_header
    reply["References"] = _chain(read.references, read.message_id_header)
    reply.set_content(_text(person, read))
    return Reply(answered.address, reply.as_bytes())


def _chain(references: Sequence[str], last: str) -> str:
    """The first reference and as many of the newest as find room."""
    first, *others = [*references, last]
    room = _REFERENCES_LENGTH - len(first)
    newest: list[str] = []
    for known in reversed(others):
        room -= len(known) + 1
        if room < 0:
            break
        newest.insert(0, known)
    return " ".join([first, *newest])


def _text(person: str, read: ParsedMail) -> str:
    label = person.partition("@")[0].partition("+")[2]
    words = label.replace("-", " ").strip() or _NO_WORDS
    when = f"On {read.date:%a, %d %b %Y at %H:%M}, " if read.date else ""
    writer = read.sender.address if read.sender else "someone"
    quoted = "\n".join(f"> {line}".rstrip() for line in (read.body_text or "").splitlines())
    return f"{words}\n\n{when}{writer} wrote:\n{quoted}\n"
