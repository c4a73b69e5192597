"""What a process knows of the stop switches: how old it may be, and how often the store is asked."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.switch import Switch, SwitchKind, SwitchState, Verdict
from chalicelib.operations.switches import CALL_AGE, MARK_AGE, SLOW_READS, Switches
from tests.factories.messages import make_content
from tests.fakes.clock import FakeClock

MESSAGE = make_content()
INBOX = Switch.of_inbox(MESSAGE.key.inbox_number)
HELD = Verdict(SwitchKind.INBOX)


@dataclass
class Store:
    """One state for the inbox; every read takes some seconds."""

    clock: FakeClock
    seconds: float = 0.0
    state: SwitchState = field(default_factory=SwitchState)
    reads: int = 0

    def read(self, switches: object) -> dict[Switch, SwitchState]:
        assert isinstance(switches, list)
        self.reads += 1
        found = {switch: self.state if switch == INBOX else SwitchState() for switch in switches}
        self.clock.advance(self.seconds)
        return found

    def discard(self, *_: object) -> bool:
        raise NotImplementedError


@pytest.fixture
def store() -> Store:
    return Store(FakeClock())


def test_what_was_read_half_a_second_ago_is_not_read_again_for_a_mark_and_is_for_a_call_after_another(
    store: Store,
) -> None:
    switches = Switches(store, store.clock)
    assert switches.verdict(MESSAGE, MARK_AGE) is None
    store.state = SwitchState(is_stopped=True)

    store.clock.advance(0.5)
    assert switches.verdict(MESSAGE, MARK_AGE) is None
    store.clock.advance(0.4)
    assert switches.verdict(MESSAGE, CALL_AGE) is None
    assert store.reads == 1
    store.clock.advance(0.001)
    assert switches.verdict(MESSAGE, CALL_AGE) == HELD


def test_without_an_age_the_store_is_asked_each_time(store: Store) -> None:
    switches = Switches(store, store.clock)
    switches.verdict(MESSAGE)
    store.state = SwitchState(is_stopped=True)

    assert switches.verdict(MESSAGE) == HELD


def test_a_read_that_took_longer_than_it_may_be_old_is_not_believed(store: Store) -> None:
    switches = Switches(store, store.clock)
    store.seconds = 1.0

    with pytest.raises(Unavailable):
        switches.verdict(MESSAGE, CALL_AGE)

    assert store.reads == SLOW_READS


def test_mail_that_may_go_asks_nobody_before_it_is_composed_and_what_is_held_does(store: Store) -> None:
    switches = Switches(store, store.clock)
    assert switches.suspected(MESSAGE) is None
    assert store.reads == 0

    store.state = SwitchState(is_stopped=True)
    switches.verdict(MESSAGE)
    store.clock.advance(60)
    assert switches.suspected(MESSAGE) == HELD
    store.state = SwitchState()
    store.clock.advance(60)
    assert switches.suspected(MESSAGE) is None
    assert store.reads == 3


def test_ten_threads_that_ask_at_once_are_answered_by_one_read(store: Store) -> None:
    switches, together = Switches(store, store.clock), Barrier(10)

    def ask(_: int) -> Verdict | None:
        together.wait(10)
        return switches.verdict(MESSAGE, MARK_AGE)

    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(ask, range(10))) == [None] * 10

    assert store.reads == 1


def test_a_discard_counts_by_when_the_message_was_accepted(store: Store) -> None:
    accepted = MESSAGE.created_at
    store.state = SwitchState(is_stopped=True, discarded_until=accepted)
    assert Switches(store, store.clock).verdict(MESSAGE) == Verdict(SwitchKind.INBOX, accepted)
