"""Where files live, and links to what is too long for an answer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.attachment import Attachment, DirectUpload
from chalicelib.domain.ids import AttachmentId, MessageKey


class AttachmentStore(Protocol):
    """Files and which messages use them. A file goes with the last message that uses it."""

    def create(self, attachment: Attachment, data: bytes) -> None:
        """Store an upload that no message uses yet: its bytes, then that it is there."""

    def begin_upload(self, attachment: Attachment) -> None:
        """Store that a file is announced, whose bytes go past us."""

    def upload_link(self, attachment: Attachment, now: datetime) -> DirectUpload:
        """Where the announced bytes go, for one hour."""

    def find(self, ids: Sequence[AttachmentId], now: datetime) -> dict[AttachmentId, Attachment]:
        """The files that are there, in one read; expired ones are not. An awaited one is as complete as was last seen."""

    def look_for_upload(self, attachment: Attachment) -> Attachment:
        """An awaited file, complete if its bytes have arrived by now; any other as it is."""

    def url(self, attachment: Attachment) -> str:
        """A link to the bytes of a complete file, for one hour: always a download, never of a type a browser runs."""

    def use(self, attachments: Sequence[Attachment], message: MessageKey, now: datetime) -> frozenset[AttachmentId]:
        """Note that a message uses these, all of them or none; again is harmless.

        Those that are not there any more, or whose bytes were replaced since they were complete; empty: all are noted.
        """

    def release(self, ids: Sequence[AttachmentId], message: MessageKey, *, never_sent: bool = False) -> None:
        """A message uses these no longer; those that no other uses are gone for good. Again is harmless.

        `never_sent`: the message did not come to be, so its uploads can be used again, until their time is over.
        """

    def delete_unused(self, attachment_id: AttachmentId) -> bool:
        """Remove a file that no message uses; False when one does. Again is harmless, and finishes what was begun."""

    def known(self, ids: Collection[AttachmentId]) -> Mapping[AttachmentId, bool]:
        """Those there is any record of, expired and half removed ones among them, and whether a message uses them."""

    def put_received(self, attachment: Attachment, data: bytes, message: MessageKey) -> None:
        """Store a file of a received message, used by it, under an id derived from the mail. Again is harmless.

        Once the message has let go of it and it is gone, this would store it anew: whoever stores it late lets go again.
        """

    def data(self, attachment_id: AttachmentId) -> bytes | None:
        """The bytes of a file that a message uses."""


class SourceLinks(Protocol):
    """Links to message sources that do not fit into an answer."""

    def put(self, message: MessageKey, source: bytes) -> str:
        """Lay a source out to be read; a link to it for one hour."""

    def remove(self, message: MessageKey) -> None:
        """Let no link to it work any more; again is harmless."""
