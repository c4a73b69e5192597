"""In-Reply-To and References, settled when a reply is composed."""

from dataclasses import replace
from email import message_from_bytes

from chalicelib.domain.delivery import EventType, Reason
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendOutcomeUnknown, SendRefused
from chalicelib.operations.send_message import PARENT_PATIENCE
from chalicelib.operations.send_reasons import Wait
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


def test_a_reply_that_is_faster_than_its_parent_waits_for_its_message_id() -> None:
    world, parent, reply = reply_to_unsent()
    parents_job, replys_job = world.taken(), world.taken()

    world.deliver(replys_job)

    assert world.provider.mails == []
    [entry] = world.delivery(reply).timeline
    assert (entry.type, entry.reason) == (EventType.SENDING, Wait.PARENT.value)
    assert entry.status is world.status(reply) is MessageStatus.SENDING
    world.deliver(parents_job)
    world.work()
    assert header(world, reply, "In-Reply-To") == world.delivery(parent).message_id_header


def test_a_reply_that_is_deleted_while_it_is_noted_that_it_waits_leaves_nothing_behind() -> None:
    world, _, reply = reply_to_unsent()
    world.taken()
    deleting = Meanwhile("messages.save_delivery", lambda: world.delete_message(reply, world.caller))

    with world.watching(deleting):
        world.deliver_next()
    world.work()

    assert world.phase(reply) is MessagePhase.GONE
    assert world.messages.get_delivery(reply) is None


def test_a_reply_does_not_wait_for_ever_for_a_parent_whose_worker_hangs() -> None:
    world, parent, reply = reply_to_unsent()
    world.taken()

    assert seconds_until_sent(world, reply) == PARENT_PATIENCE.total_seconds()
    assert header(world, reply, "In-Reply-To") == f"<{IDS.message_id(parent)}@mail.example.com>"


def test_a_reply_does_not_wait_for_ever_for_a_parent_whose_outcome_is_unknown() -> None:
    world, parent, reply = reply_to_unsent()
    world.provider.outcomes = [SendOutcomeUnknown()]
    world.deliver_next()

    assert seconds_until_sent(world, reply) == PARENT_PATIENCE.total_seconds()
    assert header(world, reply, "In-Reply-To") == f"<{IDS.message_id(parent)}@mail.example.com>"


def seconds_until_sent(world: World, key: MessageKey) -> float:
    begin = world.clock()
    while world.status(key) is not MessageStatus.SENT:
        world.deliver_next()
    return (world.clock() - begin).total_seconds()


def test_the_whole_chain_is_settled_not_only_the_parent() -> None:
    world, first, second = reply_to_unsent()
    firsts_job, seconds_job = world.taken(), world.taken()
    world.clock.now += PARENT_PATIENCE
    world.deliver(seconds_job)  # its time is over: it goes with the Message-ID that we gave the first
    third = world.submitted(make_draft(thread=THREAD))
    world.deliver(firsts_job)

    world.work()

    finals = [world.delivery(key).message_id_header for key in (first, second)]
    assert header(world, second, "References") == f"<{IDS.message_id(first)}@mail.example.com>"
    assert header(world, third, "References") == " ".join(filter(None, finals))
    assert world.delivery(third).references == tuple(finals)


def test_a_message_id_of_another_inbox_is_left_alone() -> None:
    world, first, reply = reply_to_unsent()
    world.deliver_next()
    foreign = f"<{IDS.message_id(MessageKey(INBOX + 1, first.sequence))}@mail.example.com>"
    content = world.messages.contents[reply]
    world.messages.contents[reply] = replace(content, in_reply_to=foreign, references=(foreign,))
    world.messages.deliveries[MessageKey(INBOX + 1, first.sequence)] = world.delivery(first)

    world.work()

    assert header(world, reply, "In-Reply-To") == foreign


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
    world.clock.now += PARENT_PATIENCE

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
