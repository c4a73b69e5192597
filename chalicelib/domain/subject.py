"""Subjects of replies and forwards: one `Re:` or `Fwd:`, in whatever language the marks before it were."""

import re

from chalicelib.domain.header_text import header_text_problem

SUBJECT_LIMIT = 998  # characters (RFC 5322 section 2.1.1), as of any message that is sent

# What mail programs write, by language. Left out are those that begin many subjects of their own: "R:", "I:", "Ref:".
_REPLY_MARKS = "re aw antw antwort sv svar vs odp ynt vá va atb bls res رد השב תגובה απ σχετ отв ответ 回复 回覆 答复 答覆 返信 回信"
_FORWARD_MARKS = "fwd fw wg tr vl vb rv enc doorst pd ilt továbbítás προωθ пересл 转发 轉寄 轉發 転送"


def _mark(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.split(), key=len, reverse=True))


# With a count as some programs write it, `Re[2]:`, `Re(2):` or `Re^2:`; French programs leave a space before the colon.
_MARK = re.compile(
    rf"\s*(?:(?P<reply>{_mark(_REPLY_MARKS)})|(?P<forward>{_mark(_FORWARD_MARKS)}))"
    r"(?:\[[0-9]{1,4}\]|\([0-9]{1,4}\)|\^[0-9]{1,4})?\s?[:：]",  # noqa: RUF001 - the wide colon of CJK keyboards
    re.IGNORECASE,
)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def reply_subject(original: str) -> str:
    """`Re: …`; of the marks it had, one that says it was forwarded stays."""
    _, is_forwarded, words = _apart(original)
    return _joined("Re: Fwd:" if is_forwarded else "Re:", words)


def forward_subject(original: str) -> str:
    """`Fwd: …`; of the marks it had, one that says it was a reply stays."""
    is_reply, _, words = _apart(original)
    return _joined("Fwd: Re:" if is_reply else "Fwd:", words)


def header_line(text: str) -> str:
    """A stranger's text made fit for one line of a header: nothing that ends a line, now or once it is decoded."""
    line = " ".join(_SURROGATE.sub("\ufffd", _UNFIT.sub(" ", text)).split())
    if header_text_problem(line):  # it looks like an encoded word (RFC 2047) that hides a line end
        line = line.replace("=?", "= ?")
    return line


def _apart(subject: str) -> tuple[bool, bool, str]:
    """(whether it is a reply, whether it was forwarded, the subject without the marks that say so)."""
    line = header_line(subject)
    is_reply = is_forwarded = False
    place = 0
    while mark := _MARK.match(line, place):
        is_reply = is_reply or mark["reply"] is not None
        is_forwarded = is_forwarded or mark["forward"] is not None
        place = mark.end()
    return is_reply, is_forwarded, line[place:].strip()


def _joined(marks: str, words: str) -> str:
    return f"{marks} {words}"[:SUBJECT_LIMIT].rstrip()
