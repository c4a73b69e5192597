"""What we compose says the same to our own reader and to one of others in another language: texts, names and bytes.

The other one is the crate `mailparse`. A third, Python's `email`, reads in test_compose_round_trip.
"""

from collections.abc import Sequence

from fast_mail_parser import PyMail, parse_email
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.file_name import clean_filename
from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.message import MessageContent
from chalicelib.mime.compose import AttachmentPart
from chalicelib.mime.parse import parse_mail
from chalicelib.mime.parsed_mail import ParsedMail
from tests.factories.mails import compose_mail
from tests.factories.messages import make_content, make_mailbox
from tests.mime.test_compose_round_trip import HEADER_TEXT

# Words of many writings, some written from the right, some beyond the first 64K characters.
WORDS = [
    "Grüße",
    "日本語の件名",
    "Привет",
    "שלום",
    "مرحبا",
    "한국어",
    "👩‍👧 family",
    "ﬁn",
    "e\u0301",
    "x" * 100,
    "=?utf-8?q?",
]
LETTERS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=80)
# Our reader shows blank lines alone as no text.
TEXTS = (
    st.lists(
        st.sampled_from(["\n", "\n\n", " ", "\t", ".", "\n.\n", "=", "--", "From ", "> ", "-- \n", *WORDS]) | LETTERS,
        max_size=12,
    )
    .map("".join)
    .filter(str.strip)
)
# Encoded words do not belong into file names, but many programs write them, so our reader takes them for what they are.
FILE_NAMES = (
    (HEADER_TEXT | st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join))
    .map(lambda text: clean_filename(text + ".bin"))
    .filter(lambda name: "=?" not in name)
)
# Our reader shows subjects and names with single blanks between their words.
LINES = HEADER_TEXT.map(lambda text: " ".join(text.split())).filter(lambda text: header_text_problem(text) is None)
TYPES = st.sampled_from(
    [
        "application/pdf",
        "image/png",
        "application/x-data",
        "text/csv",
        "text/plain",
        "text/html",
        "text/calendar; method=REQUEST",
    ]
)
FILES = st.builds(AttachmentPart, FILE_NAMES, TYPES, st.binary(max_size=3_000))
IMAGES = st.builds(
    lambda name, data, number: AttachmentPart(name, "image/png", data, f"{number}@example.com", inline=True),
    FILE_NAMES,
    st.binary(min_size=1, max_size=300),
    st.integers(0, 10**9),
)
CONTENTS = st.builds(
    make_content,
    subject=LINES.filter(bool),
    sender=LINES.map(lambda name: make_mailbox("agent@mail.example.com", name)),
    to=st.lists(LINES, min_size=1, max_size=3).map(
        lambda names: tuple(make_mailbox(f"p{n}@example.com", name) for n, name in enumerate(names))
    ),
    body_text=TEXTS,
    body_html=st.none() | TEXTS.map(lambda text: f"<p>{text}</p>"),
)


def both(content: MessageContent, files: Sequence[AttachmentPart] = ()) -> tuple[ParsedMail, PyMail]:
    mail = compose_mail(content, attachments=files)
    return parse_mail(mail), parse_email(mail)


def with_line_feeds(texts: Sequence[str]) -> str:
    return "".join(texts).replace("\r\n", "\n")


@given(content=CONTENTS)
def test_texts_and_people_read_the_same(content: MessageContent) -> None:
    ours, theirs = both(content)

    assert ours.degraded is None
    assert (ours.subject, theirs.subject) == (content.subject, content.subject)
    assert (ours.sender, ours.to) == (content.sender, content.to)
    assert [(known.display_name or "", known.address) for known in theirs.to] == [
        (known.name, known.address) for known in content.to
    ]
    assert with_line_feeds(theirs.text_plain) == content.body_text
    assert ours.body_text == content.body_text
    assert with_line_feeds(theirs.text_html) == (content.body_html or "")
    assert ours.body_html == content.body_html


@given(content=CONTENTS, files=st.lists(FILES, min_size=1, max_size=4))
@example(content=make_content(), files=[AttachmentPart("a;b (1).txt", "text/plain", b"")])
def test_files_read_the_same(content: MessageContent, files: Sequence[AttachmentPart]) -> None:
    ours, theirs = both(content, files)

    sent = [(file.filename, file.content_type, file.data) for file in files]
    assert [(file.filename, file.content_type, file.data) for file in ours.attachments] == sent
    assert [(file.filename, file.mimetype, file.content) for file in theirs.attachments] == [
        (name, content_type.partition(";")[0], data) for name, content_type, data in sent
    ]
    assert (ours.body_text, with_line_feeds(theirs.text_plain)) == (content.body_text, content.body_text)


@given(
    content=CONTENTS.filter(lambda content: content.body_html is not None),
    files=st.lists(FILES, max_size=2),
    images=st.lists(IMAGES, min_size=1, max_size=3),
)
def test_pictures_in_the_text_read_the_same(
    content: MessageContent, files: Sequence[AttachmentPart], images: Sequence[AttachmentPart]
) -> None:
    ours, theirs = both(content, [*files, *images])

    sent = [(image.filename, image.data, image.content_id) for image in images]
    assert [(file.filename, file.data, file.content_id) for file in ours.attachments if file.inline] == sent
    shown = [
        (file.filename, file.content, file.content_id) for file in theirs.attachments if file.disposition == "inline"
    ]
    assert [(name, data, (content_id or "").strip("<>")) for name, data, content_id in shown] == sent
    assert sorted(file.filename for file in ours.attachments if not file.inline) == sorted(
        file.filename for file in files
    )
    assert (ours.body_html, with_line_feeds(theirs.text_html)) == (content.body_html, content.body_html)
