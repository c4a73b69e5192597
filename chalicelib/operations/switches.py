"""What the stop switches say of a message, never older than the asker can bear.

A process keeps what it read for less than a second, so a batch of messages of one inbox asks once or twice. Whoever hands a
message to SES has asked less than a second before (docs/decisions/0023-stop-switches.md).
"""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.message import MessageContent
from chalicelib.domain.switch import Switch, SwitchState, Verdict
from chalicelib.operations.ports import Clock, SwitchStore

MARK_AGE = timedelta(milliseconds=500)  # of what is known when a message is marked as being handed over
CALL_AGE = timedelta(milliseconds=900)  # and when SES is called
SLOW_READS = 3  # after which it is given up to read them within such an age
_KEPT = 10_000  # switches; when there are more, all are forgotten


@dataclass(frozen=True, slots=True)
class _Known:
    """How a switch stood when it was read."""

    state: SwitchState
    read_at: datetime
    number: int  # of the read


class Switches:
    """Shared by the threads of a process."""

    def __init__(
        self, store: SwitchStore, clock: Clock, one_at_a_time: AbstractContextManager[object] | None = None
    ) -> None:
        """Tests that stop threads in the middle of a read say that nobody is to wait for another's."""
        self._store = store
        self._clock = clock
        self._known: dict[Switch, _Known] = {}
        self._readings = 0  # begun
        self._reading = one_at_a_time or Lock()

    def verdict(self, content: MessageContent, max_age: timedelta = timedelta()) -> Verdict | None:
        """What keeps a message from being sent; None: nothing. Asks the store where it last did so longer ago."""
        switches = switches_of(content)
        return _judged(self._states(switches, max_age), switches, content)

    def suspected(self, content: MessageContent) -> Verdict | None:
        """The same, but the store is asked only if what was known last stands in the way: free for mail that may go."""
        switches = switches_of(content)
        known = {switch: found.state for switch in switches if (found := self._known.get(switch)) is not None}
        return None if _judged(known, switches, content) is None else self.verdict(content, MARK_AGE)

    def is_stopped(self, *switches: Switch, max_age: timedelta = timedelta()) -> bool:
        return any(state.is_stopped for state in self._states(switches, max_age).values())

    def _states(self, switches: Collection[Switch], max_age: timedelta) -> Mapping[Switch, SwitchState]:
        before = self._readings
        with self._reading:  # one asks for all who come meanwhile
            for number in range(SLOW_READS + 1):
                stale = [switch for switch in switches if self._is_stale(switch, before, max_age)]
                if not stale:
                    return {switch: self._known[switch].state for switch in switches}
                if number < SLOW_READS:
                    self._read(stale)
        raise Unavailable("The stop switches cannot be read fast enough.")

    def _read(self, switches: Collection[Switch]) -> None:
        if len(self._known) > _KEPT:
            self._known.clear()
        self._readings += 1
        number, read_at = self._readings, self._clock()  # before the read: what it shows is not older
        found = self._store.read(switches)
        self._known |= {switch: _Known(state, read_at, number) for switch, state in found.items()}

    def _is_stale(self, switch: Switch, before: int, max_age: timedelta) -> bool:
        known = self._known.get(switch)
        if known is None:
            return True
        if max_age:
            return self._clock() - known.read_at > max_age
        return known.number <= before  # a read that began after this was asked is as good as one's own


def switches_of(content: MessageContent) -> tuple[Switch, ...]:
    """The switches that a message obeys; an older one does not say which key it came with."""
    key_id = content.key_id
    ours = (Switch.of_inbox(content.key.inbox_number), Switch.of_account(content.account_id))
    return ours if key_id is None else (*ours, Switch.of_key(key_id))


def _judged(
    states: Mapping[Switch, SwitchState], switches: Collection[Switch], content: MessageContent
) -> Verdict | None:
    known = [(switch.kind, states[switch]) for switch in switches if switch in states]
    for kind, state in known:
        if state.discards(content.created_at):
            return Verdict(kind, state.discarded_until)
    return next((Verdict(kind) for kind, state in known if state.is_stopped), None)
