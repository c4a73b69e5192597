"""Charsets and transfer encodings: what is damaged or misnamed is read as far as it goes."""

import base64
import encodings
import pkgutil
import random

import pytest

from tests.mime.incoming import mixed, parsed, part


def body(charset: str, octets: bytes) -> str | None:
    return parsed(f"Content-Type: text/plain; charset={charset}", body=octets).body_text


@pytest.mark.parametrize(
    ("charset", "octets", "read"),
    [
        ("utf-8", "Grüße".encode(), "Grüße"),
        ('"UTF8"', "Grüße".encode(), "Grüße"),
        ("utf8mb4", "Grüße".encode(), "Grüße"),
        ("iso-8859-1", b"caf\xe9 \x80", "café €"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("us-ascii", b"caf\xe9", "café"),
        ("utf-8", b"caf\xe9", "café"),
        ("x-unknown", "Grüße".encode(), "Grüße"),
        ("no-such", b"caf\xe9\x81", "café\ufffd"),
        ("", "Grüße".encode(), "Grüße"),
        ("shift_jis", "日本".encode("cp932"), "日本"),
        ("ks_c_5601-1987", "한국".encode("cp949"), "한국"),
        ("gb2312", "你好".encode("gb18030"), "你好"),
        ("iso-2022-jp", "日本".encode("iso2022_jp"), "日本"),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("utf-16", "Grüße".encode("utf-16"), "Grüße"),
        ("utf-7", b"Gr+APwA3w-e", "Grüße"),
        ("base64", b"caf\xe9", "café"),
        ("unicode_escape", rb"\x41", r"\x41"),
        ("punycode", b"abc-", "abc-"),
        ("utf-8\0", b"abc", "abc"),
        ("é", b"abc", "abc"),
        ("x" * 5000, b"abc", "abc"),
    ],
)
def test_a_text_is_in_its_charset_or_utf_8_or_windows_1252(charset: str, octets: bytes, read: str) -> None:
    assert body(charset, octets) == read


def test_a_little_damage_does_not_spoil_a_long_text() -> None:
    octets = ("Привет, мир. " * 10).encode()

    assert body("utf-8", octets[:-3]) == ("Привет, мир. " * 10)[:-3] + "\ufffd"
    assert body("utf-8", b"caf\xe9 " + "мир мир".encode()) == "caf\ufffd мир мир"
    assert body("utf-8", b"caf\xe9 " + "и".encode()) == "café Ð¸"


CODECS = sorted({module.name for module in pkgutil.iter_modules(encodings.__path__)})


@pytest.mark.parametrize("charset", CODECS)
def test_no_codec_of_python_is_a_danger(charset: str) -> None:
    chance = random.Random(charset)
    for octets in (chance.randbytes(2000), b"\x1b$B\xff" * 100, b"\x1b.J\x1bNk", b"+2AA-~{" * 100, b""):
        message = parsed(f"Content-Type: text/plain; charset={charset}", body=octets)
        assert message.degraded is None
        (message.body_text or "").encode()


def test_html_may_name_its_charset_itself() -> None:
    html = b'<html><head><meta http-equiv="Content-Type" content="text/html; charset=koi8-r"></head>'
    message = parsed("Content-Type: text/html", body=html + "Привет".encode("koi8-r"))

    assert message.body_html is not None
    assert message.body_html.endswith("Привет")


def data(encoding: str, encoded: bytes) -> tuple[bytes, str | None]:
    fields = ("Content-Type: image/png; name=a.png", f"Content-Transfer-Encoding: {encoding}")
    message = mixed(part(*fields, body=encoded))
    return message.attachments[0].data, message.degraded


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (b"SGVsbG8=", b"Hello"),
        (b"SGVsbG8", b"Hello"),
        (b"SGVsbG8=====", b"Hello"),
        (b"SGVs\r\nbG8=\r\n", b"Hello"),
        (b"  SGVs  \r\n  bG8=  ", b"Hello"),
        (b"SGVs!bG8=", b"Hello"),
        (b"SGVs\0bG8=", b"Hello"),
        (b"SGVsbG8A=", b"Hello\0"),
        (b"SGVsbG8gSA", b"Hello H"),
        (b"SGVsbG8hA", b"Hello!"),
        (b"SGk=SGk=\nSGk=", b"HiHiHi"),
        (b"=SGk=", b"Hi"),
        (b"=", b""),
        (b"A", b""),
        (b"", b""),
    ],
)
def test_base64_is_read_whatever_has_happened_to_it(encoded: bytes, decoded: bytes) -> None:
    assert data("base64", encoded) == (decoded, None)


