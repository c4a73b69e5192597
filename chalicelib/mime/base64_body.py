"""Files as they stand in a mail: base64 in lines (RFC 2045 section 6.8), written and read block by block.

The lines of a large file as objects of their own would take more memory than the file.
"""

import binascii

LINE = 76  # characters
HELD_BY_LINE = 57  # bytes
_LINE_END = b"\r\n"
_LINES_A_BLOCK = 1024
_HELD = HELD_BY_LINE * _LINES_A_BLOCK  # bytes a block
_WRITTEN = (LINE + len(_LINE_END)) * _LINES_A_BLOCK  # the same in base64, with line ends
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=" + _LINE_END


def to_base64(data: bytes) -> bytes:
    """The data in base64; no line end after the last line."""
    return _LINE_END.join(_lines(data[start : start + _HELD]) for start in range(0, len(data), _HELD))


def base64_size(size: int) -> int:
    """Bytes that so many bytes take in base64, line ends included."""
    encoded = -(-size // 3) * 4
    return encoded + max(0, -(-encoded // LINE) - 1) * len(_LINE_END)


def is_base64_of(body: bytes, data: bytes) -> bool:
    """Whether `body` is `data` in base64 and holds nothing beside it."""
    if len(body) != base64_size(len(data)):
        return False
    blocks = zip(range(0, len(body), _WRITTEN), range(0, len(data), _HELD), strict=True)
    return all(_holds(body[at : at + _WRITTEN], data[start : start + _HELD]) for at, start in blocks)


def _lines(block: bytes) -> bytes:
    encoded = binascii.b2a_base64(block, newline=False)
    return _LINE_END.join(encoded[start : start + LINE] for start in range(0, len(encoded), LINE))


def _holds(block: bytes, data: bytes) -> bool:
    try:
        return not block.translate(None, delete=_ALPHABET) and binascii.a2b_base64(block) == data
    except binascii.Error:
        return False
