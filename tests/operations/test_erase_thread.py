"""A thread that is deleted is not there any more at once; its messages follow, whatever else happens to them."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.erasure import Erasure, ErasureKind, of_inbox
from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.operations.carry_out_erasures import HELD, CarryOutErasures, ErasureWork
from chalicelib.operations.erase_thread import DeleteThread, EraseMessage, EraseThread
from chalicelib.operations.ports import PageRequest
from tests.factories.accounts import make_caller
from tests.fakes.erasure_store import FakeErasureStore
from tests.operations.incoming import arrive, make_mail, make_receipt, of_ses
from tests.operations.watched import Crash, FailingAt, Meanwhile
from tests.operations.world import INBOX, World, make_draft

MINUTE = timedelta(minutes=1)
FEW = 3  # messages a step


class ThreadWorld(World):
    """With what deletes threads, a few messages at a time."""

    def _wire(self) -> None:
        super()._wire()
        self.register = FakeErasureStore()
        erasures = self._watched("erasures", self.register)
        threads, index = self._watched("threads", self.threads), self._watched("index", self.index)
        erase = EraseMessage(
            self._watched("messages", self.messages), threads, index, self.delete_message, self.abandon_reservation
        )
        works: dict[ErasureKind, ErasureWork] = {
            ErasureKind.THREAD: EraseThread(threads, index, erase, FEW),
            ErasureKind.INBOX: Poison(),
        }
        self.carry_out = CarryOutErasures(erasures, works, self.clock)
        self.delete_thread = DeleteThread(threads, self.carry_out, self.clock)

    def conversation(self, messages: int) -> ThreadKey:
        """A thread of so many messages that were sent."""
        thread = ThreadKey(INBOX, self.sent().sequence)
        for _ in range(messages - 1):
            self.sent(make_draft(thread=thread))
        return thread

    def go_on(self, times: int = 10) -> None:
        for _ in range(times):
            self.clock.now += HELD
            self.carry_out()


class Poison:
    """A deletion that never gets on."""

    tried = 0

    def step(self, erasure: Erasure, _now: datetime) -> Erasure | None:
        self.tried += 1
        raise RuntimeError(erasure.subject)


@pytest.fixture
def world() -> ThreadWorld:
    return ThreadWorld()


def test_a_thread_is_gone_with_the_answer_and_all_its_messages_soon(world: ThreadWorld) -> None:
    thread, other = world.conversation(8), world.sent()

    world.delete_thread(thread, world.caller)

    with pytest.raises(NotFound):
        world.get_thread(thread, world.caller)
    with pytest.raises(NotFound):
        world.list_thread_messages(thread, world.caller, PageRequest())
    with pytest.raises(NotFound):
        world.delete_thread(thread, world.caller)
    shown = world.list_threads(INBOX, world.caller, PageRequest()).items
    assert [summary.thread.key.first_sequence for summary in shown] == [other.sequence]
    assert len(world.listed()) == 8 + 1 - FEW  # the newest went within the request
    world.go_on(1)
    assert world.listed() == [other]
    assert world.list_threads(INBOX, world.caller, PageRequest()).total == 1
    assert world.register.erasures == {}


def test_the_newest_go_first_so_that_what_is_queued_is_not_sent(world: ThreadWorld) -> None:
    thread = world.conversation(5)
    queued = world.submitted(make_draft(thread=thread))

    world.delete_thread(thread, world.caller)
    world.work()

    assert world.phase(queued) is MessagePhase.GONE
    assert len(world.provider.mails) == 5


def test_a_mail_that_answers_it_meanwhile_begins_another_thread(world: ThreadWorld) -> None:
    thread = world.conversation(5)
    header = of_ses(world, MessageKey(INBOX, thread.first_sequence))
    world.delete_thread(thread, world.caller)

    world.receive_message(arrive(world, make_mail(in_reply_to=header), make_receipt()))
    world.go_on()

    (left,) = world.listed()
    assert world.get_message(left, world.caller).content.thread == ThreadKey(INBOX, left.sequence)


def test_a_reply_into_it_is_refused_meanwhile(world: ThreadWorld) -> None:
    thread = world.conversation(5)
    world.delete_thread(thread, world.caller)

    with pytest.raises(NotFound):
        world.submit(make_draft(thread=thread))
    world.go_on()
    assert world.listed() == []


@pytest.mark.parametrize("before", ["threads.join", "send_queue.put", "index.commit"])
def test_a_reply_that_was_being_accepted_goes_with_it_or_is_refused(world: ThreadWorld, before: str) -> None:
    thread = world.conversation(5)

    with world.watching(Meanwhile(before, lambda: world.delete_thread(thread, world.caller))):
        try:
            world.submit(make_draft(thread=thread))
        except NotFound:
            assert before != "index.commit"
    world.work()
    world.go_on()

    assert world.listed() == []
    assert world.threads.doomed(thread) is None


def test_a_message_whose_request_died_is_waited_for_until_it_is_given_up(world: ThreadWorld) -> None:
    thread = world.conversation(2)
    with world.watching(Meanwhile("index.commit", _die)), pytest.raises(Crash):
        world.submit(make_draft(thread=thread))
    world.delete_thread(thread, world.caller)

    world.go_on(2)
    assert world.threads.doomed(thread) is not None
    world.work()  # its job gives it up after a minute
    world.go_on(2)

    assert world.threads.doomed(thread) is None
    assert world.register.erasures == {}


def _die() -> None:
    raise Crash


def test_only_its_owner_deletes_it(world: ThreadWorld) -> None:
    thread = world.conversation(2)

    for caller in (make_caller(account_id="acc_other"), make_caller(inbox_numbers=frozenset({INBOX + 1}))):
        with pytest.raises(NotFound):
            world.delete_thread(thread, caller)
    assert world.register.erasures == {}
    assert len(world.listed()) == 2


def deleted(fault: FailingAt) -> tuple[ThreadWorld, ThreadKey, MessageKey]:
    """A world in which something befell a deletion; it is asked for again, as whoever gets no answer does."""
    world = ThreadWorld()
    thread, other = world.conversation(5), world.sent()
    with world.watching(fault), suppress(Crash):
        world.delete_thread(thread, world.caller)
        world.go_on(1)
    with suppress(NotFound):
        world.delete_thread(thread, world.caller)
    world.work()
    world.go_on()
    return world, thread, other


def test_a_death_at_any_call_only_delays_it() -> None:
    calls = FailingAt(-1, after_effect=False)
    deleted(calls)
    assert len(calls.calls) > 50
    for number, call in enumerate(calls.calls):
        world, thread, other = deleted(FailingAt(number, after_effect=number % 2 == 0))
        assert world.listed() == [other], call
        assert world.register.erasures == {}, call
        assert world.threads.doomed(thread) is None, call


def test_a_deletion_that_never_gets_on_keeps_no_other_waiting(world: ThreadWorld) -> None:
    thread = world.conversation(5)
    poison = world.carry_out.works[ErasureKind.INBOX]
    assert isinstance(poison, Poison)
    world.register.add(of_inbox(8, world.caller.account_id, world.clock()))
    world.delete_thread(thread, world.caller)

    world.carry_out()
    assert poison.tried == 1
    assert world.listed() == []
    world.carry_out()
    assert poison.tried == 1  # it is held for a while
    world.clock.now += HELD
    world.carry_out()
    assert poison.tried == 2


def test_two_runs_that_meet_do_no_harm(world: ThreadWorld) -> None:
    thread, other = world.conversation(8), world.sent()
    world.delete_thread(thread, world.caller)

    with world.watching(Meanwhile("messages.get", world.carry_out)):
        world.carry_out()
    world.go_on()

    assert world.listed() == [other]
    assert world.register.erasures == {}