def test_damage_in_one_line_of_base64_leaves_the_others() -> None:
    octets = random.Random(1).randbytes(5700)
    lines = base64.encodebytes(octets).split(b"\n")
    lines[10] = b"####" + lines[10][4:]

    decoded, degraded = data("base64", b"\n".join(lines))
    assert decoded[:570] == octets[:570]
    assert decoded[-4000:] == octets[-4000:]
    assert degraded is None


def test_prose_that_is_called_base64_stays_as_it_stands() -> None:
    decoded, degraded = data("base64", b"Some removed base64 encoded chars.")

    assert decoded == b"Some removed base64 encoded chars."
    assert degraded is not None


def test_a_footer_below_a_base64_text_stays_readable() -> None:
    message = parsed("Content-Transfer-Encoding: base64", body="SGVsbG8=\n_____\nThe mailing list of all\n")

    assert message.body_text == "Hello\n_____\nThe mailing list of all\n"


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (b"a=3D=C3=A9=c3=a9", b"a=\xc3\xa9\xc3\xa9"),
        (b"soft=\r\nbreak=  \nhere=\n", b"softbreakhere"),
        (b"a=ZZ=4=", b"a=ZZ=4"),
        (b"bare=\rcr\nstays", b"bare=\rcr\nstays"),
        (b"\xff\0=FF", b"\xff\0\xff"),
        (b"==41", b"=A"),
        (b"a \t\r\nb", b"a \t\r\nb"),
    ],
)
def test_quoted_printable_is_read_whatever_has_happened_to_it(encoded: bytes, decoded: bytes) -> None:
    assert data("Quoted-Printable", encoded) == (decoded, None)


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (b"begin 644 a.txt\n#0V%T\n`\nend\n", b"Cat"),
        (b"intro\r\nbegin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n", b"Cat"),
        (b"begin 644 a.txt\n#0V%T", b"Cat"),
        (b"begin 644 a.txt\n#0V\n", b"C`\0"),
        (b'begin 644 a.txt\n!0V%T\n"0V%T\n', b"CCa"),
        (b"begin 644 a.txt\n!#0644 a\n", b"\x0d"),
        (b"begin 644 a.txt\n#0V%T\n\n#0V%T\n", b"CatCat"),
        (b"begin 644 a.txt\n\xff\x00\n#0V%T", b"\0" * 31 + b"Cat"),
    ],
)
def test_uuencode_is_read_whatever_has_happened_to_it(encoded: bytes, decoded: bytes) -> None:
    assert data("x-uuencode", encoded) == (decoded, None)


@pytest.mark.parametrize("encoding", ["base9000", "text/html", "x-uuencode", "é"])
def test_an_encoding_nobody_knows_changes_nothing_and_is_told(encoding: str) -> None:
    decoded, degraded = data(encoding, b"as it =41 is")

    assert decoded == b"as it =41 is"
    assert degraded is not None


@pytest.mark.parametrize("encoding", ["BASE64", "'base64'", "base64; x=y", "base 64", "base64\t"])
def test_an_encoding_may_be_written_carelessly(encoding: str) -> None:
    assert data(encoding, b"SGk=") == (b"Hi", None)
