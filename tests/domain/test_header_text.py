"""What may stand in a header, and what may not."""

import base64
import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.header_text import body_text_problem, header_text_problem

LINE_ENDS = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # what str.splitlines ends a line at


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a\nBcc: x@example.com", "a line feed (U+000A) at character 2"),
        ("a\r\nBcc: x@example.com", "a carriage return (U+000D) at character 2"),
        ("\0", "a NUL character (U+0000) at character 1"),
        ("tab\there", "a tab (U+0009) at character 4"),
        ("\x7f", "a DEL character (U+007F)"),
        ("next line\x85", "a control character (U+0085) at character 10"),
        ("a\u2028b", "a line separator (U+2028)"),
        ("a\u2029b", "a paragraph separator (U+2029)"),
        ("half \ud83d", "half of a surrogate pair (U+D83D) at character 6"),
    ],
)
def test_a_forbidden_character_is_named_with_its_place(text: str, named: str) -> None:
    problem = header_text_problem(text)

    assert problem is not None
    assert named in problem


@pytest.mark.parametrize(
    "text",
    [
        "=?utf-8?q?a=0D=0ABcc:_x@y.z?=",
        "=?UTF-8?Q?a=0d=0aBcc:_x@y.z?=",
        "=?utf-8?b?YQ0KQmNjOiB4QHkueg==?=",
        "=?utf-8?B?YQ0KQmNjOiB4QHkueg?=",  # without padding
        "=?utf-8?b?YQ0K.QmNjOiB4QHkuegA?=",  # with a foreign character and one digit too many
        "=?utf-8*en?q?a=0A?=",  # with a language (RFC 2231)
        "=?no-such-charset?q?a=0A?=",
        "=?utf-16-be?q?=00=0A?=",
        "=?utf-16-be?q?=0A=0D?=",  # Malayalam in UTF-16, a line end to a reader that takes it for ASCII
        "=?utf-7?q?+AA0-+AAo-Bcc?=",
        "=?utf-8?q?=E2=80=A8?=",  # U+2028
        "=?utf-8?q?=E2?= =?utf-8?q?=80=A8?=",  # U+2028 in two words
        "=?utf-8?q?=C2=85?=",  # U+0085
        "=?utf-8?q?x=00?=",
        "=?unicode_escape?q?a=5Cr=5CnBcc?=",
        "=?raw-unicode-escape?q?a=5Cu000aBcc?=",
        "before =?utf-8?q?fine?= between =?utf-8?q?=0A?= after",
        "=?utf-8?q?two words=0A?=",
    ],
)
def test_an_encoded_word_that_hides_a_line_end_or_control_character_is_refused(text: str) -> None:
    problem = header_text_problem(text)

    assert problem is not None
    assert "encoded word" in problem


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Hello",
        "Grüße aus 東京 👩‍👩‍👧 שלום",
        "right-to-left \u202e override",
        "=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=",  # its escape octets are not control characters once decoded
        "=?no-such-charset?q?fine?=",
        "what =? is ?= this",
        "=?utf-8?q?",
        "=?utf-8?x?=0A?=",  # neither Q nor B
        "=?utf-8?b?not base64 at all!?=",
    ],
)
def test_other_text_may_stand_in_a_header(text: str) -> None:
    assert header_text_problem(text) is None


@given(st.text(), st.sampled_from(LINE_ENDS), st.text())
def test_no_text_with_a_line_end_passes(before: str, line_end: str, after: str) -> None:
    assert header_text_problem(before + line_end + after) is not None


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(LINE_ENDS),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-7"]),
)
def test_no_encoded_line_end_passes_in_any_unicode_charset(before: str, line_end: str, charset: str) -> None:
    octets = codecs.encode(before + line_end, charset)
    in_b = f"=?{charset}?b?{base64.b64encode(octets).decode()}?="
    in_q = f"=?{charset}?q?{''.join(f'={octet:02X}' for octet in octets)}?="

    assert header_text_problem(in_b) is not None
    assert header_text_problem(in_q) is not None


@given(st.text())
def test_any_text_gets_a_verdict(text: str) -> None:
    problem = header_text_problem(f"=?{text}?q?{text}?= =?utf-8?b?{text}?=")

    assert problem is None or problem.startswith("it holds ")


def test_a_body_may_hold_everything_but_half_a_character() -> None:
    assert body_text_problem("a\0b\r\n\x85\u2028 é 👩") is None
    said = "it holds half of a surrogate pair (U+DC00) at character 3, which UTF-8 cannot express"
    assert body_text_problem("ab\udc00") == said
