"""The contract of CallsUnderWay (operations/ports/webhooks.py): never more than so many calls of an endpoint."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.domain.webhook import WebhookId
from chalicelib.domain.webhook_delivery import Answer, WebhookDelivery
from chalicelib.operations.ports.webhooks import CallsUnderWay, DeliveryJob, WebhookDeliveries
from chalicelib.storage.calls_under_way import DynamoCallsUnderWay
from chalicelib.storage.webhook_deliveries import DynamoWebhookDeliveries
from tests.factories.accounts import ACCOUNT_ID
from tests.factories.webhooks import NOON, WEBHOOK_ID, make_logged
from tests.fakes.webhooks import FakeCallsUnderWay, FakeWebhookDeliveries, FakeWebhookStore
from tests.storage.parallel import at_once

A_SECOND = timedelta(seconds=1)
JOBS = [DeliveryJob(ACCOUNT_ID, WEBHOOK_ID, make_logged(number)) for number in range(40)]


@pytest.fixture
def deliveries(*, is_fake: bool) -> WebhookDeliveries:
    return FakeWebhookDeliveries(FakeWebhookStore()) if is_fake else DynamoWebhookDeliveries(lambda: NOON)


@pytest.fixture
def calls(deliveries: WebhookDeliveries) -> CallsUnderWay:
    return FakeCallsUnderWay(deliveries) if isinstance(deliveries, FakeWebhookDeliveries) else DynamoCallsUnderWay()


def failed(delivery: WebhookDelivery) -> WebhookDelivery:
    return delivery.after(Answer(500), NOON, NOON + A_SECOND, lambda: 0.5)


def test_no_more_begin_than_may_be_under_way_at_each_endpoint(calls: CallsUnderWay) -> None:
    assert [calls.begin(job, NOON, 3) for job in JOBS[:5]] == [True, True, True, False, False]

    assert calls.begin(replace(JOBS[0], webhook_id=WebhookId("wh_1123456789abcdefghjk")), NOON, 3)


def test_one_whose_attempt_is_noted_makes_room(calls: CallsUnderWay, deliveries: WebhookDeliveries) -> None:
    for job in JOBS[:3]:
        assert calls.begin(job, NOON, 3)
    noted = deliveries.save(failed(WebhookDelivery(WEBHOOK_ID, JOBS[1].logged)), NOON)

    assert [calls.begin(job, NOON, 3) for job in JOBS[3:5]] == [True, False]
    again = replace(JOBS[1], attempts=1)
    deliveries.save(failed(WebhookDelivery(WEBHOOK_ID, JOBS[0].logged)), NOON)
    assert calls.begin(again, NOON, 3)  # its second attempt is under way, though the first is noted
    assert not calls.begin(JOBS[5], NOON, 3)
    deliveries.save(failed(noted), NOON)
    assert calls.begin(JOBS[5], NOON, 3)


def test_one_whose_process_died_makes_room_after_its_time(calls: CallsUnderWay) -> None:
    for job in JOBS[:3]:
        assert calls.begin(job, NOON, 3)

    assert not calls.begin(JOBS[3], NOON + 15 * A_SECOND, 3)
    assert calls.begin(JOBS[3], NOON + 20 * A_SECOND, 3)


def test_many_at_once_do_not_begin_more(calls: CallsUnderWay, deliveries: WebhookDeliveries) -> None:
    left = JOBS
    for _ in range(3):
        begun = at_once([partial(calls.begin, job, NOON, 4) for job in left])
        held = [job for job, has_begun in zip(left, begun, strict=True) if has_begun]
        assert 0 < len(held) <= 4
        for job in held:
            deliveries.save(failed(WebhookDelivery(WEBHOOK_ID, job.logged)), NOON)
        left = [job for job in left if job not in held]
