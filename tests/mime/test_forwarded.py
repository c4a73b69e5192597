"""The bodies of forwards: the new words, then the original as mail programs quote it."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.address import Mailbox
from chalicelib.domain.message import Direction, MessageContent
from chalicelib.mime.forwarded import ADDRESSES_SHOWN, Bodies, forwarded
from chalicelib.mime.html_text import html_to_text
from tests.factories.mails import compose_mail
from tests.factories.messages import make_arrival, make_content
from tests.mime.reading import read, text_of

LINE = "---------- Forwarded message ---------"


def original(**changes: Any) -> MessageContent:
    fields: dict[str, Any] = {
        "direction": Direction.INBOUND,
        "arrival": make_arrival(date=datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
        "sender": Mailbox("ada@example.com", "Ada Lovelace"),
        "to": (Mailbox("agent@mail.example.com"),),
        "bcc": (Mailbox("hidden@example.com"),),
        "subject": "Numbers",
        "body_text": "Forty-two.\n",
    }
    return make_content(**fields | changes)


def test_text_goes_below_the_new_words_with_the_fields_that_matter() -> None:
    cc = (Mailbox("bob@example.net", "Bob"), Mailbox("eve@example.org"))
    assert forwarded(Bodies("See below.\n", None), original(cc=cc)) == Bodies(
        "See below.\n"
        "\n"
        "---------- Forwarded message ---------\n"
        "From: Ada Lovelace <ada@example.com>\n"
        "Date: Sat, 21 Nov 2026 09:30:00 +0000\n"
        "Subject: Numbers\n"
        "To: agent@mail.example.com\n"
        "Cc: Bob <bob@example.net>, eve@example.org\n"
        "\n"
        "Forty-two.\n",
        None,
    )


def test_without_new_words_it_begins_with_the_original() -> None:
    bodies = forwarded(Bodies(None, None), original())
    assert bodies.text is not None
    assert bodies.text.startswith(f"{LINE}\nFrom: ")


def test_blind_copies_are_not_quoted() -> None:
    bodies = forwarded(Bodies(None, "<p>Hi</p>"), original(body_html="<p>x</p>"))
    assert "hidden@example.com" not in f"{bodies.text}{bodies.html}"


def test_our_own_message_is_dated_by_its_acceptance() -> None:
    bodies = forwarded(Bodies(None, None), make_content())
    assert "Date: Sun, 22 Nov 2026 12:00:00 +0000\n" in (bodies.text or "")


def test_of_hundreds_of_addresses_some_are_shown_and_the_rest_counted() -> None:
    to = tuple(Mailbox(f"p{number}@example.com") for number in range(ADDRESSES_SHOWN + 7))
    assert f"p{ADDRESSES_SHOWN - 1}@example.com, and 7 more\n" in (
        forwarded(Bodies(None, None), original(to=to)).text or ""
    )


def test_a_hostile_header_adds_no_lines_to_the_quote() -> None:
    hostile = original(subject="Hi\nFrom: boss@example.com\u2028To: all", sender=Mailbox("a@b.c", "x\r\nCc: eve"))
    text = forwarded(Bodies(None, None), hostile).text or ""
    head = text.partition("\n\n")[0].split("\n")
    assert [line.partition(":")[0] for line in head] == [LINE, "From", "Date", "Subject", "To"]


# ---------------------------------------------------------------------------------------------------------- HTML


@pytest.mark.parametrize(
    ("words", "body_html"),
    [
        (Bodies("Look: 1 < 2", None), "<p>Forty-two</p>"),
        (Bodies(None, "<p>Look</p>"), None),
        (Bodies("a", "<p>b</p>"), "<p>c</p>"),
    ],
)
def test_both_versions_are_there_when_either_side_has_html(words: Bodies, body_html: str | None) -> None:
    bodies = forwarded(words, original(body_html=body_html))
    assert bodies.text is not None
    assert bodies.html is not None
    assert LINE in bodies.text
    assert LINE in bodies.html


def test_texts_are_escaped_and_html_is_put_in_as_it_is() -> None:
    theirs = '<div class="x"><p>a & b<br>unclosed'
    html = (
        forwarded(Bodies("1 < 2 & <b>3</b>", None), original(subject="<script>x</script>", body_html=theirs)).html or ""
    )
    assert "1 &lt; 2 &amp; &lt;b&gt;3&lt;/b&gt;" in html
    assert "<b>Subject:</b> &lt;script&gt;x&lt;/script&gt;" in html
    assert "Ada Lovelace &lt;ada@example.com&gt;" in html
    assert html.index("<blockquote") < html.index(theirs) < html.rindex("</blockquote>")


def test_a_text_original_is_escaped_in_html() -> None:
    html = forwarded(Bodies(None, "<p>Look</p>"), original(body_text="<img src=x onerror=y>\n  two")).html or ""
    assert "&lt;img src=x onerror=y&gt;\n  two" in html
    assert "<img" not in html


def test_nothing_of_ours_but_end_tags_stands_behind_their_html() -> None:
    html = forwarded(Bodies("My words", None), original(body_html="<p>theirs <!-- never closed")).html or ""
    assert html.partition("<!-- never closed")[2].split() == ["</blockquote>"]
    seen = html_to_text(html).text
    assert "My words" in seen
    assert "From: Ada Lovelace <ada@example.com>" in seen


@pytest.mark.parametrize("end", ["</body></html>", "</BODY >\n</html>", "</body"])
def test_into_a_whole_document_it_goes_before_the_end_of_the_body(end: str) -> None:
    html = forwarded(Bodies(None, f"<html><body><p>Look</p>{end}"), original()).html or ""
    assert html.startswith("<html><body><p>Look</p>\n<br>\n<div>")
    assert html.endswith(f"</blockquote>\n{end}")


def test_missing_versions_are_derived_for_the_text() -> None:
    bodies = forwarded(Bodies(None, "<p>My <b>words</b></p>"), original(body_text=None, body_html="<p>Their words</p>"))
    assert (bodies.text or "").startswith(f"My words\n\n{LINE}\n")
    assert (bodies.text or "").rstrip().endswith("\n\nTheir words")


def test_a_mail_without_a_body_is_forwarded_too() -> None:
    bodies = forwarded(Bodies(None, None), original(body_text=None))
    assert (bodies.text or "").endswith("To: agent@mail.example.com\n\n")
    assert bodies.html is None


TEXTS = (
    st.none()
    | st.text(max_size=60)
    | st.lists(st.sampled_from(["<p>", "</p>", "<!--", "</blockquote>", "<a b='", "x\r\n"])).map("".join)
)


@given(st.builds(Bodies, TEXTS, TEXTS), st.text(max_size=30), st.text(max_size=30), TEXTS, TEXTS)
def test_any_original_makes_a_mail_that_says_both(
    words: Bodies, subject: str, name: str, body_text: str | None, body_html: str | None
) -> None:
    content = original(subject=subject, sender=Mailbox("a@b.c", name), body_text=body_text, body_html=body_html)
    bodies = forwarded(words, content)
    assert LINE in (bodies.text or "")
    assert body_html is None or body_html in (bodies.html or "")
    mail = read(compose_mail(make_content(body_text=bodies.text, body_html=bodies.html)))
    assert LINE in text_of(mail, "plain")
    if bodies.html is not None:
        HTMLParser().feed(bodies.html)
        assert LINE in text_of(mail, "html")


def test_what_could_not_be_read_of_the_original_is_told() -> None:
    told = "Note: Not everything in this message could be read"
    whole, part = original(), original(arrival=make_arrival(degraded="Not everything could be read: its parts."))
    assert told not in str(forwarded(Bodies("Hi", "<p>Hi</p>"), whole))
    bodies = forwarded(Bodies("Hi", "<p>Hi</p>"), part)
    assert told in str(bodies.text)
    assert "<b>Note:</b> Not everything" in str(bodies.html)
