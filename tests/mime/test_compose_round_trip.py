"""Whatever can be written is read back as it was given, and nothing else with it."""

import email
from collections.abc import Sequence
from email.header import decode_header, make_header
from email.utils import getaddresses

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.message import MessageContent
from chalicelib.mime.compose import AttachmentPart
from tests.factories.mails import compose_mail
from tests.factories.messages import make_content, make_mailbox
from tests.mime.reading import addresses, composed, read, text_of, with_crlf

PLAIN_NAMES = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
MAIL_SYNTAX = st.sampled_from([*" \"\\<>@,;:().=?_%*'", "=?utf-8?q?", "?=", "é", "日本"])
HEADER_TEXT = (st.text(CHARACTERS, max_size=150) | st.lists(MAIL_SYNTAX, max_size=60).map("".join)).filter(
    lambda text: header_text_problem(text) is None
)
# Names that fit into one encoded word: CPython's modern parser long showed a space between two in a name
# (gh-128110). It also makes one space of several, encoded or not.
SHORT_NAMES = HEADER_TEXT.map(lambda text: " ".join(text[:10].split())).filter(
    lambda text: header_text_problem(text) is None
)
BODIES = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from(["\r", "\n", "\r\n", ".", " ", "\t", "=", "--", "é", "日", "\0", "From ", "x" * 80])
).map("".join)


@given(subject=HEADER_TEXT, value=HEADER_TEXT)
def test_subject_and_header_values_survive(subject: str, value: str) -> None:
    message = composed(make_content(subject=subject, headers={"X-Value": value}))

    assert message["Subject"] == subject
    assert message["X-Value"] == value


@given(names=st.lists(SHORT_NAMES, min_size=1, max_size=5))
def test_names_and_addresses_survive(names: Sequence[str]) -> None:
    people = tuple(make_mailbox(f"p{number}@example.com", name) for number, name in enumerate(names))

    message = composed(make_content(sender=people[0], to=people, cc=people, reply_to=people))

    pairs = [(person.name, person.address) for person in people]
    assert addresses(message, "From") == pairs[:1]
    assert addresses(message, "To") == pairs
    assert addresses(message, "Cc") == pairs
    assert addresses(message, "Reply-To") == pairs


@given(names=st.lists(HEADER_TEXT.filter(bool), min_size=1, max_size=5))
def test_long_names_survive(names: Sequence[str]) -> None:
    people = tuple(make_mailbox(f"p{number}@example.com", name) for number, name in enumerate(names))

    field = email.message_from_bytes(compose_mail(make_content(to=people)))["To"]

    read_back = [
        (str(make_header(decode_header(name))), address) for name, address in getaddresses([field.replace("\r\n", "")])
    ]
    assert read_back == [(person.name, person.address) for person in people]


@given(text=st.none() | BODIES, html=st.none() | BODIES)
def test_bodies_survive(text: str | None, html: str | None) -> None:
    mail = compose_mail(make_content(body_text=text, body_html=html))

    message = read(mail)
    if html is not None:
        assert text_of(message, "html") == with_crlf(html)
    if text is not None or html is None:
        assert text_of(message, "plain") == with_crlf(text or "")
    assert max(len(line) for line in mail.split(b"\r\n")) <= 78
    assert b"." not in mail.split(b"\r\n")


@given(files=st.lists(st.tuples(HEADER_TEXT, st.binary()), min_size=1, max_size=4))
def test_attachments_survive(files: Sequence[tuple[str, bytes]]) -> None:
    parts = [AttachmentPart(filename, "application/x-data", data) for filename, data in files]

    message = composed(make_content(), attachments=parts)

    attached = [part for part in message.walk() if part.get_content_type() == "application/x-data"]
    read_back = [(part["Content-Disposition"].params["filename"], part.get_content()) for part in attached]
    assert read_back == list(files)


@given(
    content=st.builds(
        make_content,
        subject=HEADER_TEXT,
        to=st.lists(HEADER_TEXT.map(lambda name: make_mailbox(name=name)), min_size=1, max_size=3).map(tuple),
        body_text=BODIES,
        body_html=st.none() | BODIES,
        headers=st.fixed_dictionaries({}, optional={"X-A": HEADER_TEXT, "List-Id": HEADER_TEXT}),
    )
)
def test_whatever_is_written_adds_no_field_and_no_recipient(content: MessageContent) -> None:
    mail = compose_mail(content)

    header = mail.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
    names = [line.partition(b":")[0].decode() for line in header.split(b"\r\n")]
    encoding = [] if content.body_html is not None else ["Content-Transfer-Encoding"]
    assert sorted(names) == sorted([*PLAIN_NAMES, *content.headers, *encoding])
    assert [address for _, address in addresses(read(mail), "To")] == [to.address for to in content.to]
    assert mail == compose_mail(content)
