"""The one DynamoDB table through PynamoDB: a model for each kind of item.

Attribute names are short because DynamoDB bills their bytes on every write. The models share one connection: it is
made on the base model, before any of them is used (`bind_table`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.connection import Connection
from pynamodb.models import Model

from chalicelib.domain.errors import Unavailable
from chalicelib.storage.failures import tries

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONDITION_FAILED = "ConditionalCheckFailedException"
TRANSACTION_CANCELED = "TransactionCanceledException"
TRANSACTION_CONFLICT = "TransactionConflictException"


class Item(Model):
    """What every item has: its key, and a time to live for those that expire."""

    class Meta:
        """Time-outs that leave room for a retry within an API request; PynamoDB's own would use it up."""

        table_name = ""
        connect_timeout_seconds = 1
        read_timeout_seconds = 3
        max_retry_attempts = 3
        max_pool_connections = 50

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    ttl = TTLAttribute(null=True)


class InboxItem(Item):
    account_id = UnicodeAttribute(attr_name="ac")
    address = UnicodeAttribute(attr_name="ad")
    display_name = UnicodeAttribute(attr_name="dn", null=True)
    status = UnicodeAttribute(attr_name="st")
    daily_send_limit = NumberAttribute(attr_name="dl")
    sends_day = UnicodeAttribute(attr_name="sd")
    sends_today = NumberAttribute(attr_name="sn")
    total_sent = NumberAttribute(attr_name="ts")
    bounce_count = NumberAttribute(attr_name="bc")
    complaint_count = NumberAttribute(attr_name="cc")
    next_sequence = NumberAttribute(attr_name="ns")
    created_at = UnicodeAttribute(attr_name="ca")
    list_sequence = NumberAttribute(attr_name="ls")  # its place in the account's list of inboxes
    domain_id = UnicodeAttribute(attr_name="do", null=True)
    automatic_at = UnicodeAttribute(attr_name="au", null=True)
    heard_at = UnicodeAttribute(attr_name="he", null=True)
    discarded_until = NumberAttribute(attr_name="du", null=True)  # microseconds since the epoch; also below
    # Its reputation since it was last set to active (domain/reputation.py); absent: nothing is counted yet.
    period_sends = NumberAttribute(attr_name="ps", null=True)
    bounce_room = NumberAttribute(attr_name="br", null=True)
    complaint_room = NumberAttribute(attr_name="cr", null=True)
    period_sequence = NumberAttribute(attr_name="pq", null=True)  # of the first message that counts
    suspended_at = UnicodeAttribute(attr_name="sp", null=True)  # by itself
    suspended_log_since = NumberAttribute(attr_name="sl", null=True)
    suspension_told = BooleanAttribute(attr_name="sx", null=True)


class DomainItem(Item):
    """`inboxes` is changed with those that live on it, and has no part in the version."""

    name = UnicodeAttribute(attr_name="na")
    domain = BinaryAttribute(legacy_encoding=False, attr_name="d")  # packed
    is_going = BooleanAttribute(attr_name="g", null=True)
    inboxes = NumberAttribute(attr_name="ib")
    version = NumberAttribute(attr_name="n")
    list_sequence = NumberAttribute(attr_name="ls")


class ClaimItem(Item):
    domain_id = UnicodeAttribute(attr_name="do")


class HoldingItem(Item):
    holding = BinaryAttribute(legacy_encoding=False, attr_name="h")  # packed
    version = NumberAttribute(attr_name="n")


class DueDomainItem(Item):
    account_id = UnicodeAttribute(attr_name="ac")
    name = UnicodeAttribute(attr_name="na", null=True)  # of a domain that is being added
    due_at = NumberAttribute(attr_name="at")  # milliseconds since the epoch


class RuleNamesItem(Item):
    names: Any = UnicodeSetAttribute(attr_name="na", null=True)
    version = NumberAttribute(attr_name="n")


class RuleWorkItem(Item):
    began_at = NumberAttribute(attr_name="at")  # milliseconds since the epoch


class AddressItem(Item):
    inbox_number = NumberAttribute(attr_name="in")


class ContentItem(Item):
    content = BinaryAttribute(legacy_encoding=False, attr_name="c")


class DeliveryItem(Item):
    version = NumberAttribute(attr_name="n")
    delivery = BinaryAttribute(legacy_encoding=False, attr_name="d")


