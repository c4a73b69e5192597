"""What a link says of a file: a name in any language, and no type that a browser runs."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.download_headers import disposition, safe_type


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "application/xhtml+xml",
        "application/vnd.wap.xhtml+xml",
        "image/svg+xml",
        "text/xml",
        "application/xml",
        "application/rss+xml",
        "text/xsl",
        "text/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "text/vbscript",
        "application/wasm",
        "application/x-shockwave-flash",
        "message/rfc822",
        "multipart/related",
    ],
)
def test_what_a_browser_would_run_has_no_type_of_its_own(content_type: str) -> None:
    assert safe_type(content_type) == "application/octet-stream"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/pdf",
        "image/png",
        "text/plain",
        "text/csv; charset=utf-8",
        "text/calendar; method=REQUEST",
        "application/postscript",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ],
)
def test_any_other_type_stays(content_type: str) -> None:
    assert safe_type(content_type) == content_type


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_any_name_is_one_ascii_line_that_reads_back(filename: str) -> None:
    header = disposition(filename)
    assert header.isascii()
    assert header.isprintable()
    plain, extended = header.removeprefix('attachment; filename="').split("\"; filename*=UTF-8''")
    assert not set('"\\;') & set(plain)
    assert unquote(extended) == filename
