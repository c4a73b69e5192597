"""What keeps webhooks and delivers to them."""

from chalicelib.operations.attempt_delivery import AttemptDelivery
from chalicelib.operations.deliver_webhook import DeliverWebhook
from chalicelib.operations.disable_webhook import DisableWebhook
from chalicelib.operations.known_webhooks import KnownWebhooks
from chalicelib.operations.manage_webhooks import (
    CheckWish,
    CreateWebhook,
    DeleteWebhook,
    GetWebhook,
    ListWebhooks,
    RotateSecret,
    UpdateWebhook,
)
from chalicelib.operations.queue_due_deliveries import QueueDueDeliveries
from chalicelib.operations.replay_webhook import (
    CarryOutReplay,
    ListDeliveries,
    PingWebhook,
    ReplayDelivery,
    ReplayRange,
)
from chalicelib.operations.requeue_webhooks import RequeueWebhooks
from chalicelib.operations.tell_webhooks import CallAtOnce, TellWebhooks
from chalicelib.operations.webhook_line import ServeLine, WaitInLine
from chalicelib.providers.webhook_client import HttpsWebhookClient
from chalicelib.shapes.event_shapes import event_body
from chalicelib.wiring.built_once import built_once
from chalicelib.wiring.telling import Telling


class Webhooks(Telling):
    """Everything about webhooks, from the routes to the worker."""

    @built_once
    def _webhook_client(self) -> HttpsWebhookClient:
        return HttpsWebhookClient(self._settings.allow_loopback_webhooks, now=self.clock)

    @built_once
    def _check_webhook(self) -> CheckWish:
        return CheckWish(self.inboxes, self._webhook_client)

    @built_once
    def create_webhook(self) -> CreateWebhook:
        return CreateWebhook(self.webhooks, self._check_webhook, self._event_log, self.clock)

    @built_once
    def list_webhooks(self) -> ListWebhooks:
        return ListWebhooks(self.webhooks)

    @built_once
    def get_webhook(self) -> GetWebhook:
        return GetWebhook(self.webhooks)

    @built_once
    def update_webhook(self) -> UpdateWebhook:
        return UpdateWebhook(
            self.webhooks, self.deliveries, self.slow_webhook_queue, self._check_webhook, self._event_log, self.clock
        )

    @built_once
    def rotate_webhook_secret(self) -> RotateSecret:
        return RotateSecret(self.webhooks, self._event_log, self.clock)

    @built_once
    def delete_webhook(self) -> DeleteWebhook:
        return DeleteWebhook(self.webhooks, self._event_log)

    @built_once
    def ping_webhook(self) -> PingWebhook:
        return PingWebhook(self.webhooks, self.deliveries, self.slow_webhook_queue, self._event_log, self.clock)

    @built_once
    def list_deliveries(self) -> ListDeliveries:
        return ListDeliveries(self.webhooks, self.deliveries, self.clock)

    @built_once
    def replay_delivery(self) -> ReplayDelivery:
        return ReplayDelivery(self.webhooks, self.deliveries, self.slow_webhook_queue, self.clock)

    @built_once
    def replay_range(self) -> ReplayRange:
        return ReplayRange(self.webhooks, self.slow_webhook_queue, self.clock)

    @built_once
    def carry_out_replay(self) -> CarryOutReplay:
        return CarryOutReplay(self.webhooks, self.deliveries, self.slow_webhook_queue, self._event_log, self.clock)

    @built_once
    def _wait_in_line(self) -> WaitInLine:
        return WaitInLine(self.deliveries, self.slow_webhook_queue, self.clock)

    @built_once
    def _disable_webhook(self) -> DisableWebhook:
        return DisableWebhook(self.webhooks, self._event_log, self.tell_events.disabled, self.clock)

    @built_once
    def _attempt_delivery(self) -> AttemptDelivery:
        ids, join = self._public_ids, self._join_events
        return AttemptDelivery(
            self.deliveries,
            self.due_deliveries,
            self.slow_webhook_queue,
            self._webhook_client,
            lambda account_id, logged: join(account_id, [logged.event])[0],
            lambda joined: event_body(joined, ids),
            self._disable_webhook,
            self._progress,
            self.clock,
        )

    @built_once
    def deliver_webhook(self) -> DeliverWebhook:
        return DeliverWebhook(
            self._attempt_delivery,
            self.deliveries,
            self.calls_under_way,
            self.slow_webhook_queue,
            self._wait_in_line,
            self._disable_webhook,
            self.clock,
        )

    @built_once
    def call_webhook(self) -> CallAtOnce:
        return CallAtOnce(
            self._attempt_delivery, self.calls_under_way, self.webhook_queue, self.slow_webhook_queue, self.clock
        )

    @built_once
    def tell_webhooks(self) -> TellWebhooks:
        return TellWebhooks(KnownWebhooks(self.webhooks, self.clock), self.webhook_queue, self.call_webhook)

    @built_once
    def serve_line(self) -> ServeLine:
        return ServeLine(self.webhooks, self.deliveries, self.slow_webhook_queue, self._wait_in_line, self.clock)

    @built_once
    def queue_due_webhooks(self) -> QueueDueDeliveries:
        return QueueDueDeliveries(self.due_deliveries, self.slow_webhook_queue, self.clock)

    @built_once
    def requeue_webhooks(self) -> RequeueWebhooks:
        return RequeueWebhooks(
            self.accounts,
            self.webhooks,
            self.deliveries,
            self.due_deliveries,
            self.slow_webhook_queue,
            self._event_log,
            self.clock,
        )