class ThreadItem(Item):
    account_id = UnicodeAttribute(attr_name="ac")
    subject = UnicodeAttribute(attr_name="su")
    created_at = UnicodeAttribute(attr_name="ca")
    participants: Any = MapAttribute(attr_name="pa")  # type: ignore[no-untyped-call]  # address → how many members brought it
    members = NumberSetAttribute(attr_name="me", null=True)  # sequence numbers of the newest messages
    leaving = NumberSetAttribute(attr_name="le", null=True)  # those that are being deleted
    top = NumberAttribute(attr_name="to")  # the newest that was ever moved to a chunk
    starts: ListAttribute[NumberAttribute] = ListAttribute(attr_name="st", of=NumberAttribute)  # first of each chunk
    older: ListAttribute[NumberAttribute] = ListAttribute(attr_name="ol", of=NumberAttribute)  # how many in each chunk
    is_going = BooleanAttribute(attr_name="g", null=True)  # all of it is being deleted


class ThreadChunkItem(Item):
    members = NumberSetAttribute(attr_name="me", null=True)


class FilingItem(Item):
    """Which message a received mail is; `is_deleted`: was, and is not to be stored again."""

    sequence = NumberAttribute(attr_name="sq")
    thread = NumberAttribute(attr_name="th")  # its thread's first sequence number
    trust = UnicodeAttribute(attr_name="tr", null=True)
    log_since = NumberAttribute(attr_name="ls", null=True)
    is_deleted = BooleanAttribute(attr_name="de", null=True)


class MessageIdHeaderItem(Item):
    sequence = NumberAttribute(attr_name="sq")


class PeerItem(Item):
    """Times are in milliseconds since the epoch."""

    program_at = NumberAttribute(attr_name="pr", null=True)
    sibling_at = NumberAttribute(attr_name="si", null=True)
    person_at = NumberAttribute(attr_name="pe", null=True)
    sends = UnicodeAttribute(attr_name="se", null=True)  # comma-separated
    version = NumberAttribute(attr_name="n")


class SesMessageIdItem(Item):
    inbox_number = NumberAttribute(attr_name="in")
    sequence = NumberAttribute(attr_name="sq")


class AccountItem(Item):
    name = UnicodeAttribute(attr_name="na")
    email = UnicodeAttribute(attr_name="em")
    plan = UnicodeAttribute(attr_name="pl")
    daily_send_limit = NumberAttribute(attr_name="dl")
    is_verified = BooleanAttribute(attr_name="ve")
    created_at = UnicodeAttribute(attr_name="ca")
    retention_days = NumberAttribute(attr_name="rt", null=True)
    status = UnicodeAttribute(attr_name="st", null=True)  # what its operator says; absent: active
    own_status = UnicodeAttribute(attr_name="os", null=True)  # what it says itself
    discarded_until = NumberAttribute(attr_name="du", null=True)
    sends_day = UnicodeAttribute(attr_name="sd", null=True)
    sends_today = NumberAttribute(attr_name="sn", null=True)


class SuppressionItem(Item):
    reason = UnicodeAttribute(attr_name="r")
    created_at = UnicodeAttribute(attr_name="ca")
    inbox_number = NumberAttribute(attr_name="in", null=True)  # and `sequence`: the message that bounced
    sequence = NumberAttribute(attr_name="sq", null=True)
    list_sequence = NumberAttribute(attr_name="ls")


class UsageItem(Item):
    """Of one day; absent: none."""

    requests = NumberAttribute(attr_name="rq", null=True)
    sends = NumberAttribute(attr_name="se", null=True)
    recipients = NumberAttribute(attr_name="re", null=True)
    inbound = NumberAttribute(attr_name="in", null=True)
    bytes_stored = NumberAttribute(attr_name="by", null=True)


class UsageMarkItem(Item):
    chunk = NumberAttribute(attr_name="c")
    index = NumberAttribute(attr_name="i")
    version = NumberAttribute(attr_name="n")


