"""In-Reply-To and References, settled when a reply is composed."""

from dataclasses import replace
from email import message_from_bytes

from chalicelib.domain.delivery import Reason
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendRefused
from tests.operations.watched import Meanwhile
from tests.operations.world import IDS, INBOX, World, make_draft

THREAD = ThreadKey(INBOX, 0)
REFUSAL = Reason("ses_sandbox_unverified", "The account is in the sandbox; verify the recipient's address.")


def reply_to_unsent() -> tuple[World, MessageKey, MessageKey]:
    world = World()
    parent = world.submitted()
    reply = world.submitted(make_draft(thread=THREAD))
    return world, parent, reply


def header(world: World, key: MessageKey, name: str) -> str | None:
    (handed,) = [handed for handed in world.provider.mails if handed.message_id == IDS.message_id(key)]
    value = message_from_bytes(handed.mail)[name]
    return None if value is None else " ".join(value.split())


def test_a_reply_looks_for_the_final_message_id_of_its_parent_when_it_is_composed() -> None:
    world, parent, reply = reply_to_unsent()

    world.work()

    final = world.delivery(parent).message_id_header
    assert final is not None
    assert header(world, reply, "In-Reply-To") == final
    assert header(world, reply, "References") == final
    assert world.delivery(reply).in_reply_to == final
    assert world.delivery(reply).references == (final,)


def test_a_reply_whose_parent_was_never_sent_names_the_message_id_we_gave_it() -> None:
    world, parent, reply = reply_to_unsent()
    world.provider.outcomes = [SendRefused(REFUSAL)]

    world.work()

    ours = f"<{IDS.message_id(parent)}@mail.example.com>"
    assert header(world, reply, "In-Reply-To") == ours
    assert header(world, reply, "References") == ours


def test_a_reply_whose_parent_is_deleted_meanwhile_still_goes() -> None:
    world, parent, reply = reply_to_unsent()
    world.delete_message(parent, world.caller)

    world.work()

    assert world.status(reply) is MessageStatus.SENT
    assert header(world, reply, "In-Reply-To") == f"<{IDS.message_id(parent)}@mail.example.com>"


def test_a_reply_to_a_reply_carries_the_final_ids_of_the_whole_chain() -> None:
    world = World()
    first = world.sent()
    second = world.submitted(make_draft(thread=THREAD))
    third = world.submitted(make_draft(thread=THREAD))

    world.work()

    finals = [world.delivery(key).message_id_header for key in (first, second)]
    assert header(world, third, "In-Reply-To") == finals[1]
    assert header(world, third, "References") == " ".join(filter(None, finals))


def test_a_first_message_has_no_reply_headers() -> None:
    world = World()
    key = world.sent()

    assert header(world, key, "In-Reply-To") is None
    assert header(world, key, "References") is None
    assert header(world, key, "Message-ID") == f"<{IDS.message_id(key)}@mail.example.com>"


def test_the_record_keeps_the_headers_ses_was_handed_when_two_workers_composed_differently() -> None:
    world, parent, reply = reply_to_unsent()
    parents_job, replys_job = world.next_job(), world.next_job()
    assert parents_job is not None
    assert replys_job is not None

    def rival() -> None:
        """The parent is sent, and another worker composes the reply with its final Message-ID, but marks too late."""
        world.send_message(parents_job)
        stored = world.messages.get(reply)
        assert stored is not None
        assert stored.delivery is not None
        final = world.delivery(parent).message_id_header
        world.messages.save_delivery(reply, replace(stored.delivery, in_reply_to=final, references=(str(final),)))

    with world.watching(Meanwhile("provider.send", rival)):
        world.send_message(replys_job)

    assert header(world, reply, "In-Reply-To") == f"<{IDS.message_id(parent)}@mail.example.com>"
    (handed,) = [handed for handed in world.provider.mails if handed.message_id == IDS.message_id(reply)]
    assert world.read_raw(reply, world.caller) == handed.mail
