"""File names made fit to be shown and stored; media types made plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.file_name import LONGEST_NAME, clean_filename, likely_type, media_type
from chalicelib.domain.header_text import header_text_problem


@pytest.mark.parametrize(
    ("given_name", "clean"),
    [
        ("report.pdf", "report.pdf"),
        ("Grüße aus Köln.txt", "Grüße aus Köln.txt"),
        ("報告書 (最終).docx", "報告書 (最終).docx"),
        ("تقرير.pdf", "تقرير.pdf"),
        ("👩‍👧 family.jpg", "👩‍👧 family.jpg"),
        (".bashrc", ".bashrc"),
        ("u\u0308ber.txt", "\u00fcber.txt"),  # decomposed, as macOS writes it
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("C:\\Users\\ada\\report.pdf", "report.pdf"),
        ("../", "attachment"),
        ("..", "attachment"),
        ("", "attachment"),
        (" \t\r\n", "attachment"),
        ("a\0b.txt", "ab.txt"),
        ("a\r\nBcc: x@y.z.txt", "aBcc: x@y.z.txt"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("a\u2028b\u2029c\u200bd\ufeff.txt", "abcd.txt"),
        ("a\ud800b.txt", "ab.txt"),
        ("trailing. . ", "trailing"),
        ("  two   words.txt", "two words.txt"),
        ("=?utf-8?q?a=0D=0ABcc:_x@y.z?=.txt", "=_utf-8?q?a=0D=0ABcc:_x@y.z?=.txt"),
        ("plain =?utf-8?q?word?=.txt", "plain =?utf-8?q?word?=.txt"),
    ],
)
def test_a_name_is_cleaned(given_name: str, clean: str) -> None:
    assert clean_filename(given_name) == clean


@pytest.mark.parametrize(("stem", "ending"), [("a" * 5_000, ".pdf"), ("ä" * 500, ".tar"), ("😀" * 100, ".txt")])
def test_a_long_name_keeps_its_ending(stem: str, ending: str) -> None:
    name = clean_filename(stem + ending)
    assert len(name.encode()) <= LONGEST_NAME
    assert name.endswith(stem[0] + ending)


def test_an_ending_that_is_too_long_is_cut_like_the_rest() -> None:
    assert clean_filename("a." + "b" * 900) == "a." + "b" * (LONGEST_NAME - 2)


@given(st.text(max_size=300))
def test_any_name_becomes_one_that_a_header_and_a_folder_can_hold(text: str) -> None:
    name = clean_filename(text)
    assert name
    assert name not in (".", "..")
    assert not set("/\\") & set(name)
    assert len(name.encode()) <= LONGEST_NAME
    assert header_text_problem(name) is None
    assert clean_filename(name) == name


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("application/pdf", "application/pdf"),
        ("Text/HTML; charset=utf-8", "text/html"),
        (" image/svg+xml ", "image/svg+xml"),
        ("application/vnd.ms-excel.sheet.macroEnabled.12", "application/vnd.ms-excel.sheet.macroenabled.12"),
        ("pdf", None),
        ("", None),
        ("text/", None),
        ("text/plain\r\nBcc: x@y.z", None),
        ("text/plain, text/html", None),
        ("*/*", None),
        ("a/" + "b" * 128, None),
    ],
)
def test_a_media_type_is_read_without_its_parameters(text: str, kind: str | None) -> None:
    assert media_type(text) == kind


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("a.pdf", "application/pdf"),
        ("a.b.PNG", "image/png"),
        ("archive.tar.gz", "application/octet-stream"),
        ("noending", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("x.unheardof", "application/octet-stream"),
    ],
)
def test_the_ending_of_a_name_says_what_a_file_is(filename: str, kind: str) -> None:
    assert likely_type(filename) == kind