class WebhookItem(Item):
    url = UnicodeAttribute(attr_name="u")
    description = UnicodeAttribute(attr_name="de", null=True)
    events = UnicodeAttribute(attr_name="e")  # comma-separated; empty: all
    inbox_numbers = UnicodeAttribute(attr_name="ib", null=True)  # comma-separated; absent: every inbox
    is_active = BooleanAttribute(attr_name="ia")
    disabled_reason = UnicodeAttribute(attr_name="dr", null=True)
    disabled_at = UnicodeAttribute(attr_name="da", null=True)
    disabled_log_since = NumberAttribute(attr_name="dl", null=True)
    # As it is: an HMAC is made with the secret itself. The table is encrypted at rest.
    secret = UnicodeAttribute(attr_name="s")
    previous_secret = UnicodeAttribute(
        attr_name="ps", null=True
    )  # those before it, between spaces, and until when they sign
    previous_until = UnicodeAttribute(attr_name="pu", null=True)
    since_chunk = NumberAttribute(attr_name="sc")
    since_index = NumberAttribute(attr_name="si")
    created_at = UnicodeAttribute(attr_name="ca")
    updated_at = UnicodeAttribute(attr_name="ua")
    version = NumberAttribute(attr_name="n")
    list_sequence = NumberAttribute(attr_name="ls")


class WebhookDeliveryItem(Item):
    version = NumberAttribute(attr_name="n")
    delivery = BinaryAttribute(legacy_encoding=False, attr_name="d")  # packed
    is_pending = BooleanAttribute(attr_name="p", null=True)


class EndpointItem(Item):
    version = NumberAttribute(attr_name="n")
    health = BinaryAttribute(legacy_encoding=False, attr_name="h")  # packed


class CallsItem(Item):
    calls: Any = UnicodeSetAttribute(attr_name="c", null=True)


class WebhookJobItem(Item):
    """A delivery that waits: in the line of its endpoint, or for its time."""

    job = BinaryAttribute(legacy_encoding=False, attr_name="j")  # packed


class EntryItem(Item):
    """An entry of a list: the id or number of what stands there."""

    names = UnicodeAttribute(attr_name="e")


class KeyItem(Item):
    account_id = UnicodeAttribute(attr_name="ac")
    secret_hash = BinaryAttribute(legacy_encoding=False, attr_name="h")
    name = UnicodeAttribute(attr_name="na", null=True)
    prefix = UnicodeAttribute(attr_name="pr")
    scopes = UnicodeAttribute(attr_name="sc")  # comma-separated
    inbox_numbers = UnicodeAttribute(attr_name="ib", null=True)  # comma-separated; absent: every inbox
    created_at = UnicodeAttribute(attr_name="ca")
    expires_at = NumberAttribute(attr_name="ex", null=True)  # epoch seconds
    last_used_at = NumberAttribute(attr_name="lu", null=True)  # epoch seconds
    window = NumberAttribute(attr_name="w")  # the minute, in minutes since the epoch
    window_count = NumberAttribute(attr_name="wn")  # requests in that minute
    list_sequence = NumberAttribute(attr_name="ls")
    status = UnicodeAttribute(attr_name="st", null=True)  # absent: active
    discarded_until = NumberAttribute(attr_name="du", null=True)
    rate_limit = NumberAttribute(attr_name="rl", null=True)  # requests a minute; absent: the deployment's


class LogChunkItem(Item):
    """A stretch of an account's log; its `ttl` stands from when it is closed."""

    events: ListAttribute[Any] = ListAttribute(attr_name="e", of=BinaryAttribute, null=True)  # packed, oldest first
    webhooks = NumberAttribute(attr_name="w", null=True)  # how often the account's webhooks had changed; absent: none


class LateEventItem(Item):
    """Where an event is looked for that was told long after it happened."""

    since = NumberAttribute(attr_name="s")


class IdempotencyItem(Item):
    body_hash = BinaryAttribute(legacy_encoding=False, attr_name="h")
    started_at = NumberAttribute(attr_name="sa")  # epoch seconds, fractions kept
    resource = UnicodeAttribute(attr_name="r", null=True)
    answer = BinaryAttribute(legacy_encoding=False, attr_name="an", null=True)  # compressed
    answer_left_out = BooleanAttribute(attr_name="lo", null=True)  # it is made again from the resource
    owner = UnicodeAttribute(attr_name="ow")


class AttachmentItem(Item):
    """A file; its `ttl` stands for as long as no message uses it."""

    account_id = UnicodeAttribute(attr_name="ac")
    filename = UnicodeAttribute(attr_name="f")
    content_type = UnicodeAttribute(attr_name="ct")
    size = NumberAttribute(attr_name="s")
    created_at = UnicodeAttribute(attr_name="ca")
    status = UnicodeAttribute(attr_name="st")
    uses = NumberAttribute(attr_name="u")  # messages
    inbox_number = NumberAttribute(attr_name="in", null=True)
    withheld = BooleanAttribute(attr_name="w", null=True)
    upload_tag = UnicodeAttribute(attr_name="et", null=True)
    is_going = BooleanAttribute(
        attr_name="g", null=True
    )  # its last message let go of it; what is left is being removed


