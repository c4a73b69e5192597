"""An account has so many webhooks and no more, whoever creates them at the same time."""

from contextlib import suppress

import pytest

from chalicelib.domain.errors import QuotaExceeded
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import new_webhook_id
from chalicelib.operations.manage_webhooks import MOST_WEBHOOKS, WebhookWish
from tests.factories.webhooks import make_webhook
from tests.operations.watched import Meanwhile
from tests.operations.webhook_world import WebhookWorld

WISH = WebhookWish("https://hooks.example.com/")


def test_one_webhook_too_many_is_refused_until_another_is_deleted() -> None:
    world = WebhookWorld()
    webhooks = [world.add() for _ in range(MOST_WEBHOOKS)]

    with pytest.raises(QuotaExceeded) as refused:
        world.add()

    assert str(MOST_WEBHOOKS) in refused.value.message
    assert len(world.webhooks.webhooks) == MOST_WEBHOOKS
    world.add(account_id=AccountId("acc_1123456789abcdefghjk"))
    world.delete_webhook(webhooks[3].id, world.caller)
    world.add()


def test_a_creation_that_is_repeated_is_not_counted_twice() -> None:
    world = WebhookWorld()
    webhooks = [world.add() for _ in range(MOST_WEBHOOKS)]

    again = world.create_webhook(webhooks[5].id, WISH, world.caller)

    assert again.id == webhooks[5].id
    assert len(world.webhooks.webhooks) == MOST_WEBHOOKS


@pytest.mark.parametrize("number", range(7))
def test_whoever_else_creates_one_at_any_moment_there_are_never_too_many(number: int) -> None:
    rival = Meanwhile(number, lambda: world.webhooks.create(make_webhook(id=new_webhook_id())))
    world = WebhookWorld(rival)
    for _ in range(MOST_WEBHOOKS - 1):
        world.webhooks.create(make_webhook(id=new_webhook_id()))

    with suppress(QuotaExceeded):
        world.create_webhook(new_webhook_id(), WISH, world.caller)

    assert rival.has_happened
    assert len(world.webhooks.webhooks) == MOST_WEBHOOKS
