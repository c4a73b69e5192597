"""What operations ask for to keep webhooks and to deliver to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.endpoint_health import EndpointHealth
from chalicelib.domain.event import LoggedEvent, LogPlace
from chalicelib.domain.ids import AccountId
from chalicelib.domain.joined_event import JoinedEvent
from chalicelib.domain.public_address import Address
from chalicelib.domain.webhook import Webhook, WebhookId
from chalicelib.domain.webhook_delivery import Answer, WebhookDelivery
from chalicelib.operations.ports.lists import Page, PageRequest


@dataclass(frozen=True, slots=True)
class NoticeJob:
    """Events that were just told, while this version of the account's webhooks stood beside them."""

    account_id: AccountId
    webhooks: int
    events: tuple[LoggedEvent, ...]


@dataclass(frozen=True, slots=True)
class DeliveryJob:
    """One attempt: the one that follows `attempts` of them. A hint only: the delivery's item is the truth."""

    account_id: AccountId
    webhook_id: WebhookId
    logged: LoggedEvent
    attempts: int = 0
    is_test: bool = False
    round: int = 0


@dataclass(frozen=True, slots=True)
class LineJob:
    """Look after the deliveries that wait for an endpoint; `due_at` tells the newest such job from older ones."""

    account_id: AccountId
    webhook_id: WebhookId
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """Deliver what happened from `since` until before `until` once more; `after` is how far the log has been read."""

    account_id: AccountId
    webhook_id: WebhookId
    since: datetime
    until: datetime
    after: LogPlace | None = None


WebhookJob = NoticeJob | DeliveryJob | LineJob | ReplayJob


class WebhookQueue(Protocol):
    """Jobs for a worker of webhooks; delivered at least once, in any order.

    There are two. One has news and first attempts, and its workers call only endpoints that are not known to be in trouble. The
    slow one has everything that may have to wait: endpoints in trouble, retries, replays, tests.
    """

    def put(self, job: WebhookJob, delay: int = 0) -> None:
        """Queue a job for `delay` seconds from now (0 to 900); returns when it is durable."""

    def put_all(self, jobs: Sequence[tuple[WebhookJob, int]]) -> None:
        """The same for many, each with its delay."""


class WebhookStore(Protocol):
    """An account's webhooks."""

    def create(self, webhook: Webhook) -> None:
        """Store a new one; storing the same again is harmless."""

    def get(self, account_id: AccountId, webhook_id: WebhookId) -> Webhook | None: ...

    def save(self, webhook: Webhook) -> Webhook:
        """Store it if its version is still the one that was read; the stored value. Raises `VersionConflict`."""

    def delete(self, account_id: AccountId, webhook_id: WebhookId) -> bool:
        """Remove one; False when there is none."""

    def page(self, account_id: AccountId, request: PageRequest) -> Page[Webhook]:
        """The account's webhooks, newest first."""

    def all(self, account_id: AccountId) -> tuple[Webhook, ...]:
        """Every webhook of the account, in no order."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an attempt has to know, read at one time."""

    webhook: Webhook | None
    delivery: WebhookDelivery | None
    health: EndpointHealth


class WebhookDeliveries(Protocol):
    """Deliveries with their attempts, the state of endpoints in trouble, and the line of those who wait for one."""

    def look(self, job: DeliveryJob) -> Endpoint:
        """The webhook, the delivery and the endpoint's health, in one read."""

    def get(self, webhook_id: WebhookId, place: LogPlace) -> WebhookDelivery | None: ...

    def save(self, delivery: WebhookDelivery, now: datetime) -> WebhookDelivery:
        """Store it if its version is still the one that was read; the stored value. Raises `VersionConflict`."""

    def page(
        self, webhook_id: WebhookId, before: LogPlace | None, limit: int
    ) -> tuple[list[WebhookDelivery], LogPlace | None]:
        """Deliveries in the order of the log, the newest first, and where to go on (None: the end)."""

    def pending(self, webhook_id: WebhookId) -> Iterator[WebhookDelivery]:
        """Every delivery that is not settled; reads all of the webhook's."""

    def health(self, webhook_id: WebhookId) -> EndpointHealth: ...

    def change_health(
        self, webhook_id: WebhookId, known: EndpointHealth, change: Callable[[EndpointHealth], EndpointHealth | None]
    ) -> EndpointHealth | None:
        """Store what `change` makes of the state as it stands, `known` being tried first. None: `change` said no."""

    def wait(self, job: DeliveryJob, now: datetime) -> None:
        """Put a job into the line of its endpoint; again is harmless."""

    def waiting(self, webhook_id: WebhookId, limit: int) -> Sequence[DeliveryJob]:
        """Those at the head of the line: of the oldest events first."""

    def leave(self, job: DeliveryJob) -> None:
        """Take a job out of the line; again is harmless."""


class CallsUnderWay(Protocol):
    """Who calls an endpoint that is not known to be in trouble: counted over all processes, for one may have just died."""

    def begin(self, job: DeliveryJob, now: datetime, most: int) -> bool:
        """Note that the job's attempt begins; False: `most` are under way. It is over when it is noted, or after 20 s."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A job with its time; `shard` is where it stands."""

    job: DeliveryJob
    due_at: datetime
    shard: int


class DueDeliveries(Protocol):
    """Attempts that are due later than a queue can hold them back."""

    @property
    def shards(self) -> int:
        """How many parts there are, to be asked one after the other."""

    def add(self, job: DeliveryJob, due_at: datetime) -> None:
        """Note when it is due; again is harmless."""

    def due(self, shard: int, before: datetime, limit: int) -> Sequence[DueDelivery]:
        """The earliest of those that are due before this time."""

    def remove(self, due: Sequence[DueDelivery]) -> None:
        """Take them away; again is harmless."""


class WebhookClient(Protocol):
    """Calls endpoints, and nothing that is not on the public internet."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body; whatever comes of it is told. It is over within 15 seconds.

        Raises `Unavailable` when it could not be tried for reasons of ours.
        """

    def check(self, url: str) -> None:
        """Raises BadWebhookUrl when the URL is not one that would be called, `Unavailable` when that cannot be told now."""


Resolver = Callable[[str, int], Sequence[Address]]
"""The addresses of a host name and port; none when it has none. Raises OSError when that cannot be told."""

JoinEvent = Callable[[AccountId, LoggedEvent], JoinedEvent]
"""An event with what it is about, as it stands now."""

EventBody = Callable[[JoinedEvent], bytes]
"""The bytes that a webhook carries."""
