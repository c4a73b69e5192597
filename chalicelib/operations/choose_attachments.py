"""The files a draft names: all of them there, the caller's, complete, and together not too large for a mail."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.account import Caller
from chalicelib.domain.attachment import (
    MESSAGE_BYTES_LIMIT,
    Attachment,
    Enclosure,
    MessageAttachment,
    UploadStatus,
)
from chalicelib.domain.errors import Conflict, ErrorCode, InvalidInput, NotFoundAt
from chalicelib.domain.ids import AttachmentId, InvalidId, attachment_id
from chalicelib.domain.message import Draft
from chalicelib.mime.compose import composed_size_at_most
from chalicelib.operations.access import is_theirs
from chalicelib.operations.ports import AttachmentStore, Clock

COMPOSED_LIMIT = 40_000_000  # bytes of a whole mail; the SES quota "maximum message size", in base64 as it is sent
ENCLOSURES_LIMIT = 50  # files whose use one transaction can note (100 items); a forwarded mail may have many


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A file of a draft, found and fit to be sent."""

    enclosure: Enclosure
    attachment: Attachment

    def in_message(self) -> MessageAttachment:
        found, named = self.attachment, self.enclosure
        return MessageAttachment(
            found.id, found.filename, found.content_type, found.size, named.content_id, named.inline
        )


@dataclass(frozen=True)
class ChooseAttachments:
    """Find the files of a draft and check them, before anything is stored."""

    attachments: AttachmentStore
    clock: Clock

    def __call__(self, draft: Draft, caller: Caller) -> tuple[ChosenFile, ...]:
        """Raises NotFoundAt, InvalidInput or Conflict that name each wrong file by its place in `attachmentIds`."""
        if not draft.enclosures:
            return ()
        if len(draft.enclosures) > ENCLOSURES_LIMIT:
            raise InvalidInput(
                {"attachmentIds": [f"{len(draft.enclosures)} files; one message carries at most {ENCLOSURES_LIMIT}"]}
            )
        found = self._found(draft.enclosures, caller)
        chosen = tuple(
            ChosenFile(enclosure, self.attachments.look_for_upload(attachment))
            for enclosure, attachment in zip(draft.enclosures, found, strict=True)
        )
        _refuse_withheld(chosen)
        _refuse_incomplete(chosen)
        _refuse_too_large(draft, chosen)
        return chosen

    def _found(self, enclosures: Sequence[Enclosure], caller: Caller) -> list[Attachment]:
        known = self.attachments.find([each.id for each in enclosures if _is_id(each.id)], self.clock())
        theirs = {each.id: each for each in known.values() if is_theirs(each, caller)}
        missing = [place for place, each in enumerate(enclosures) if each.id not in theirs]
        if missing:
            raise NotFoundAt(list(map(path_of, missing)))
        return [theirs[each.id] for each in enclosures]


def path_of(place: int) -> str:
    """How an error names a file of a draft."""
    return f"attachmentIds[{place}]"


def refuse_gone(chosen: Sequence[ChosenFile], gone: frozenset[AttachmentId]) -> None:
    """Files that were there a moment ago and could not be used after all."""
    paths = [path_of(place) for place, each in enumerate(chosen) if each.attachment.id in gone]
    if not paths:
        return
    raise InvalidInput(
        {path: ["it was deleted, has expired, or was replaced after it was complete"] for path in paths},
        fix="Upload the file anew and name the new id.",
    )


def _is_id(text: str) -> bool:
    try:
        attachment_id(text)
    except InvalidId:
        return False
    return True


def _refuse_withheld(chosen: Sequence[ChosenFile]) -> None:
    withheld = [path_of(place) for place, each in enumerate(chosen) if each.attachment.withheld]
    if withheld:
        raise Conflict(
            f"{', '.join(withheld)}: the file came with a mail in which Amazon SES found a virus, so it is withheld.",
            fix="Send the message without it.",
            code=ErrorCode.ATTACHMENT_WITHHELD,
        )


def _refuse_incomplete(chosen: Sequence[ChosenFile]) -> None:
    awaited = {
        path_of(place): [f"its {each.attachment.size:,} bytes have not arrived yet"]
        for place, each in enumerate(chosen)
        if each.attachment.status is not UploadStatus.COMPLETE
    }
    if awaited:
        raise InvalidInput(awaited, fix="Send the bytes to the `uploadUrl` first, then send the message again.")


def _refuse_too_large(draft: Draft, chosen: Sequence[ChosenFile]) -> None:
    sizes = [each.attachment.size for each in chosen]
    if sum(sizes) > MESSAGE_BYTES_LIMIT:
        problem = f"together {sum(sizes):,} bytes; a message carries at most {MESSAGE_BYTES_LIMIT:,} (25 MiB)"
    elif (composed := composed_size_at_most(draft.body_text, draft.body_html, sizes)) > COMPOSED_LIMIT:
        problem = f"with the bodies the mail would have {composed:,} bytes; Amazon SES takes at most {COMPOSED_LIMIT:,}"
    else:
        return
    raise InvalidInput(
        {"attachmentIds": [problem]},
        fix="Send fewer or smaller files, or several messages.",
        code=ErrorCode.ATTACHMENTS_TOO_LARGE,
    )
