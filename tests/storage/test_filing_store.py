"""The contract of FilingStore (operations/ports): of all who decide about a mail at once, one decides."""

from functools import partial

import pytest

from chalicelib.domain.ids import MessageKey, ThreadKey
from chalicelib.domain.thread_trust import Trust
from chalicelib.operations.ports import Filing, FilingStore
from chalicelib.storage import keys
from chalicelib.storage.filing_store import DynamoFilingStore
from chalicelib.storage.tables import FilingItem
from tests.fakes.filing_store import FakeFilingStore
from tests.storage.parallel import at_once

SES_ID = "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
INBOX = 2**56 - 1


@pytest.fixture
def filings(*, is_fake: bool) -> FilingStore:
    return FakeFilingStore() if is_fake else DynamoFilingStore()


def filing(sequence: int, thread: int | None = None, trust: Trust | None = None) -> Filing:
    return Filing(MessageKey(INBOX, sequence), ThreadKey(INBOX, sequence if thread is None else thread), trust)


@pytest.mark.parametrize("decided", [filing(5), filing(2**36 - 1, 0, Trust.NEW_PARTICIPANT), filing(0, 0, Trust.NONE)])
def test_a_decision_is_read_back(filings: FilingStore, decided: Filing) -> None:
    assert filings.put(SES_ID, decided) == decided
    assert filings.get(SES_ID, INBOX) == decided


def test_it_holds_for_one_mail_in_one_inbox(filings: FilingStore) -> None:
    filings.put(SES_ID, filing(5))

    assert filings.get(SES_ID + "x", INBOX) is None
    assert filings.get(SES_ID, INBOX - 1) is None


def test_the_first_decision_stands(filings: FilingStore) -> None:
    filings.put(SES_ID, filing(5))

    assert filings.put(SES_ID, filing(6)) == filing(5)
    assert filings.put(SES_ID, filing(5)) == filing(5)


def test_a_decision_is_replaced_while_it_still_stands(filings: FilingStore) -> None:
    filings.put(SES_ID, filing(5))

    assert filings.put(SES_ID, filing(6), instead_of=filing(5)) == filing(6)
    assert filings.put(SES_ID, filing(7), instead_of=filing(5)) == filing(6)
    assert filings.get(SES_ID, INBOX) == filing(6)


def test_what_is_gone_is_not_replaced(filings: FilingStore) -> None:
    assert filings.put(SES_ID, filing(6), instead_of=filing(5)) is None
    assert filings.get(SES_ID, INBOX) is None


def test_of_many_at_once_one_decides(filings: FilingStore) -> None:
    standing = at_once([partial(filings.put, SES_ID, filing(number)) for number in range(8)])

    assert len(set(standing)) == 1
    assert filings.get(SES_ID, INBOX) == standing[0]


def test_a_deleted_message_is_remembered_and_never_replaced(filings: FilingStore) -> None:
    filings.put(SES_ID, filing(5, 2))

    filings.mark_deleted(SES_ID, MessageKey(INBOX, 5), ThreadKey(INBOX, 2))
    filings.mark_deleted(SES_ID, MessageKey(INBOX, 5), ThreadKey(INBOX, 2))

    found = filings.put(SES_ID, filing(6), instead_of=filing(5))
    assert found is not None
    assert (found.message.sequence, found.thread.first_sequence, found.is_deleted) == (5, 2, True)
    assert filings.put(SES_ID, filing(6)) == found == filings.get(SES_ID, INBOX)


def test_a_deletion_is_remembered_where_no_record_is_left(filings: FilingStore) -> None:
    filings.mark_deleted(SES_ID, MessageKey(INBOX, 5), ThreadKey(INBOX, 2))

    found = filings.get(SES_ID, INBOX)
    assert found is not None
    assert found.is_deleted


def test_the_deletion_of_another_message_changes_nothing(filings: FilingStore) -> None:
    filings.put(SES_ID, filing(6))
    filings.mark_deleted(SES_ID, MessageKey(INBOX, 5), ThreadKey(INBOX, 2))
    assert filings.get(SES_ID, INBOX) == filing(6)


def test_only_the_record_of_a_deleted_message_expires(table: object) -> None:
    filings = DynamoFilingStore()
    filings.put(SES_ID, filing(5))
    place = keys.inbox_partition(INBOX), keys.filing(SES_ID)
    assert FilingItem.get(*place).ttl is None

    filings.mark_deleted(SES_ID, MessageKey(INBOX, 5), ThreadKey(INBOX, 2))

    assert FilingItem.get(*place).ttl is not None
