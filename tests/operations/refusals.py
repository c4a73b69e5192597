"""Requests that are refused before anything of them is stored."""

from collections.abc import Callable

import pytest

from chalicelib.domain.errors import AgentSendError
from tests.operations.watched import Recording
from tests.operations.world import World

STORING = frozenset({"messages.put", "threads.begin", "threads.join", "send_queue.put", "index.commit"})


def refused(world: World, error: type[AgentSendError], submit: Callable[[], object]) -> AgentSendError:
    """The refusal, after making sure that nothing was named, stored or queued."""
    recording, waiting = Recording(), world.waiting()
    with world.watching(recording), pytest.raises(error) as caught:
        submit()
    assert world.named == []
    assert STORING.isdisjoint(recording.calls)
    assert world.waiting() == waiting
    return caught.value


def answer(error: AgentSendError) -> tuple[str, str, str]:
    """All that the caller learns of an error; two that must not be told apart are equal in it."""
    return error.code, error.message, error.fix
