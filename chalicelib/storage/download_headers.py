"""What a link says of the file behind it, so that a browser saves it and runs nothing of it."""

import re
from urllib.parse import quote

from chalicelib.domain.file_name import ANY_TYPE

# Scripts and documents with scripts in them: whatever is read as HTML or XML, for XML may be XHTML or SVG, and a web
# page in one file is a message/rfc822 or a multipart/related. S3 cannot be told to send X-Content-Type-Options, so these
# leave under no type of their own (docs/decisions/0011).
_RUNNABLE = re.compile(
    r"message/.*|multipart/.*|text/xsl|[^/]*/(?:.*html.*|(?:.*[+.-])?xml|.*(?:java|ecma|j|live|vb)script.*|wasm)"
    r"|application/x-shockwave-flash"
)
_ASCII_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`|~ ()@=[]{}")
_EXTENDED_NAME = "!#$&+-.^_`|~"  # RFC 8187 section 3.2.1, besides letters and digits


def safe_type(content_type: str) -> str:
    """The media type, or `application/octet-stream` in place of one that a browser would run."""
    kind = content_type.partition(";")[0].strip().lower()
    return ANY_TYPE if _RUNNABLE.fullmatch(kind) else content_type


def disposition(filename: str) -> str:
    """`attachment` with the file's name (RFC 6266): in ASCII for old programs, and beside it as it is (RFC 8187)."""
    ascii_name = "".join(character if character in _ASCII_NAME else "_" for character in filename)
    extended = quote(filename.encode("utf-8", "replace"), safe=_EXTENDED_NAME)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{extended}"
