"""Message-IDs as they come in references: which are SES's, and which a header of ours can repeat."""

import re

HEADER_LIMIT = 998  # characters; no longer id can stand in a header line (RFC 5322 section 2.1.1)

# SES gives `<id@email.amazonses.com>` in us-east-1 and `<id@region.amazonses.com>` elsewhere.
_OF_SES = re.compile(r"<([A-Za-z0-9-]{1,200})@(?:[a-z0-9-]+\.)?amazonses\.com>", re.IGNORECASE)
_REPEATABLE = re.compile(r"<[!-;=?-~]{1,900}>")


def ses_message_id_in(header: str) -> str | None:
    """SES's own id, when this Message-ID is one that SES gives."""
    match = _OF_SES.fullmatch(header)
    return match[1] if match else None


def is_repeatable(header: str) -> bool:
    """Whether a mail of ours can name this Message-ID; a stranger's may be anything."""
    return _REPEATABLE.fullmatch(header) is not None
