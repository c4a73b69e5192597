"""Mails built at random and then damaged, for hypothesis."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.mime.incoming import mail_of, multipart, part

LONGEST = 20_000  # octets; repetition would make millions of them

WORDS = st.sampled_from(
    [
        *'\0\r\n\t;:,<>()@"\\=?-_ aé日😀\u202e\u2028',
        *("\r\n", "\r\n ", "=?utf-8?q?", "=?utf-8?b?", "?=", "=C3=A9", "=0D=0A", "5pel", "--", "a@x.com", "<a@x.com>"),
        *("../", "C:\\x\\", ".pdf", "utf-8''", "%e2%82%ac", "base64", "text/html", "Fri, 21 Nov 1997 09:55:06 -0600"),
    ]
)
VALUES = st.lists(WORDS, max_size=12).map("".join) | st.text(max_size=30)
FIELD_NAMES = st.sampled_from(
    [
        *("From", "Sender", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
        *("Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Content-ID", "MIME-Version"),
        *("Auto-Submitted", "Precedence", "List-Id", "Return-Path", "X-Autoreply", "Received"),
    ]
)
FIELDS = st.tuples(FIELD_NAMES, VALUES).map(lambda field: f"{field[0]}: {field[1]}")
TYPES = st.sampled_from(
    [
        *("text/plain", "text/html", "text/plain; charset=utf-8", "text/html; charset=iso-8859-1", "text/calendar"),
        *("text/plain; charset=utf-7", "text/plain; charset=no-such", "image/png; name=a.png", "application/ms-tnef"),
        *("message/rfc822", "message/delivery-status", "application/pkcs7-mime", "text/enriched", "nonsense", ""),
    ]
)
ENCODINGS = st.sampled_from(["7bit", "8bit", "base64", "quoted-printable", "x-uuencode", "nonsense", ""])
BODIES = st.one_of(
    VALUES.map(str.encode),
    st.binary(max_size=60),
    st.binary(max_size=120).map(base64.encodebytes),
    st.just(b'<p>Hi <span style="display:none">hidden</span><img src="cid:a@x"></p>'),
    st.just(b"Yes.\n\nOn Monday Ada wrote:\n> No?\n-- \nBob\n"),
    st.just(b"begin 644 a\n#0V%T\n`\nend\n"),
)
LEAVES = st.builds(
    lambda media_type, encoding, more, body: part(
        f"Content-Type: {media_type}", f"Content-Transfer-Encoding: {encoding}", *more, body=body
    ),
    TYPES,
    ENCODINGS,
    st.lists(FIELDS, max_size=3),
    BODIES,
)
MULTIPARTS = st.sampled_from(["mixed", "alternative", "related", "signed", "report", "digest", "x-other"])
STRUCTURES = st.recursive(
    LEAVES,
    lambda parts: st.builds(
        lambda subtype, children, boundary, end: multipart(subtype, *children, boundary=boundary, end=end),
        MULTIPARTS,
        st.lists(parts, max_size=4),
        st.sampled_from(["a", "ab", "a--", "=_x", "b" * 70, "x y"]),
        st.booleans(),
    ),
    max_leaves=8,
)
MAILS = st.builds(
    lambda fields, structure, line_end: mail_of(structure, *fields).replace(b"\n", line_end),
    st.lists(FIELDS, max_size=8),
    STRUCTURES,
    st.sampled_from([b"\n", b"\r\n", b"\r\n", b"\r"]),
)


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that happens to a mail on its way; `where` and `much` are parts of its length."""

    kind: str
    where: float
    much: float
    octets: bytes

    def of(self, mail: bytes) -> bytes:
        at = int(self.where * len(mail))
        end = at + int(self.much * (len(mail) - at))
        outcomes = {
            "cut": mail[:at],
            "beheaded": mail[at:],
            "hole": mail[:at] + mail[end:],
            "repeat": mail[:end] + mail[at:end] * 3 + mail[end:],
            "insert": mail[:at] + self.octets + mail[at:],
            "overwrite": mail[:at] + self.octets + mail[at + len(self.octets) :],
            "boundaries": mail.replace(b"\n--", b"\n-" + self.octets, 1 + at % 3),
            "no empty lines": mail.replace(b"\n\n", b"\n"),
        }
        return outcomes[self.kind]


DAMAGES = st.builds(
    Damage,
    st.sampled_from(["cut", "beheaded", "hole", "repeat", "insert", "overwrite", "boundaries", "no empty lines"]),
    st.floats(0, 1),
    st.floats(0, 1),
    st.binary(min_size=1, max_size=4) | WORDS.map(str.encode),
)


def damaged(mail: bytes, damages: Sequence[Damage]) -> bytes:
    for damage in damages:
        mail = damage.of(mail)[:LONGEST]
    return mail


DAMAGED_MAILS = st.builds(damaged, MAILS, st.lists(DAMAGES, max_size=6))
