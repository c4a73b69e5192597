"""The contracts of WebhookStore, WebhookDeliveries and DueDeliveries (operations/ports/webhooks.py)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.delivery import EventType
from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.event import LogPlace
from chalicelib.domain.webhook import Disabled, OldSecret, WebhookId, WebhookSecret
from chalicelib.domain.webhook_delivery import Answer, DeliveryState, WebhookDelivery
from chalicelib.operations.ports import PageRequest, VersionConflict
from chalicelib.operations.ports.webhooks import DeliveryJob, DueDeliveries, WebhookDeliveries, WebhookStore
from chalicelib.storage import keys
from chalicelib.storage.due_delivery_store import DynamoDueDeliveries
from chalicelib.storage.tables import WebhookJobItem
from chalicelib.storage.webhook_deliveries import DynamoWebhookDeliveries
from chalicelib.storage.webhook_store import DynamoWebhookStore
from tests.factories.accounts import ACCOUNT_ID
from tests.factories.webhooks import NOON, WEBHOOK_ID, make_logged, make_webhook
from tests.fakes.webhooks import FakeDueDeliveries, FakeWebhookDeliveries, FakeWebhookStore

OTHER = WebhookId("wh_1123456789abcdefghjk")
A_SECOND = timedelta(seconds=1)
JOBS = [DeliveryJob(ACCOUNT_ID, WEBHOOK_ID, make_logged(number), attempts=number) for number in range(30)]


@pytest.fixture
def webhooks(*, is_fake: bool) -> WebhookStore:
    return FakeWebhookStore() if is_fake else DynamoWebhookStore()


@pytest.fixture
def deliveries(webhooks: WebhookStore) -> WebhookDeliveries:
    if isinstance(webhooks, FakeWebhookStore):
        return FakeWebhookDeliveries(webhooks)
    return DynamoWebhookDeliveries(lambda: NOON)


@pytest.fixture
def due(*, is_fake: bool) -> DueDeliveries:
    return FakeDueDeliveries() if is_fake else DynamoDueDeliveries()


@pytest.mark.usefixtures("table")
def test_a_due_delivery_that_nobody_can_read_holds_up_none_behind_it() -> None:
    due = DynamoDueDeliveries(shards=1)
    due.add(JOBS[0], NOON + A_SECOND)
    WebhookJobItem(keys.due_partition(0), keys.due_time(int(NOON.timestamp())) + "#x", job=b"nonsense").save()

    assert [each.job for each in due.due(0, NOON + 9 * A_SECOND, 10)] == [JOBS[0]]


def test_a_webhook_is_read_as_it_was_stored_by_its_account_alone(webhooks: WebhookStore) -> None:
    full = make_webhook(
        description="Ours",
        events=frozenset({EventType.BOUNCED, EventType.SENT}),
        inbox_numbers=frozenset({7, 9}),
        secret=WebhookSecret("whsec_c", (OldSecret("whsec_b", NOON), OldSecret("whsec_a", NOON - A_SECOND))),
        since=LogPlace(3, 17),
        is_active=False,
        disabled=Disabled("It answered 410.", NOON, 5),
    )
    webhooks.create(full)
    webhooks.create(replace(full, description="again"))
    webhooks.create(make_webhook(id=OTHER))

    assert webhooks.get(ACCOUNT_ID, full.id) == full
    assert webhooks.get("acc_another", full.id) is None  # type: ignore[arg-type]
    assert set(webhooks.all(ACCOUNT_ID)) == {full, make_webhook(id=OTHER)}
    page = webhooks.page(ACCOUNT_ID, PageRequest(limit=1))
    assert (page.items, page.total) == ((make_webhook(id=OTHER),), 2)


def test_a_change_on_top_of_another_is_refused(webhooks: WebhookStore) -> None:
    webhooks.create(make_webhook(description="Ours", disabled=Disabled("x", NOON, 5)))

    saved = webhooks.save(make_webhook(url="https://new.example.com/"))

    assert webhooks.get(ACCOUNT_ID, WEBHOOK_ID) == saved == replace(make_webhook(url=saved.url), version=1)
    with pytest.raises(VersionConflict):
        webhooks.save(make_webhook(url="https://newer.example.com/"))
    with pytest.raises(VersionConflict):
        webhooks.save(make_webhook(id=OTHER))


def test_a_deleted_webhook_is_gone_from_everywhere(webhooks: WebhookStore) -> None:
    webhooks.create(make_webhook())

    assert webhooks.delete(ACCOUNT_ID, WEBHOOK_ID)

    assert not webhooks.delete(ACCOUNT_ID, WEBHOOK_ID)
    assert webhooks.get(ACCOUNT_ID, WEBHOOK_ID) is None
    assert webhooks.all(ACCOUNT_ID) == ()
    assert webhooks.page(ACCOUNT_ID, PageRequest()).total == 0


def test_a_look_finds_webhook_delivery_and_health(webhooks: WebhookStore, deliveries: WebhookDeliveries) -> None:
    nothing = deliveries.look(JOBS[0])
    assert (nothing.webhook, nothing.delivery, nothing.health) == (None, None, EndpointHealth())
    webhooks.create(make_webhook())
    saved = deliveries.save(WebhookDelivery(WEBHOOK_ID, JOBS[0].logged), NOON)
    health = deliveries.change_health(WEBHOOK_ID, EndpointHealth(), lambda known: replace(known, failures=3))

    found = deliveries.look(JOBS[0])

    assert (found.webhook, found.delivery, found.health) == (make_webhook(), saved, health)
    assert deliveries.look(JOBS[1]).delivery is None


def test_a_delivery_keeps_every_attempt_and_is_saved_by_one_at_a_time(deliveries: WebhookDeliveries) -> None:
    first = deliveries.save(
        WebhookDelivery(WEBHOOK_ID, JOBS[0].logged).after(Answer(500, "é" * 2_000), NOON, NOON + A_SECOND, lambda: 0.5),
        NOON,
    )
    second = deliveries.save(first.after(Answer(200, "ok"), NOON, NOON + A_SECOND, lambda: 0.5), NOON)

    assert deliveries.get(WEBHOOK_ID, JOBS[0].logged.place) == second
    assert [attempt.status_code for attempt in second.attempts] == [500, 200]
    with pytest.raises(VersionConflict):
        deliveries.save(first, NOON)
    with pytest.raises(VersionConflict):
        deliveries.save(WebhookDelivery(WEBHOOK_ID, JOBS[0].logged), NOON)


def test_deliveries_are_listed_newest_event_first_page_by_page(deliveries: WebhookDeliveries) -> None:
    for job in JOBS:
        deliveries.save(WebhookDelivery(WEBHOOK_ID, job.logged), NOON)
    deliveries.save(WebhookDelivery(OTHER, JOBS[0].logged), NOON)

    seen, before, pages = [], None, 0
    while pages == 0 or before is not None:
        found, before = deliveries.page(WEBHOOK_ID, before, 7)
        seen += [each.logged for each in found]
        pages += 1

    assert seen == [job.logged for job in reversed(JOBS)]
    assert pages == 5


def test_pending_deliveries_are_found_among_settled_ones(deliveries: WebhookDeliveries) -> None:
    for number, job in enumerate(JOBS):
        state = DeliveryState.PENDING if number % 10 == 0 else DeliveryState.DELIVERED
        deliveries.save(WebhookDelivery(WEBHOOK_ID, job.logged, state), NOON)

    pending = {each.logged for each in deliveries.pending(WEBHOOK_ID)}

    assert pending == {JOBS[number].logged for number in (0, 10, 20)}


def test_a_change_of_health_is_made_on_what_stands(deliveries: WebhookDeliveries) -> None:
    def failed(known: EndpointHealth) -> EndpointHealth:
        return known.after_failure(NOON, A_SECOND, timed_out=True)

    deliveries.change_health(WEBHOOK_ID, EndpointHealth(), failed)
    again = deliveries.change_health(WEBHOOK_ID, EndpointHealth(), failed)  # by somebody who knew nothing of the first

    assert again is not None
    assert again.failures == 2
    assert deliveries.health(WEBHOOK_ID) == again
    assert deliveries.change_health(WEBHOOK_ID, again, lambda _: None) is None
    assert deliveries.health(OTHER) == EndpointHealth()


def test_a_line_is_in_the_order_of_the_log(deliveries: WebhookDeliveries) -> None:
    for job in reversed(JOBS):
        deliveries.wait(job, NOON)
        deliveries.wait(job, NOON)

    assert deliveries.waiting(WEBHOOK_ID, 3) == JOBS[:3]
    for job in JOBS[:2]:
        deliveries.leave(job)
        deliveries.leave(job)
    assert deliveries.waiting(WEBHOOK_ID, 100) == JOBS[2:]
    assert list(deliveries.waiting(OTHER, 3)) == []


def test_what_is_due_comes_in_the_order_of_its_times(due: DueDeliveries) -> None:
    times = {job: NOON + timedelta(minutes=30 - number) for number, job in enumerate(JOBS)}
    for job, at in times.items():
        due.add(job, at)
        due.add(job, at)

    before = NOON + timedelta(minutes=20)
    found = [each for shard in range(due.shards) for each in due.due(shard, before, 100)]

    assert {each.job: each.due_at for each in found} == {job: at for job, at in times.items() if at < before}
    for shard in range(due.shards):
        of_shard = [each.due_at for each in due.due(shard, before, 100)]
        assert of_shard == sorted(of_shard)
        assert [each.due_at for each in due.due(shard, before, 1)] == of_shard[:1]
    due.remove(found)
    due.remove(found)
    assert [each for shard in range(due.shards) for each in due.due(shard, before, 100)] == []
