"""Forward a message: the caller's words, the original below them, and its files."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import Verdict
from chalicelib.domain.attachment import MESSAGE_BYTES_LIMIT, Enclosure, MessageAttachment
from chalicelib.domain.errors import Conflict, ErrorCode, InvalidInput
from chalicelib.domain.ids import MessageKey
from chalicelib.domain.message import BODY_LIMIT, Draft, Message, MessageContent
from chalicelib.domain.subject import forward_subject
from chalicelib.mime.forwarded import Bodies, forwarded
from chalicelib.mime.parts import is_content_id
from chalicelib.operations.choose_attachments import ENCLOSURES_LIMIT
from chalicelib.operations.get_message import GetMessage
from chalicelib.operations.reply_into import references_after
from chalicelib.operations.reply_to_message import Words
from chalicelib.operations.submit_message import SubmitMessage


@dataclass(frozen=True, slots=True)
class Recipients:
    """To whom a message is forwarded."""

    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()


@dataclass(frozen=True)
class ForwardMessage:
    """Send a message on, in a thread of its own (docs/decisions/0013)."""

    get_message: GetMessage
    submit_message: SubmitMessage

    def __call__(
        self,
        words: Words,
        original: MessageKey,
        recipients: Recipients,
        *,
        caller: Caller,
        name_resource: Callable[[MessageKey], None],
    ) -> Message:
        """Raises what SubmitMessage raises; InvalidInput or Conflict when the original cannot be sent on."""
        message = self.get_message(original, caller)
        content = message.content
        _refuse_unsound(content)
        _refuse_too_many_files(content)
        bodies = forwarded(Bodies(words.body_text, words.body_html), content)
        _refuse_too_long(bodies)
        draft = Draft(
            to=recipients.to,
            cc=recipients.cc,
            bcc=recipients.bcc,
            subject=forward_subject(content.subject) if words.subject is None else words.subject,
            body_text=bodies.text,
            body_html=bodies.html,
            reply_to=words.reply_to,
            headers=words.headers,
            metadata=words.metadata,
            references=references_after(content, message.delivery, self.submit_message.public_ids),
            enclosures=_enclosures(words, content),
        )
        return self.submit_message(
            draft, inbox_number=original.inbox_number, caller=caller, name_resource=name_resource
        )


def _refuse_unsound(content: MessageContent) -> None:
    if content.body_truncated:
        raise InvalidInput(
            {"messageId": ["a body of this message is lost in storage, so a forward would not say what it said"]},
            fix="Read its source with GET /messages/{message_id}/raw and send what you need of it as a new message.",
        )
    if content.attachments and content.arrival and content.arrival.authentication.virus is Verdict.FAIL:
        raise Conflict(
            "Amazon SES found a virus in this message, so its attachments are withheld and it cannot be forwarded.",
            fix="Tell the recipient about it in a new message, without the files.",
            code=ErrorCode.ATTACHMENT_WITHHELD,
        )


def _refuse_too_many_files(content: MessageContent) -> None:
    """More than a message of ours carries: the caller named none of them, so what is wrong is the original."""
    number, size = len(content.attachments), sum(file.size for file in content.attachments)
    if number > ENCLOSURES_LIMIT:
        problem, code = (
            f"it has {number} files; one message carries at most {ENCLOSURES_LIMIT}",
            ErrorCode.VALIDATION_ERROR,
        )
    elif size > MESSAGE_BYTES_LIMIT:
        problem = f"its files have {size:,} bytes together; a message carries at most {MESSAGE_BYTES_LIMIT:,} (25 MiB)"
        code = ErrorCode.ATTACHMENTS_TOO_LARGE
    else:
        return
    raise InvalidInput(
        {"messageId": [problem]},
        fix="Send new messages instead, each with a part of its files in `attachmentIds`.",
        code=code,
    )


def _refuse_too_long(bodies: Bodies) -> None:
    lengths = {"bodyText": len(bodies.text or ""), "bodyHtml": len(bodies.html or "")}
    problems = {
        path: [f"with the original below it, it has {length:,} characters; at most {BODY_LIMIT:,} are possible"]
        for path, length in lengths.items()
        if length > BODY_LIMIT
    }
    if problems:
        raise InvalidInput(
            problems, fix="Send a new message with the part that matters, or with the original as a file."
        )


def _enclosures(words: Words, content: MessageContent) -> tuple[Enclosure, ...]:
    """The caller's files, in the order of `attachmentIds`, and then the original's; each once."""
    originals = {each.id: _enclosure(each) for each in content.attachments}
    added = {each.id: each for each in words.enclosures if each.id not in originals}
    return (*added.values(), *originals.values())


def _enclosure(attachment: MessageAttachment) -> Enclosure:
    if attachment.content_id is None or not is_content_id(attachment.content_id):
        return Enclosure(attachment.id)  # no HTML could show it in its place
    return Enclosure(attachment.id, attachment.content_id, attachment.inline)
