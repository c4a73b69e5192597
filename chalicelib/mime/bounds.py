"""How much of a mail is read (lifecycle section 6), and the list of what therefore could not be."""

# Bytes; what Amazon SES takes in (40 MB), and the fields that it, or our own door, puts above the header.
RAW_LIMIT = 40 * 1024 * 1024 + 64 * 1024
HEADER_LIMIT = 256 * 1024  # bytes of the mail's own header that are kept
PART_HEADER_LIMIT = 32 * 1024  # … and of the header of one part
HEADER_FIELDS_LIMIT = 5_000  # fields, however short
PART_FIELDS_LIMIT = 200
FIELD_LIMIT = 16 * 1024  # bytes of one header field
ADDRESS_LIMIT = 500  # in all fields together
PART_LIMIT = 1_000
DEPTH_LIMIT = 50  # multiparts in multiparts
PARAMETER_LIMIT = 100  # of one field
REFERENCE_LIMIT = 100
MESSAGE_ID_LIMIT = 900  # characters; longer ones no reply could name (RFC 5322 section 2.1.1)
SUBJECT_LIMIT = 4_000  # characters
REPLY_LIMIT = 1024 * 1024  # characters of the text in which the new words are looked for
FILENAME_LIMIT = 200  # characters

_SHOWN = 5


class Problems:
    """Why not everything could be read: each reason once, in the order they were met."""

    def __init__(self) -> None:
        self._reasons: dict[str, None] = {}

    def add(self, reason: str) -> None:
        self._reasons[reason] = None

    def sentence(self) -> str | None:
        """One sentence about the mail; None when there is nothing to say."""
        if not self._reasons:
            return None
        shown = list(self._reasons)[:_SHOWN]
        if more := len(self._reasons) - len(shown):
            shown.append(f"{more} more")
        return f"Not everything could be read: {'; '.join(shown)}."
