"""The contract of UsageStore (operations/ports/usage), and of keys that count their requests."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.event import LogPlace
from chalicelib.domain.ids import AccountId, KeyId
from chalicelib.domain.usage import USAGE_KEPT, MessageSize, Usage
from chalicelib.operations.ports.usage import ADDED_DAYS, UsageMark, UsageStore
from chalicelib.storage import keys, tables
from chalicelib.storage.key_store import DynamoKeyStore
from chalicelib.storage.message_store import DynamoMessageStore
from chalicelib.storage.usage_store import DynamoUsageStore
from tests.factories.accounts import NOON, make_key
from tests.factories.messages import make_content, make_mailbox
from tests.fakes.blob_store import FakeBlobStore
from tests.fakes.usage_store import FakeUsageStore
from tests.storage.engines import Engine
from tests.storage.faults import Network
from tests.storage.parallel import at_once

ACCOUNT, OTHER = AccountId("acc_1"), AccountId("acc_2")
TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)
ALWAYS = (date(2000, 1, 1), date(2100, 1, 1))
USED = Usage(sends=2, recipients=3, inbound=4, bytes_stored=5)
HASH = b"h" * 32


@pytest.fixture
def usage(*, is_fake: bool) -> UsageStore:
    return FakeUsageStore() if is_fake else DynamoUsageStore()


def test_counts_are_added_with_the_mark_and_by_account_inbox_and_day(usage: UsageStore) -> None:
    assert usage.mark(ACCOUNT) == UsageMark()
    first = usage.add(ACCOUNT, {(TODAY, 7): USED, (TODAY, 8): USED, (YESTERDAY, 7): USED}, UsageMark(), LogPlace(3, 4))
    assert first == usage.mark(ACCOUNT) == UsageMark(LogPlace(3, 4), 1)
    second = usage.add(ACCOUNT, {(TODAY, 7): Usage(sends=1)}, first, LogPlace(5, 0))
    assert second is not None

    assert usage.days(ACCOUNT, *ALWAYS) == {YESTERDAY: USED, TODAY: USED + USED + Usage(sends=1)}
    assert usage.days(ACCOUNT, *ALWAYS, 7) == {YESTERDAY: USED, TODAY: USED + Usage(sends=1)}
    assert usage.days(ACCOUNT, TODAY, TODAY, 8) == {TODAY: USED}
    assert usage.days(ACCOUNT, YESTERDAY, YESTERDAY) == {YESTERDAY: USED}
    assert usage.days(OTHER, *ALWAYS) == {}
    assert usage.mark(OTHER) == UsageMark()


def test_who_counted_from_an_older_mark_adds_nothing(usage: UsageStore) -> None:
    assert usage.add(ACCOUNT, {(TODAY, 7): USED}, UsageMark(), LogPlace(0, 4)) is not None
    assert usage.add(ACCOUNT, {(TODAY, 7): USED}, UsageMark(), LogPlace(0, 4)) is None
    assert usage.days(ACCOUNT, *ALWAYS) == {TODAY: USED}


def test_eight_who_count_at_once_add_once(usage: UsageStore) -> None:
    answers = at_once([lambda: usage.add(ACCOUNT, {(TODAY, 7): USED}, UsageMark(), LogPlace(0, 4))] * 8, threads=8)
    assert sum(answer is not None for answer in answers) == 1
    assert usage.days(ACCOUNT, *ALWAYS) == {TODAY: USED}


def test_as_many_days_as_are_promised_are_added_at_once(usage: UsageStore) -> None:
    counted = {(TODAY - timedelta(days=number), 100 + number): USED for number in range(ADDED_DAYS)}
    assert usage.add(ACCOUNT, counted, UsageMark(), LogPlace(0, 4)) is not None
    assert len(usage.days(ACCOUNT, *ALWAYS)) == ADDED_DAYS


def test_an_addition_whose_reply_is_lost_adds_once(embedded_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = DynamoUsageStore()
    with embedded_engine.fresh_table(monkeypatch) as client:  # moto does not know the token of a transaction
        Network(monkeypatch, client).repeat("TransactWriteItems")
        assert usage.add(ACCOUNT, {(TODAY, 7): USED}, UsageMark(), LogPlace(0, 4)) is not None
        assert usage.days(ACCOUNT, *ALWAYS) == {TODAY: USED}


def test_days_expire_after_thirteen_months(table: Any) -> None:
    DynamoUsageStore().add(ACCOUNT, {(TODAY, 7): USED}, UsageMark(), LogPlace(0, 4))
    items = table.scan(TableName=tables.table_name())["Items"]
    expires = datetime.combine(TODAY, datetime.min.time(), UTC) + USAGE_KEPT
    assert (
        sorted(item.get("ttl", {}).get("N") for item in items if item["sk"]["S"] != keys.USAGE_MARK)
        == [str(int(expires.timestamp()))] * 2
    )


# --------------------------------------------------------------------------------------------- requests


def use(key_store: DynamoKeyStore, at: datetime, *, key_id: str = "key_1", times: int = 1, limit: int = 100) -> None:
    for _ in range(times):
        key_store.use(KeyId(key_id), HASH, at, limit)


def test_a_key_counts_its_requests_by_day_in_the_write_that_proves_it(table: Any) -> None:
    key_store, usage = DynamoKeyStore(), DynamoUsageStore()
    for number in (1, 2):
        key_store.create(make_key(id=KeyId(f"key_{number}"), account_id=ACCOUNT), HASH)
    key_store.create(make_key(id=KeyId("key_3"), account_id=OTHER), HASH)
    use(key_store, NOON - timedelta(days=1), times=2)
    use(key_store, NOON, times=5, limit=3)  # two are over its rate
    use(key_store, NOON, key_id="key_2")
    key_store.use(KeyId("key_2"), b"wrong" * 7, NOON, 100)
    use(key_store, NOON, key_id="key_3")

    counted = {KeyId("key_1"): {YESTERDAY: 2, TODAY: 3}, KeyId("key_2"): {TODAY: 1}}
    assert usage.requests(ACCOUNT) == counted
    assert usage.days(ACCOUNT, *ALWAYS) == {}


def test_a_day_that_is_over_moves_to_the_account_once(table: Any) -> None:
    key_store, usage = DynamoKeyStore(), DynamoUsageStore()
    key_store.create(make_key(id=KeyId("key_1"), account_id=ACCOUNT), HASH)
    use(key_store, NOON - timedelta(days=1), times=2)
    use(key_store, NOON)

    moves = at_once([lambda: usage.keep_requests(ACCOUNT, KeyId("key_1"), YESTERDAY, 2)] * 4, threads=4)

    assert moves.count(True) == 1
    assert usage.requests(ACCOUNT) == {KeyId("key_1"): {TODAY: 1}}
    assert usage.days(ACCOUNT, *ALWAYS) == {YESTERDAY: Usage(requests=2)}
    use(key_store, NOON)
    assert not usage.keep_requests(ACCOUNT, KeyId("key_1"), TODAY, 1)
    assert usage.days(ACCOUNT, *ALWAYS) == {YESTERDAY: Usage(requests=2)}
    assert not usage.keep_requests(ACCOUNT, KeyId("key_absent"), TODAY, 1)


# ------------------------------------------------------------------------------------------------- sizes


@pytest.mark.usefixtures("table")
def test_the_size_of_a_message_is_its_bodies_wherever_they_lie() -> None:
    messages = DynamoMessageStore(FakeBlobStore())
    short = make_content(body_text="é" * 10, cc=(make_mailbox("b@example.com"),), suppressed=("b@example.com",))
    long = make_content(
        key=type(short.key)(8, 3), body_text="".join(map(chr, range(0x100, 0x8000))) * 40, body_html="<p>"
    )
    for content in (short, long):
        messages.put(content)
    assert messages.sizes([short.key, long.key, type(short.key)(7, 99)]) == {
        short.key: MessageSize(1, 20),
        long.key: MessageSize(1, len(str(long.body_text).encode()) + 3),
    }
