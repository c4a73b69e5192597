"""Files: uploaded to go with messages, or come with them."""

from dataclasses import dataclass

from chalicelib.domain.ids import AttachmentId


@dataclass(frozen=True, slots=True)
class MessageAttachment:
    """A file as a message names it; its bytes lie in the bucket under its id."""

    id: AttachmentId
    filename: str
    content_type: str
    size: int  # bytes
    content_id: str | None = None  # without angle brackets; the HTML shows it as `cid:…`
    inline: bool = False
