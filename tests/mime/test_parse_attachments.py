"""Files come out with their exact bytes, a clean name and a type that is one."""

import pytest

from chalicelib.mime.parse import parse_mail
from tests.mime.incoming import mail_of, mixed, multipart, names, parsed, parsed_of, part, text, types

INNER = b"From: bob@example.com\r\nSubject: inner\n\n\xff\x00 --not-a-boundary\r\r\n line \r\n"


def named(*fields: str) -> str:
    (attachment,) = mixed(part("Content-Type: application/pdf", *fields, body="x")).attachments
    return attachment.filename


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ("filename=a.pdf", "a.pdf"),
        ('filename="a b.pdf"', "a b.pdf"),
        ("filename=a b.pdf", "a b.pdf"),
        ('FileName = "a;b.pdf" ; x=y', "a;b.pdf"),
        (r'filename="say \"hi\".pdf"', 'say "hi".pdf'),
        ('filename="a.pdf', "a.pdf"),
        ("filename*=utf-8'en'%e2%82%ac%20rates.pdf", "€ rates.pdf"),
        ("filename*=iso-8859-1''%A3.pdf", "£.pdf"),
        ("filename*=no-such''%C2%A3.pdf", "£.pdf"),
        ("filename*=%C2%A3.pdf", "£.pdf"),
        ("filename*0=long; filename*1=er.pdf", "longer.pdf"),
        ("filename*1*=%82%ac.pdf; filename*0*=utf-8''a%e2", "a€.pdf"),
        ("filename*0*=utf-8''%e2%82%ac; filename*1=%41.pdf", "€%41.pdf"),
        ("filename*2=b.pdf; filename*0=a", "ab.pdf"),
        ("filename=plain.pdf; filename*=utf-8''exact.pdf", "exact.pdf"),
        ("filename==?utf-8?q?=E2=82=AC.pdf?=", "€.pdf"),
        ('filename="=?utf-8?b?4oKsLnBkZg==?="', "€.pdf"),
        ('filename="=?utf-8?q?a=E2=82?= =?utf-8?q?=AC.pdf?="', "a€.pdf"),
        ('filename="€.pdf"', "€.pdf"),
        ("filename*=utf-8''%3D%3Futf-8%3Fq%3Fa%3F%3D.pdf", "=?utf-8?q?a?=.pdf"),
        ("filename*0*=utf-8''%3D%3Futf-8%3Fq; filename*1=?a?=.pdf", "=?utf-8?q?a?=.pdf"),
        ("filename*0==?utf-8?q?=E2=82; filename*1==AC.pdf?=", "€.pdf"),
        ("filename*0*=", "attachment-1.pdf"),
        ("filename", "attachment-1.pdf"),
        ("filename=", "attachment-1.pdf"),
    ],
)
def test_a_name_is_read_in_every_way_it_is_written(parameter: str, name: str) -> None:
    assert named(f"Content-Disposition: attachment; {parameter}") == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("../../etc/passwd", "passwd"),
        (r"C:\x\y.doc", "y.doc"),
        (r"\\server\share\y.doc", "y.doc"),
        ("/", "attachment-1.pdf"),
        (".", "attachment-1.pdf"),
        ("..", "attachment-1.pdf"),
        ("../..", "attachment-1.pdf"),
        (". .", "attachment-1.pdf"),
        ("a/..", "a"),
        ("  .pdf  ", ".pdf"),
        ("=?utf-8?q?a=0D=0Ab=00=07.pdf?=", "a b .pdf"),
        ("=?utf-8?q?..=2F..=5Cb.pdf?=", "b.pdf"),
        ("gnp\u202efdp.exe", "gnpfdp.exe"),
        ("\u200f\u2066a\u2069\ufeff.pdf", "a.pdf"),
        (
            "👩\u200d👧 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
            "👩\u200d👧 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.pdf",
        ),
        ("\u202e", "attachment-1.pdf"),
        ("=\u202e?utf-8?q?=0D=0A?=.pdf", "=_utf-8?q?=0D=0A?=.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("x" * 300, "x" * 200),
        ("." + "x" * 300, "." + "x" * 199),
        ("日" * 300 + ".docx", "日" * 195 + ".docx"),
    ],
)
def test_a_name_is_safe_as_a_file_name(written: str, name: str) -> None:
    assert named(f'Content-Disposition: attachment; filename="{written}"') == name


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("application/pdf", "attachment-1.pdf"),
        ("image/png", "image-1.png"),
        ("image/x-strange", "image-1.bin"),
        ("message/rfc822", "message.eml"),
        ("text/calendar", "invite.ics"),
        ("application/ms-tnef", "winmail.dat"),
        ("application/pkcs7-mime", "smime.p7m"),
        ("application/pgp-signature", "signature.asc"),
        ("message/delivery-status", "delivery-status.txt"),
        ("text/x-unheard-of", "attachment-1.txt"),
        ("application/x-unheard-of", "attachment-1.bin"),
    ],
)
def test_a_file_without_a_name_is_given_one_by_its_type(media_type: str, name: str) -> None:
    message = mixed(part(f"Content-Type: {media_type}", body="x"))

    assert names(message) == [name]
    assert types(message) == [media_type]


