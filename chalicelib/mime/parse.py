"""Reading a mail: whatever its octets are, something comes out, and nothing that could be read is left out."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.domain.address import Mailbox
from chalicelib.domain.arrival import MessageKind, MessageWarning, WarningCode
from chalicelib.mime.bounds import RAW_LIMIT, REPLY_LIMIT, Problems
from chalicelib.mime.guarded import guarded
from chalicelib.mime.html_text import HtmlText, html_to_text
from chalicelib.mime.mail_kind import mail_kind
from chalicelib.mime.misleading import misleading_name
from chalicelib.mime.parsed_mail import ParsedAttachment, ParsedMail
from chalicelib.mime.read_header import read_header
from chalicelib.mime.read_parts import Contents, attachments_of, html_of, read_contents, text_of
from chalicelib.mime.reply_text import extract_reply
from chalicelib.mime.split_parts import empty_part, split_parts


def parse_mail(raw: bytes) -> ParsedMail:
    """What the mail says. Never raises: past a bound, or where something cannot be read, `degraded` says why.

    The work grows with the size of the mail alone: every step is one pass, and no step recurses without bound.
    """
    problems = Problems()
    if len(raw) > RAW_LIMIT:
        problems.add(f"it has {len(raw):,} bytes, and only the first {RAW_LIMIT:,} were read")
        raw = raw[:RAW_LIMIT]
    root = guarded("its structure", lambda: split_parts(raw, problems), empty_part(), problems)
    texts = read_header(root.header, root.content_type.parameters.get("charset"), problems)
    kind, automatic = guarded("its kind", lambda: mail_kind(root), (MessageKind.NORMAL, False), problems)
    contents = guarded("its parts", lambda: read_contents(raw, root, problems), Contents(), problems)
    bodies = _read_bodies(contents, problems)
    no_files: tuple[ParsedAttachment, ...] = ()
    attachments = guarded("its files", lambda: attachments_of(contents), no_files, problems)
    degraded = problems.sentence()
    return ParsedMail(
        sender=texts.sender,
        to=texts.to,
        cc=texts.cc,
        reply_to=texts.reply_to,
        subject=texts.subject,
        message_id_header=texts.message_id_header,
        in_reply_to=texts.in_reply_to,
        references=texts.references,
        date=texts.date,
        body_text=bodies.text,
        body_html=bodies.html,
        extracted_text=bodies.extracted,
        attachments=attachments,
        kind=kind,
        automatic=automatic,
        warnings=tuple(_warnings(texts.sender, bodies.hidden_characters, degraded)),
        degraded=degraded,
        several_senders=texts.several_senders,
        is_sender_sure=texts.is_sender_sure,
    )


@dataclass(frozen=True, slots=True)
class _Bodies:
    text: str | None
    html: str | None
    extracted: str | None
    hidden_characters: int


def _read_bodies(contents: Contents, problems: Problems) -> _Bodies:
    # Each piece of HTML is put into words once: for its hidden text, and for the text where there is no other. It is read
    # again only where it marks earlier mail.
    words = {content: _words(content, problems) for content in contents.htmls()}
    html = html_of(contents)
    text = text_of(contents, lambda content: words[content].text)
    marked = html if any(found.marks_quotes for found in words.values()) else None
    extracted = None
    if text is not None:
        extracted = guarded("its new words", lambda: _new_words(text, marked, problems), text, problems)
    return _Bodies(text, html, extracted, sum(found.hidden_characters for found in words.values()))


def _new_words(text: str, html: str | None, problems: Problems) -> str:
    if len(text) > REPLY_LIMIT:
        # They stand at the top. What is that long is no answer, and each of its lines would be weighed.
        problems.add(f"the new words were looked for in the first {REPLY_LIMIT:,} characters of the text")
    return extract_reply(text[:REPLY_LIMIT], html)


def _words(html: str, problems: Problems) -> HtmlText:
    return guarded("its HTML", lambda: html_to_text(html), HtmlText("", 0), problems)


def _warnings(sender: Mailbox | None, hidden_characters: int, degraded: str | None) -> Iterator[MessageWarning]:
    if hidden_characters:
        yield MessageWarning(
            WarningCode.HIDDEN_TEXT,
            f"The HTML holds text that a reader does not see: {hidden_characters:,} characters, left out of bodyText.",
        )
    if sender is not None and (shown := misleading_name(sender)):
        yield MessageWarning(
            WarningCode.MISLEADING_NAME,
            f"The sender's name shows {shown}, but the mail says it is from {sender.address}.",
        )
    if degraded is not None:
        yield MessageWarning(WarningCode.DEGRADED, degraded)