class AttachmentUseItem(Item):
    """That a message uses the file."""


class SendRateItem(Item):
    """Times in microseconds since the epoch."""

    per_second = NumberAttribute(attr_name="ps")  # recipients
    read_at = NumberAttribute(attr_name="ra")
    free_from = NumberAttribute(attr_name="ff")
    slowed_at = NumberAttribute(attr_name="sa", null=True)
    slowed_to = NumberAttribute(attr_name="sl", null=True)


class NewsMarkItem(Item):
    accepted_at = NumberAttribute(attr_name="a")  # microseconds since the epoch, by SES's clock


class IdKeyItem(Item):
    secret = BinaryAttribute(legacy_encoding=False, attr_name="k")


class SequenceMarkItem(Item):
    """Which sequence numbers of an inbox had been given out by when."""

    before = NumberAttribute(attr_name="b")  # those below were given out an hour before `at`
    next_sequence = NumberAttribute(attr_name="n")  # those below had been given out …
    at = NumberAttribute(attr_name="a")  # … at this time, in epoch seconds


class ErasureItem(Item):
    """Times in milliseconds since the epoch."""

    account_id = UnicodeAttribute(attr_name="ac")
    began_at = NumberAttribute(attr_name="b")
    due_at = NumberAttribute(attr_name="d")
    stage = UnicodeAttribute(attr_name="st", null=True)
    after = UnicodeAttribute(attr_name="af", null=True)
    version = NumberAttribute(attr_name="n")


class ForgottenAddressItem(Item):
    """That an address was given out, to an inbox of which nothing is left."""


class WalkItem(Item):
    after = UnicodeAttribute(attr_name="af", null=True)
    round_began = NumberAttribute(attr_name="rb", null=True)  # epoch seconds
    version = NumberAttribute(attr_name="n")


def bind_table(table_name: str) -> None:
    """Point every model at the deployment's table, through one connection; called once, before anything else."""
    Item.Meta.table_name = table_name
    Item._connection = None  # noqa: SLF001  the models look their connection up on the base they inherit from
    Item._get_connection()  # noqa: SLF001  a model touched first would make a client of its own


def connection() -> Connection:
    """The connection all models share; transactions need it."""
    return Item._get_connection().connection  # noqa: SLF001  PynamoDB has no public way to share one


def client() -> "DynamoDBClient":
    """The botocore client all models share: for lists and cells, where models cost more than they give."""
    return connection().client  # type: ignore[return-value]  # PynamoDB types its client as botocore's base client


def table_name() -> str:
    return Item.Meta.table_name


def query(
    partition: str,
    condition: str,
    values: Mapping[str, Any],
    *,
    forward: bool = True,
    consistent: bool = True,
    page: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Every raw item of a partition whose sort key meets `condition` (in terms of `sk`), page after page.

    `page` is how many one call may read, for those who stop early; without it as many as fit into its answer.
    """
    start: dict[str, Any] = {} if page is None else {"Limit": page}
    while True:
        answer = client().query(
            TableName=table_name(),
            KeyConditionExpression=f"pk = :pk AND {condition}",
            ExpressionAttributeValues={":pk": {"S": partition}, **values},
            ConsistentRead=consistent,
            ScanIndexForward=forward,
            ReturnConsumedCapacity="TOTAL",
            **start,
        )
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        start["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def batch_get(keys: Sequence[tuple[str, str]], *, consistent: bool = True) -> list[dict[str, Any]]:
    """The raw items under these (partition, sort key) pairs, in no order, missing ones left out."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(keys), 100):  # the service's limit for one call
        wanted: list[Any] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys[start : start + 100]]
        for _ in tries():  # what an answer of 16 MB or the table's throughput leaves over is asked for again
            answer = client().batch_get_item(
                RequestItems={table_name(): {"Keys": wanted, "ConsistentRead": consistent}},
                ReturnConsumedCapacity="TOTAL",
            )
            found.extend(answer["Responses"].get(table_name(), []))
            left = answer.get("UnprocessedKeys", {}).get(table_name())
            wanted = list(left["Keys"]) if left else []
            if not wanted:
                break
        else:
            raise Unavailable("The table answers too slowly.")
    return found
