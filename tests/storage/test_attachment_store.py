"""The contract of AttachmentStore (operations/ports): what is there, who uses it, and that it goes with the last."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.domain.attachment import UNUSED_LIFETIME, Attachment, UploadStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AccountId, AttachmentId, MessageKey
from chalicelib.operations.ports import AttachmentStore
from chalicelib.storage.attachment_store import DynamoAttachmentStore
from tests.factories.attachments import DATA, FILE_ID, NOON, make_attachment
from tests.fakes.attachment_store import FakeAttachmentStore
from tests.fakes.blob_store import FakeBlobStore
from tests.storage.faults import Network
from tests.storage.parallel import at_once

FIRST, SECOND = MessageKey(7, 0), MessageKey(2**56 - 1, 2**36 - 1)
LATER = NOON + timedelta(hours=1)
EXPIRED = NOON + UNUSED_LIFETIME


@pytest.fixture
def files(*, is_fake: bool) -> AttachmentStore:
    return FakeAttachmentStore() if is_fake else DynamoAttachmentStore(FakeBlobStore())


@pytest.fixture
def blobs() -> FakeBlobStore:
    return FakeBlobStore()


@pytest.fixture
def store(table: Any, blobs: FakeBlobStore) -> DynamoAttachmentStore:
    """On a real table, with its blobs at hand."""
    return DynamoAttachmentStore(blobs)


def uploaded(files: AttachmentStore, **changes: object) -> Attachment:
    attachment = make_attachment(**changes)
    files.create(attachment, DATA)
    return attachment


def found(files: AttachmentStore, attachment_id: AttachmentId = FILE_ID) -> Attachment | None:
    return files.find([attachment_id], LATER).get(attachment_id)


def there(files: AttachmentStore) -> Attachment:
    attachment = found(files)
    assert attachment is not None
    return attachment


# -------------------------------------------------------------------------------------------- being there


def test_an_upload_is_found_as_it_was_stored(files: AttachmentStore) -> None:
    attachment = uploaded(files, filename="Grüße 😀.pdf")
    assert found(files) == attachment


def test_what_was_never_stored_is_not_found(files: AttachmentStore) -> None:
    uploaded(files)
    unknown = AttachmentId("att_00000000000000000000")
    assert files.find([FILE_ID, unknown, FILE_ID], LATER).keys() == {FILE_ID}


def test_an_unused_upload_is_gone_after_its_time(files: AttachmentStore) -> None:
    attachment = uploaded(files)
    assert files.find([FILE_ID], EXPIRED - timedelta(seconds=1)) == {FILE_ID: attachment}
    assert files.find([FILE_ID], EXPIRED) == {}
    assert files.use([attachment], FIRST, EXPIRED) == {FILE_ID}


def test_a_used_file_does_not_expire(files: AttachmentStore) -> None:
    files.use([uploaded(files)], FIRST, LATER)
    kept = files.find([FILE_ID], EXPIRED + timedelta(days=400))[FILE_ID]
    assert kept.is_used
    assert files.data(FILE_ID) == DATA


def test_links_lead_to_where_the_bytes_are(files: AttachmentStore) -> None:
    attachment = uploaded(files)
    assert f"uploads/{FILE_ID}" in files.url(attachment)
    files.use([attachment], FIRST, LATER)
    assert f"attachments/{FILE_ID}" in files.url(there(files))


# ----------------------------------------------------------------------------------------- direct uploads


def test_an_announced_file_is_awaited_until_all_of_it_is_there() -> None:
    files = FakeAttachmentStore()
    announced = make_attachment(status=UploadStatus.AWAITING_UPLOAD)
    files.begin_upload(announced)
    assert files.look_for_upload(announced) == announced


def test_a_direct_upload_is_complete_when_its_size_is_the_announced_one(
    store: DynamoAttachmentStore, blobs: FakeBlobStore
) -> None:
    announced = make_attachment(status=UploadStatus.AWAITING_UPLOAD)
    store.begin_upload(announced)
    link = store.upload_link(announced, NOON)
    assert (link.method, dict(link.headers), link.expires_at) == (
        "PUT",
        {"Content-Type": "application/pdf"},
        NOON + timedelta(hours=1),
    )
    for data, status in ((DATA[:-1], UploadStatus.AWAITING_UPLOAD), (DATA, UploadStatus.COMPLETE)):
        blobs.put(f"uploads/{FILE_ID}", data, "")
        assert store.look_for_upload(announced).status is status
    assert there(store).status is UploadStatus.COMPLETE
    assert store.look_for_upload(announced) == there(store)


def test_an_awaited_file_cannot_be_used(files: AttachmentStore) -> None:
    attachment = make_attachment(status=UploadStatus.AWAITING_UPLOAD)
    files.begin_upload(attachment)
    assert files.use([attachment], FIRST, LATER) == {FILE_ID}


def test_bytes_that_were_replaced_after_completion_are_not_used(
    store: DynamoAttachmentStore, blobs: FakeBlobStore
) -> None:
    announced = make_attachment(status=UploadStatus.AWAITING_UPLOAD)
    store.begin_upload(announced)
    blobs.put(f"uploads/{FILE_ID}", DATA, "")
    complete = store.look_for_upload(announced)
    blobs.put(f"uploads/{FILE_ID}", DATA[::-1], "")
    assert store.use([complete], FIRST, LATER) == {FILE_ID}
    assert not there(store).is_used


def test_a_late_put_to_the_link_does_not_reach_what_messages_carry(
    store: DynamoAttachmentStore, blobs: FakeBlobStore
) -> None:
    assert store.use([uploaded(store)], FIRST, LATER) == frozenset()
    blobs.put(f"uploads/{FILE_ID}", b"something else", "")
    assert store.use([there(store)], SECOND, LATER) == frozenset()
    assert store.data(FILE_ID) == DATA


# -------------------------------------------------------------------------------------------------- uses


def test_a_file_goes_with_the_last_message_that_uses_it(files: AttachmentStore) -> None:
    attachment = uploaded(files)
    for message in (FIRST, SECOND, FIRST):
        assert files.use([attachment], message, LATER) == frozenset()
    files.release([FILE_ID], FIRST)
    files.release([FILE_ID], FIRST)
    assert files.data(FILE_ID) == DATA
    files.release([FILE_ID], SECOND)
    files.release([FILE_ID], SECOND)
    assert (found(files), files.data(FILE_ID)) == (None, None)
    assert files.use([attachment], FIRST, LATER) == {FILE_ID}


def test_an_upload_is_as_before_when_the_only_message_with_it_was_never_sent(files: AttachmentStore) -> None:
    attachment = uploaded(files)
    files.use([attachment], FIRST, LATER)
    files.release([FILE_ID], FIRST, never_sent=True)
    files.release([FILE_ID], FIRST, never_sent=True)
    assert found(files) == attachment
    assert files.find([FILE_ID], EXPIRED) == {}
    assert files.use([there(files)], SECOND, LATER) == frozenset()
    assert files.data(FILE_ID) == DATA


def test_a_received_file_goes_with_its_message_though_that_was_never_seen(files: AttachmentStore) -> None:
    files.put_received(make_attachment(inbox_number=7, expires_at=None), DATA, FIRST)
    files.release([FILE_ID], FIRST, never_sent=True)
    assert (found(files), files.data(FILE_ID)) == (None, None)


def test_letting_go_of_what_was_never_used_changes_nothing(files: AttachmentStore) -> None:
    attachment = uploaded(files)
    files.release([FILE_ID], FIRST)
    assert found(files) == attachment


def test_files_are_used_all_or_none(files: AttachmentStore) -> None:
    others = [uploaded(files, id=AttachmentId(f"att_{number:020}")) for number in range(9)]
    missing = make_attachment()
    assert files.use([*others, missing], FIRST, LATER) == {FILE_ID}
    assert not any(attachment.is_used for attachment in files.find([other.id for other in others], LATER).values())
    assert files.use(others, FIRST, LATER) == frozenset()
    assert all(attachment.is_used for attachment in files.find([other.id for other in others], LATER).values())


def test_a_file_of_another_account_is_not_used(files: AttachmentStore) -> None:
    attachment = uploaded(files)
    assert files.use([replace(attachment, account_id=AccountId("acc_another"))], FIRST, LATER) == {FILE_ID}


def test_an_unused_file_is_deleted_and_a_used_one_is_not(files: AttachmentStore) -> None:
    attachment = uploaded(files)
    assert files.delete_unused(attachment.id)
    assert files.delete_unused(attachment.id)
    assert found(files) is None
    files.use([uploaded(files)], FIRST, LATER)
    assert not files.delete_unused(attachment.id)
    assert files.data(FILE_ID) == DATA


def test_what_is_deleted_for_good_leaves_no_bytes(store: DynamoAttachmentStore, blobs: FakeBlobStore) -> None:
    store.delete_unused(uploaded(store).id)
    store.use([uploaded(store)], FIRST, LATER)
    store.release([FILE_ID], FIRST)
    assert blobs.blobs == {}


def test_fifty_messages_take_and_let_go_of_one_file_at_once(store: DynamoAttachmentStore) -> None:
    attachment = uploaded(store)
    messages = [MessageKey(7, number) for number in range(50)]
    assert set(at_once([partial(store.use, [attachment], key, LATER) for key in messages], 16)) == {frozenset()}
    at_once([partial(store.release, [FILE_ID], key) for key in messages[1:]], 16)
    assert store.data(FILE_ID) == DATA
    store.release([FILE_ID], messages[0])
    assert (found(store), store.data(FILE_ID)) == (None, None)


# ------------------------------------------------------------------------------------------ received files


def test_a_received_file_is_stored_once_with_its_first_use(files: AttachmentStore) -> None:
    received = make_attachment(expires_at=None, inbox_number=7, withheld=True)
    for _ in range(2):
        files.put_received(received, DATA, FIRST)
    assert found(files) == received
    assert files.use([received], SECOND, LATER) == frozenset()
    files.release([FILE_ID], FIRST)
    assert files.data(FILE_ID) == DATA
    files.release([FILE_ID], SECOND)
    assert found(files) is None


# ------------------------------------------------------------------------------------------------- deaths


def test_a_use_whose_reply_was_lost_counts_once(store: DynamoAttachmentStore, network: Network) -> None:
    attachment = uploaded(store)
    network.lose_reply("TransactWriteItems")
    with pytest.raises(Unavailable):
        store.use([attachment], FIRST, LATER)
    assert store.use([attachment], FIRST, LATER) == frozenset()
    network.lose_reply("TransactWriteItems")
    with pytest.raises(Unavailable):
        store.release([FILE_ID], FIRST)
    store.release([FILE_ID], FIRST)
    assert (found(store), store.data(FILE_ID)) == (None, None)


def test_a_meeting_of_transactions_is_tried_again(store: DynamoAttachmentStore, network: Network) -> None:
    attachment = uploaded(store)
    network.conflict("TransactWriteItems")
    assert store.use([attachment], FIRST, LATER) == frozenset()
    network.conflict("TransactWriteItems")
    store.release([FILE_ID], FIRST)
    assert found(store) is None


@pytest.mark.parametrize("step", range(4))
def test_letting_go_that_died_anywhere_is_finished_by_the_next(
    store: DynamoAttachmentStore, blobs: FakeBlobStore, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    store.use([uploaded(store)], FIRST, LATER)
    dying = _DyingBlobs(blobs, step)
    with monkeypatch.context() as patched:
        patched.setattr(blobs, "delete", dying.delete)
        with pytest.raises(KeyboardInterrupt):
            store.release([FILE_ID], FIRST)
    assert found(store) is None
    store.release([FILE_ID], FIRST)
    assert blobs.blobs == {}
    assert store.use([make_attachment(expires_at=None)], FIRST, LATER) == {FILE_ID}


class _DyingBlobs:
    """Dies at a deletion, before its effect or after it."""

    def __init__(self, blobs: FakeBlobStore, step: int) -> None:
        self._delete = blobs.delete
        self._number, self._after = divmod(step, 2)
        self._calls = 0

    def delete(self, name: str) -> None:
        number, self._calls = self._calls, self._calls + 1
        if number == self._number and not self._after:
            raise KeyboardInterrupt
        self._delete(name)
        if number == self._number:
            raise KeyboardInterrupt


def test_a_use_that_meets_the_last_letting_go_is_refused_or_keeps_the_file(
    store: DynamoAttachmentStore, network: Network
) -> None:
    store.use([uploaded(store)], FIRST, LATER)
    used = there(store)
    network.before_next("TransactWriteItems", lambda: store.use([used], SECOND, LATER))
    store.release([FILE_ID], FIRST)
    assert store.data(FILE_ID) == DATA
    network.before_next("TransactWriteItems", lambda: store.release([FILE_ID], SECOND))
    assert store.use([used], FIRST, LATER) == {FILE_ID}
    assert store.data(FILE_ID) is None


def test_one_read_finds_ten_files(store: DynamoAttachmentStore, network: Network) -> None:
    ids: Sequence[AttachmentId] = [uploaded(store, id=AttachmentId(f"att_{number:020}")).id for number in range(10)]
    calls = network.listen()
    assert len(store.find(ids, LATER)) == 10
    assert calls == ["BatchGetItem"]
