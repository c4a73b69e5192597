"""What a caller may touch. Whatever is not theirs is answered exactly like what does not exist."""

from datetime import datetime

from chalicelib.domain.account import ApiKey, Caller, Scope
from chalicelib.domain.attachment import Attachment
from chalicelib.domain.errors import Forbidden, NotFound
from chalicelib.domain.ids import AttachmentId, KeyId, MessageKey, ThreadKey
from chalicelib.domain.inbox import Inbox, InboxStatus
from chalicelib.operations.ports import (
    AttachmentStore,
    InboxFront,
    InboxStore,
    KeyStore,
    MessageIndex,
    MessageStore,
    StoredMessage,
    ThreadMembers,
    ThreadStore,
)


def require_reach(caller: Caller, inbox_number: int) -> None:
    """NotFound when the caller's key is bound to other inboxes; for what is answered without looking at the inbox."""
    if not caller.may_use_inbox(inbox_number):
        raise NotFound


def require_inbox(inboxes: InboxStore, inbox_number: int, caller: Caller) -> Inbox:
    """The caller's inbox; NotFound when it is another's, deleted, or out of the key's reach."""
    if not caller.may_use_inbox(inbox_number):
        raise NotFound
    return _theirs(inboxes.get(inbox_number), caller)


def require_front(index: MessageIndex, inbox_number: int, caller: Caller) -> InboxFront:
    """The caller's inbox with the newest part of its index, in one read."""
    if not caller.may_use_inbox(inbox_number):
        raise NotFound
    front = index.front(inbox_number)
    _theirs(front.inbox, caller)
    return front


def _theirs(inbox: Inbox | None, caller: Caller) -> Inbox:
    if inbox is None or inbox.account_id != caller.account_id or inbox.status is InboxStatus.DELETED:
        raise NotFound
    return inbox


def require_message(messages: MessageStore, key: MessageKey, caller: Caller) -> StoredMessage:
    """What is stored of the caller's message; whether it is visible is the index's to say."""
    if not caller.may_use_inbox(key.inbox_number):
        raise NotFound
    stored = messages.get(key)
    if stored is None or stored.content.account_id != caller.account_id:
        raise NotFound
    return stored


def require_thread(threads: ThreadStore, key: ThreadKey, caller: Caller) -> ThreadMembers:
    """The caller's thread, and where its members are."""
    if not caller.may_use_inbox(key.inbox_number):
        raise NotFound
    members = threads.get(key)
    if members is None or members.thread.account_id != caller.account_id:
        raise NotFound
    return members


def is_theirs(attachment: Attachment, caller: Caller) -> bool:
    """Uploads are the whole account's; a file that came by mail takes a key that reaches the inbox it came to."""
    inbox_number = attachment.inbox_number
    return attachment.account_id == caller.account_id and (inbox_number is None or caller.may_use_inbox(inbox_number))


def require_key(keys: KeyStore, key_id: KeyId, caller: Caller) -> ApiKey:
    """A key of the caller's account that can do no more than the caller's; NotFound when it reaches other inboxes."""
    key = keys.get(caller.account_id, key_id)
    if key is None or not caller.key.reaches(key.inbox_numbers):
        raise NotFound
    if key.allows(Scope.ADMIN) and not caller.key.allows(Scope.ADMIN):
        raise Forbidden(
            "This is an admin key; only another admin key may change or delete it.", fix="Use an admin key."
        )
    return key


def require_attachment(
    attachments: AttachmentStore, attachment_id: AttachmentId, caller: Caller, now: datetime
) -> Attachment:
    """The caller's file, if it has not expired."""
    attachment = attachments.find([attachment_id], now).get(attachment_id)
    if attachment is None or not is_theirs(attachment, caller):
        raise NotFound
    return attachment
