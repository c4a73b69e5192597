"""Files of received mail: kept with their message, by ids of their own, and withheld when a virus was found."""

import pytest

from chalicelib.domain.arrival import Authentication, Verdict
from chalicelib.domain.attachment import Attachment
from chalicelib.domain.errors import Conflict, ErrorCode, NotFound
from chalicelib.domain.ids import AttachmentId
from chalicelib.operations.manage_attachments import DeleteAttachment, GetAttachment
from tests.factories.accounts import ACCOUNT_ID, NOON, make_caller
from tests.operations.incoming import (
    ADDRESS,
    arrive,
    content,
    make_mail_with_files,
    make_receipt,
    only_message,
    received,
)
from tests.operations.test_receive_message import SECOND, SECOND_ADDRESS, listed, two_inboxes
from tests.operations.world import INBOX, World

MAIL = make_mail_with_files(b"one", b"\x00\xff" * 2_000)


def file_of(world: World, attachment_id: AttachmentId) -> Attachment:
    return world.attachments.find([attachment_id], world.clock())[attachment_id]


def test_files_are_named_on_the_message_and_stored_as_they_were() -> None:
    world = World()

    message = received(world, MAIL)

    assert [(file.filename, file.content_type, file.size) for file in message.attachments] == [
        ("0.bin", "application/x-file", 3),
        ("1.bin", "application/x-file", 4_000),
    ]
    assert [world.attachments.data(file.id) for file in message.attachments] == [b"one", b"\x00\xff" * 2_000]
    stored = file_of(world, message.attachments[0].id)
    assert (stored.account_id, stored.inbox_number, stored.created_at) == (ACCOUNT_ID, INBOX, NOON)
    assert not stored.withheld


def test_each_inbox_has_files_of_its_own() -> None:
    world = two_inboxes()
    world.receive_message(arrive(world, MAIL, make_receipt(ADDRESS, SECOND_ADDRESS)))
    first, second = only_message(world), content(world, listed(world, SECOND)[0])

    world.delete_message(first.key, world.caller)

    assert not {file.id for file in first.attachments} & {file.id for file in second.attachments}
    assert [world.attachments.data(file.id) for file in first.attachments] == [None, None]
    assert world.attachments.data(second.attachments[0].id) == b"one"


def test_files_of_a_mail_with_a_virus_are_withheld_and_those_of_others_are_not() -> None:
    world = World()
    get = GetAttachment(world.attachments, world.clock)
    found = Authentication(virus=Verdict.FAIL)
    message = received(world, MAIL, make_receipt(authentication=found))
    harmless = received(
        world, MAIL, make_receipt(ses_message_id="another", authentication=Authentication(virus=Verdict.GRAY))
    )

    with pytest.raises(Conflict) as refused:
        get(message.attachments[0].id, world.caller)

    assert refused.value.code is ErrorCode.ATTACHMENT_WITHHELD
    assert get(harmless.attachments[0].id, world.caller).url is not None


def test_a_key_that_does_not_reach_the_inbox_does_not_reach_its_files() -> None:
    world = World()
    message = received(world, MAIL)
    with pytest.raises(NotFound):
        GetAttachment(world.attachments, world.clock)(
            message.attachments[0].id, make_caller(inbox_numbers=frozenset({SECOND}))
        )


def test_a_received_file_goes_with_its_message_and_not_before() -> None:
    world = World()
    message = received(world, MAIL)
    with pytest.raises(Exception, match="a message uses this file"):
        DeleteAttachment(world.attachments, world.clock)(message.attachments[0].id, world.caller)
    assert world.attachments.data(message.attachments[0].id) == b"one"
