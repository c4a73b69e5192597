"""Large messages of one batch take turns, so that the process that sends them stays within its memory."""

import threading
from dataclasses import replace

import pytest

from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendJob
from chalicelib.operations.sending_room import SendingRoom
from tests.operations.world import World, enclosing


def test_what_fits_in_together_is_let_in_together() -> None:
    room = SendingRoom(10, patience=0)
    with room.entered(6) as first, room.entered(4) as second, room.entered(0) as third:
        assert (first, second, third) == (True, True, True)


def test_what_does_not_fit_is_sent_away_and_takes_nothing() -> None:
    room = SendingRoom(10, patience=0)
    with room.entered(6):
        with room.entered(5) as other:
            assert not other
        with room.entered(4) as other:
            assert other
    with room.entered(10) as whole:
        assert whole


def test_room_is_given_back_by_what_fails() -> None:
    room = SendingRoom(10, patience=0)
    with pytest.raises(KeyError), room.entered(10):
        raise KeyError
    with room.entered(10) as whole:
        assert whole


def test_whoever_waits_is_let_in_as_soon_as_there_is_room() -> None:
    room = SendingRoom(10, patience=60)
    entered = threading.Event()

    def wait() -> None:
        with room.entered(10) as is_in:
            if is_in:
                entered.set()

    with room.entered(1):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not entered.is_set()
    waiting.join(60)
    assert entered.is_set()


def test_a_message_without_room_is_sent_later() -> None:
    world = World()
    key = world.submitted(enclosing(world.file()))
    room = SendingRoom(10_000, patience=0)
    world.send_message = replace(world.send_message, room=room)
    with room.entered(10_000):
        world.deliver_next()
        assert world.status(key) is MessageStatus.SENDING
        assert world.provider.calls == 0
        (_, later), plain = world.only_job(), world.submitted()
        world.deliver(SendJob(plain, queued_at=world.clock()))
        assert world.status(plain) is MessageStatus.SENT
        assert later.message == key
    world.work()
    assert world.status(key) is MessageStatus.SENT
    assert len(world.provider.mails) == 2
