"""The late resend over a real table: once, also when many workers come to it at the same moment."""

import pytest

from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.ports import SendJob
from tests.factories.accounts import NOON
from tests.operations.unanswered import ambiguous, overdue
from tests.storage.parallel import at_once
from tests.storage.stored_world import StoredWorld

WORKERS = 8


@pytest.mark.usefixtures("table")
def test_a_message_without_an_answer_is_handed_over_once_more_on_the_evidence_in_the_table() -> None:
    world, key = overdue(StoredWorld())

    world.work()

    assert len(world.provider.mails) == 1
    assert world.status(key) is MessageStatus.SENT
    told = [entry.reason.code for entry in world.delivery(key).timeline if entry.reason]
    assert told == ["ses_no_answer", "ses_resent"]


@pytest.mark.usefixtures("table")
def test_without_evidence_in_the_table_it_is_given_up() -> None:
    world, key = ambiguous(StoredWorld())

    world.work()

    assert world.provider.mails == []
    assert world.status(key) is MessageStatus.FAILED


@pytest.mark.usefixtures("table")
def test_of_many_workers_at_the_same_moment_one_hands_it_over() -> None:
    world, key = overdue(StoredWorld())

    at_once([lambda: world.send_message(SendJob(key, NOON))] * WORKERS, threads=WORKERS)

    assert world.provider.calls == 1
    assert world.status(key) is MessageStatus.SENT