@pytest.mark.parametrize("broken", ["pdf", "a b/c", "é/x", "a/b/c", "/", "x" * 200 + "/y"])
def test_a_type_that_is_none_is_octet_stream(broken: str) -> None:
    message = mixed(part(f"Content-Type: {broken}; name=a.pdf", body="x"))

    assert types(message) == ["application/octet-stream"]


def test_a_type_is_in_lower_case_and_without_parameters() -> None:
    assert types(mixed(part("CONTENT-TYPE:Image / PNG; Name=A.PNG", body="x"))) == ["image/png"]


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "base64", "quoted-printable", ""])
def test_a_mail_in_a_mail_keeps_every_byte(encoding: str) -> None:
    inner = part("Content-Type: message/rfc822", f"Content-Transfer-Encoding: {encoding}", body=INNER)
    (attachment,) = mixed(inner).attachments

    assert attachment.data == INNER
    assert attachment.content_type == "message/rfc822"


def test_a_mail_in_a_mail_that_really_is_base64_is_decoded() -> None:
    inner = part("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", body="RnJvbTogYQ==\n")
    (attachment,) = mixed(inner).attachments

    assert attachment.data == b"From: a"


def test_the_text_of_a_mail_in_a_mail_is_not_the_text_of_the_mail() -> None:
    inner = mail_of(multipart("mixed", text("inside"), boundary="in"))
    message = mixed(text("outside"), part("Content-Type: message/rfc822", body=inner))

    assert message.body_text == "outside"
    assert [attachment.data for attachment in message.attachments] == [inner]


def test_a_digest_is_mails() -> None:
    message = parsed_of(multipart("digest", part(body=INNER), part(body=INNER)))

    assert types(message) == ["message/rfc822"] * 2
    assert [attachment.data for attachment in message.attachments] == [INNER] * 2


@pytest.mark.parametrize(
    ("field", "body", "content_type"),
    [
        ("text/calendar; method=request", "BEGIN:VCALENDAR", "text/calendar; method=REQUEST"),
        ("text/calendar", "BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\n", "text/calendar; method=CANCEL"),
        ('text/calendar; method="a b"', "BEGIN:VCALENDAR", "text/calendar"),
    ],
)
def test_an_invitation_keeps_its_method_even_in_an_alternative(field: str, body: str, content_type: str) -> None:
    invitation = part(f"Content-Type: {field}", body=body)
    message = parsed_of(multipart("alternative", text("Come!"), invitation))

    assert message.body_text == "Come!"
    assert types(message) == [content_type]
    assert names(message) == ["invite.ics"]


def test_tnef_smime_and_encrypted_mails_are_files() -> None:
    tnef = mixed(text("hi"), part("Content-Type: application/ms-tnef", body="x\x9f"))
    encrypted = parsed("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m")
    pgp = part("Content-Type: application/pgp-encrypted", body="Version: 1")
    pgp_mime = parsed_of(multipart("encrypted", pgp, part("Content-Type: application/octet-stream", body="x")))

    assert names(tnef) == ["winmail.dat"]
    assert (names(encrypted), encrypted.body_text) == (["smime.p7m"], None)
    assert names(pgp_mime) == ["attachment-1.asc", "attachment-2.bin"]


def test_an_empty_part_is_a_file_only_with_a_name() -> None:
    empty = part("Content-Type: image/png")
    named_one = part("Content-Type: image/png; name=empty.png")

    assert names(mixed(empty, named_one)) == ["empty.png"]


@pytest.mark.parametrize(
    ("fields", "html", "inline"),
    [
        (("Content-Disposition: inline", "Content-ID: <i@x>"), "", True),
        (("Content-ID: <i@x>",), '<img src="cid:i@x">', True),
        (("Content-ID: <i@x>",), "", False),
        (("Content-Disposition: attachment", "Content-ID: <i@x>"), '<img src="cid:i@x">', False),
        ((), "", False),
    ],
)
def test_inline_is_what_asks_for_it_or_what_the_html_shows(fields: tuple[str, ...], html: str, *, inline: bool) -> None:
    message = mixed(text(f"<p>x</p>{html}", "html"), part("Content-Type: image/png", *fields, body="x"))

    assert [attachment.inline for attachment in message.attachments] == [inline]


@pytest.mark.parametrize(
    ("written", "read"),
    [("<a@b>", "a@b"), ("a@b", "a@b"), ("< a@b >", "a@b"), ("<>", None), ("<a b>", "a b"), (f"<{'a' * 300}>", None)],
)
def test_a_content_id_is_without_brackets_or_none(written: str, read: str | None) -> None:
    message = mixed(part("Content-Type: image/png", f"Content-ID: {written}", body="x"))

    assert [attachment.content_id for attachment in message.attachments] == [read]


def test_the_last_line_end_before_a_boundary_is_not_part_of_a_file() -> None:
    raw = mail_of(multipart("mixed", part("Content-Type: application/x", body="a\r\n\r")))

    assert [attachment.data for attachment in parse_mail(raw).attachments] == [b"a\r\n"]
