"""Subjects of replies and forwards."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.header_text import header_text_problem
from chalicelib.domain.subject import SUBJECT_LIMIT, forward_subject, header_line, reply_subject

MARKS = [
    "Re:",
    "RE: ",
    "Aw: ",
    "Sv:",
    "Fwd: ",
    "WG:",
    "Re[2]: ",
    "回复：",
    "=?utf-8?q?a=0Ab?=",
    "\r\n",
    "\u2028",
    "\ud800",
]
SUBJECTS = st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=20)), max_size=120).map("".join)


@pytest.mark.parametrize(
    "subject",
    [
        "Lunch",
        "Re: Lunch",
        "RE: RE: Lunch",
        "re:Lunch",
        "Re : Lunch",
        "Re[2]: Lunch",
        "Re(3): Lunch",
        "Re^4: Lunch",
        "Aw: Lunch",
        "AW: Antw: SV: Lunch",
        "Antwort: Lunch",
        "Sv: Lunch",
        "VS: Lunch",
        "Odp: Lunch",
        "Ynt: Lunch",
        "RES: Lunch",
        "回复: Lunch",
        "回复：Lunch",
        "答复: 回覆: Lunch",
        "Отв: Lunch",
        "ΑΠ: Lunch",
        "  Re:   Lunch  ",
        "Re:\r\n Lunch",
    ],
)
def test_a_reply_has_one_re(subject: str) -> None:
    assert reply_subject(subject) == "Re: Lunch"


@pytest.mark.parametrize(
    "subject",
    [
        "Lunch",
        "Fwd: Lunch",
        "FW: Fwd: Lunch",
        "WG: Lunch",
        "Tr: Lunch",
        "TR : Lunch",
        "VB: Lunch",
        "转发：Lunch",
        "轉寄: Lunch",
    ],
)
def test_a_forward_has_one_fwd(subject: str) -> None:
    assert forward_subject(subject) == "Fwd: Lunch"


@pytest.mark.parametrize(
    ("subject", "reply", "forward"),
    [
        ("Fwd: Lunch", "Re: Fwd: Lunch", "Fwd: Lunch"),
        ("Re: Lunch", "Re: Lunch", "Fwd: Re: Lunch"),
        ("Re: WG: AW: Fw: Lunch", "Re: Fwd: Lunch", "Fwd: Re: Lunch"),
        ("", "Re:", "Fwd:"),
        ("Re:", "Re:", "Fwd: Re:"),
        ("Request: Lunch", "Re: Request: Lunch", "Fwd: Request: Lunch"),
        ("Ref: 12", "Re: Ref: 12", "Fwd: Ref: 12"),
        ("Lunch Re: dinner", "Re: Lunch Re: dinner", "Fwd: Lunch Re: dinner"),
        ("Re[99999]: Lunch", "Re: Re[99999]: Lunch", "Fwd: Re[99999]: Lunch"),
    ],
)
def test_what_else_a_subject_says_stays(subject: str, reply: str, forward: str) -> None:
    assert (reply_subject(subject), forward_subject(subject)) == (reply, forward)


def test_a_hostile_subject_brings_no_line_end_into_a_header() -> None:
    subject = reply_subject("Hello\r\nBcc: eve@example.org\x00 =?utf-8?q?x=0D=0ABcc:_eve@example.org?=")
    assert subject == "Re: Hello Bcc: eve@example.org = ?utf-8?q?x=0D=0ABcc:_eve@example.org?="


def test_an_encoded_word_that_hides_nothing_stays_as_it_is() -> None:
    assert header_line("=?utf-8?q?caf=C3=A9?=") == "=?utf-8?q?caf=C3=A9?="


@pytest.mark.parametrize("answer", [reply_subject, forward_subject])
def test_a_long_subject_is_cut(answer: Callable[[str], str]) -> None:
    assert len(answer("x" * 2_000)) == SUBJECT_LIMIT


@given(SUBJECTS)
def test_any_subject_can_be_answered_again_and_again(subject: str) -> None:
    for answer, mark in ((reply_subject, "Re:"), (forward_subject, "Fwd:")):
        once = answer(subject)
        assert once.startswith(mark)
        assert len(once) <= SUBJECT_LIMIT
        assert header_text_problem(once) is None
        assert answer(once) == once
        assert answer(f"{mark} {once}") == once
