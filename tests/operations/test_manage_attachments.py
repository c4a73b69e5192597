"""Files by themselves: who may see them, when they are complete, how long they stay."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.account import Caller
from chalicelib.domain.attachment import FILE_LIMIT, UNUSED_LIFETIME, Attachment, UploadStatus
from chalicelib.domain.errors import AgentSendError, Conflict, ErrorCode, InvalidInput, NotFound, Unavailable
from chalicelib.domain.ids import AccountId, AttachmentId, MessageKey
from chalicelib.operations.manage_attachments import (
    BeginUpload,
    DeleteAttachment,
    GetAttachment,
    LinkUpload,
    NewFile,
    UploadAttachment,
)
from tests.factories.accounts import NOON, make_caller
from tests.factories.attachments import DATA, FILE_ID, make_attachment
from tests.fakes.attachment_store import FakeAttachmentStore
from tests.fakes.clock import FakeClock
from tests.operations.refusals import answer
from tests.operations.watched import Crash, FailingAt, Recording, watched

MESSAGE = MessageKey(7, 0)
REPORT = NewFile("../report.pdf", None, len(DATA))


class Desk:
    """The operations of files over one store."""

    def __init__(self) -> None:
        self.store, self.clock, self.caller = FakeAttachmentStore(), FakeClock(NOON), make_caller()
        self.named: list[AttachmentId] = []
        self.upload_ = UploadAttachment(self.store, self.clock)
        self.begin_ = BeginUpload(self.store, self.clock)
        self.link = LinkUpload(self.store, self.clock)
        self.get = GetAttachment(self.store, self.clock)
        self.delete = DeleteAttachment(self.store, self.clock)

    def upload(self, file: NewFile = REPORT, data: bytes = DATA) -> Attachment:
        return self.upload_(file, data, caller=self.caller, name_resource=self.named.append).attachment

    def begin(self, file: NewFile = REPORT) -> Attachment:
        return self.begin_(file, caller=self.caller, name_resource=self.named.append)


STRANGERS = [
    make_caller(account_id=AccountId("acc_another")),
    make_caller(account_id=AccountId("acc_another"), inbox_numbers=frozenset({7})),
]


def test_an_upload_is_there_at_once_with_a_clean_name_and_the_type_of_its_ending() -> None:
    desk = Desk()
    made = desk.upload()
    assert (made.filename, made.content_type, made.size) == ("report.pdf", "application/pdf", len(DATA))
    assert desk.named == [made.id]
    assert desk.get(made.id, desk.caller).attachment == made
    assert made.expires_at == NOON + timedelta(hours=24)


def test_what_the_client_says_of_the_type_counts() -> None:
    assert Desk().upload(replace(REPORT, content_type="text/csv")).content_type == "text/csv"


def test_an_upload_can_be_read_until_the_day_is_over() -> None:
    desk = Desk()
    made = desk.upload()
    desk.clock.advance(UNUSED_LIFETIME.total_seconds() - 1)
    assert desk.get(made.id, desk.caller).url
    desk.clock.advance(1)
    for read in (desk.get, desk.delete):
        with pytest.raises(NotFound):
            read(made.id, desk.caller)


def test_a_used_file_stays() -> None:
    desk = Desk()
    made = desk.upload()
    desk.store.use([made], MESSAGE, NOON)
    desk.clock.advance(10 * UNUSED_LIFETIME.total_seconds())
    readable = desk.get(made.id, desk.caller)
    assert (readable.attachment.expires_at, readable.url) == (None, f"https://blobs.example.com/attachments/{made.id}")


@pytest.mark.parametrize(
    ("size", "code"),
    [(0, ErrorCode.VALIDATION_ERROR), (FILE_LIMIT + 1, ErrorCode.ATTACHMENT_TOO_LARGE)],
)
def test_a_size_that_no_file_may_have_is_refused_before_anything_is_stored(size: int, code: ErrorCode) -> None:
    desk = Desk()
    for store in (desk.upload, desk.begin):
        with pytest.raises(InvalidInput) as refused:
            store(replace(REPORT, size=size))
        assert (refused.value.code, list(refused.value.details)) == (code, ["size"])
    assert (desk.named, desk.store.files) == ([], {})


def test_the_largest_file_is_taken() -> None:
    assert Desk().begin(replace(REPORT, size=FILE_LIMIT)).size == FILE_LIMIT


# --------------------------------------------------------------------------------------------- direct upload


def test_a_direct_upload_is_complete_once_its_bytes_are_there() -> None:
    desk = Desk()
    begun = desk.begin()
    assert desk.link(begun).expires_at == NOON + timedelta(hours=1)
    assert desk.get(begun.id, desk.caller).url is None
    desk.store.uploads[begun.id] = DATA[:-1]
    assert desk.get(begun.id, desk.caller).url is None
    desk.store.uploads[begun.id] = DATA
    readable = desk.get(begun.id, desk.caller)
    assert (readable.attachment.status, bool(readable.url)) == (UploadStatus.COMPLETE, True)


# ---------------------------------------------------------------------------------------------- whose it is


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_file_of_another_account_is_answered_like_one_that_never_was(stranger: Caller) -> None:
    desk = Desk()
    made = desk.upload()
    refusals = set()
    for text in (made.id, AttachmentId("att_00000000000000000000")):
        for operation in (desk.get, desk.delete):
            with pytest.raises(NotFound) as refused:
                operation(text, stranger)
            refusals.add(answer(refused.value))
    assert len(refusals) == 1
    assert desk.get(made.id, desk.caller).url


def test_an_upload_belongs_to_the_account_and_a_received_file_to_its_inbox() -> None:
    desk = Desk()
    made = desk.upload()
    received = make_attachment(inbox_number=7, expires_at=None)
    desk.store.put_received(received, DATA, MESSAGE)
    bound = make_caller(inbox_numbers=frozenset({8}))
    assert desk.get(made.id, bound).url
    with pytest.raises(NotFound):
        desk.get(FILE_ID, bound)
    assert desk.get(FILE_ID, make_caller(inbox_numbers=frozenset({7, 8}))).url


def test_a_withheld_file_is_never_handed_out() -> None:
    desk = Desk()
    desk.store.put_received(make_attachment(inbox_number=7, expires_at=None, withheld=True), DATA, MESSAGE)
    with pytest.raises(Conflict) as refused:
        desk.get(FILE_ID, desk.caller)
    assert (refused.value.code, refused.value.retryable) == (ErrorCode.ATTACHMENT_WITHHELD, False)


# -------------------------------------------------------------------------------------------------- deletion


def test_a_deleted_file_is_gone_for_good() -> None:
    desk = Desk()
    made = desk.upload()
    desk.delete(made.id, desk.caller)
    assert (desk.store.files, desk.store.uploads) == ({}, {})
    with pytest.raises(NotFound):
        desk.delete(made.id, desk.caller)


def test_a_used_file_is_not_deleted_and_the_answer_says_what_to_do() -> None:
    desk = Desk()
    made = desk.upload()
    desk.store.use([made], MESSAGE, NOON)
    with pytest.raises(InvalidInput) as refused:
        desk.delete(made.id, desk.caller)
    assert "Delete the messages" in refused.value.fix
    assert desk.get(made.id, desk.caller).url


# --------------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("error", [Crash(), Unavailable("no answer")])
def test_an_upload_that_died_is_there_under_its_name_or_not_at_all(
    after_effect: bool,  # noqa: FBT001 - a table's column
    error: BaseException,
) -> None:
    desk, calls = Desk(), Recording()
    UploadAttachment(watched("store", desk.store, calls), desk.clock)(
        REPORT, DATA, caller=desk.caller, name_resource=desk.named.append
    )
    assert calls.calls == ["store.create", "store.url"]
    failing = UploadAttachment(watched("store", desk.store, FailingAt(0, after_effect, error)), desk.clock)
    with pytest.raises((Crash, AgentSendError)):
        failing(REPORT, DATA, caller=desk.caller, name_resource=desk.named.append)
    if after_effect:
        assert desk.get(desk.named[-1], desk.caller).url
    else:
        with pytest.raises(NotFound):
            desk.get(desk.named[-1], desk.caller)
