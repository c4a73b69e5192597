"""What is seen of a deployment's state: through the API, and of what the API does not show, through the stores."""

import hashlib
import json
from datetime import date, timedelta
from typing import Any

import msgspec

from app import app
from chalicelib.domain.ids import AccountId, KeyId, MessageKey, ThreadKey, inbox_number
from chalicelib.domain.message_phase import MessagePhase
from chalicelib.domain.switch import Switch
from chalicelib.domain.webhook import WebhookId
from chalicelib.operations.ports import PageRequest
from chalicelib.providers.sqs_queues import sender_job
from chalicelib.providers.webhook_queue import webhook_job
from chalicelib.storage.message_id_header_store import DynamoMessageIdHeaders
from chalicelib.storage.news_mark_store import DynamoNewsMark
from chalicelib.storage.receipt_rule_store import DynamoRuleNames
from chalicelib.storage.send_rate_store import DynamoSendRates
from chalicelib.storage.walk_store import DynamoSequenceMarks, DynamoWalkStore
from tests.factories.api_events import ApiClient
from tests.privacy.marked_world import MarkedDeployment, Tenant
from tests.upgrades.life import OWN_DOMAIN, WORD
from tests.upgrades.rare import FAR, OWN_INBOX, SUSPENDED_INBOX

SHORT = 1_000  # characters; of longer texts the digest is kept
DAY = date(2026, 11, 22)  # of the clock that the life is lived by
SES_ID = "waiting-mail"


def seen(deployment: MarkedDeployment, notes: dict[str, Any]) -> dict[str, Any]:
    """By name; the same twice in a row, for looking changes nothing that is looked at."""
    tenant = Tenant(deployment, WORD, notes["account"], notes["key"], dict(notes["made"]))
    requests = deployment.operations().usage.requests(AccountId(notes["account"]))  # first: looks count, too
    looked = {
        "requests": {key: {str(day): count for day, count in days.items()} for key, days in requests.items()},
        "api": tenant.sees(),
        "api, more": _more_of_the_api(tenant),
        "index": _index(deployment, notes),
        "webhooks": _webhooks(deployment, notes),
        "domains": _domains(deployment, notes),
        "marks": _marks(deployment, notes),
        "mail": _mail(deployment, notes),
    }
    plain: dict[str, Any] = _short(_plain(looked))
    return plain


def read_jobs(jobs: dict[str, str]) -> dict[str, Any]:
    read = {
        name: (webhook_job if '"v":1,"inbox"' not in body and "wake" not in body else sender_job)(body)
        for name, body in jobs.items()
    }
    plain: dict[str, Any] = _plain(read)
    return plain


def _plain(value: Any) -> Any:
    """As JSON has it, sets in order."""
    return json.loads(msgspec.json.encode(value, order="deterministic"))


def _more_of_the_api(tenant: Tenant) -> dict[str, Any]:
    urls = ["/suppressions", "/domains", "/events?limit=100"]
    urls += [
        f"/inboxes/{tenant.made[inbox]}/{part}?limit=100"
        for inbox in ("one", "two")
        for part in ("messages", "threads")
    ]
    answers = {url: tenant.api("GET", url) for url in urls}
    raw = tenant.api("GET", f"/messages/{tenant.made['success']}/raw")
    with tenant.deployment.process():
        stopped = ApiClient(app, "no_such_key_0123456789").call("GET", "/account")
    return {url: (answer.status, answer.json) for url, answer in answers.items()} | {
        "raw": (raw.status, raw.content.decode()),
        "key": stopped.status,
    }


def _index(deployment: MarkedDeployment, notes: dict[str, Any]) -> dict[str, Any]:
    made, number = deployment.operations(), notes["names"]["cells"]
    pages = {
        offset: made.index.page(number, list(MessagePhase), PageRequest(limit=100, offset=offset))
        for offset in (0, 600, 1_100)
    }
    members = made.threads.get(ThreadKey(number, notes["names"]["thread"]))
    assert members is not None
    return {
        "pages": {
            str(offset): ([(each.key.sequence, each.phase.value) for each in page.items], page.total)
            for offset, page in pages.items()
        },
        "thread": members.thread,
        "recent": members.recent,
        "leaving": sorted(members.leaving),
        "runs": members.runs,
        "settled": made.threads.settled_members(ThreadKey(number, notes["names"]["thread"]), members.runs),
    }


def _webhooks(deployment: MarkedDeployment, notes: dict[str, Any]) -> dict[str, Any]:
    made, now = deployment.operations(), deployment.clock()
    account_id, webhook_id = AccountId(notes["account"]), WebhookId(notes["made"]["all"])
    log: Any = made.tell_events.log
    due = [made.due_deliveries.due(shard, now + timedelta(days=9), 100) for shard in range(made.due_deliveries.shards)]
    return {
        "stored": sorted(made.webhooks.all(account_id), key=lambda webhook: webhook.id),
        "health": made.deliveries.health(webhook_id),
        "waiting": made.deliveries.waiting(webhook_id, 100),
        "pending": list(made.deliveries.pending(webhook_id)),
        "deliveries": made.deliveries.page(webhook_id, None, 100)[0],
        "due": [each for shard in due for each in shard],
        "late": log.find(account_id, notes["names"]["late"]) is None,
        "log": made.tell_events.log.read(account_id, None, 200).events,
    }


def _domains(deployment: MarkedDeployment, notes: dict[str, Any]) -> dict[str, Any]:
    made, now = deployment.operations(), deployment.clock()
    account_id = AccountId(notes["account"])
    found = made.domains.find(account_id, OWN_DOMAIN)
    assert found is not None
    rules = DynamoRuleNames()
    return {
        "domain": found,
        "inboxes": made.domains.inboxes(found),
        "holding": made.holdings.get(OWN_DOMAIN),
        "due": made._due_domains.due(now + timedelta(days=9), 100),
        "rules": [(each.rule, sorted(each.names), each.version) for each in rules.all()],
        "work": rules.work(),
    }


def _marks(deployment: MarkedDeployment, notes: dict[str, Any]) -> dict[str, Any]:
    made, now = deployment.operations(), deployment.clock()
    account_id = AccountId(notes["account"])
    numbers = [inbox_number(notes["made"][inbox]) for inbox in ("one", "two")]
    switches = [Switch.of_inbox(number) for number in numbers] + [Switch.of_key(KeyId(notes["made"]["stopped"]))]
    return {
        "walks": [DynamoWalkStore().get(name) for name in ("table", "bucket", "inbound", "usage", "sample")],
        "given out": list(DynamoSequenceMarks().settled_before(numbers, now + timedelta(days=1)).values()),
        "news": DynamoNewsMark().get(),
        "rate": DynamoSendRates().get(),
        "usage": {str(day): used for day, used in made.usage.days(account_id, DAY, DAY + timedelta(days=3)).items()},
        "usage of an inbox": {
            str(day): used
            for day, used in made.usage.days(account_id, DAY, DAY + timedelta(days=3), numbers[0]).items()
        },
        "inboxes": [made.inboxes.get(number) for number in (OWN_INBOX, SUSPENDED_INBOX)],
        "usage mark": made.usage.mark(account_id),
        "erasures": made._erasures.due(FAR),
        "switches": list(made.switch_store.read(switches).values()),
        "peers": made.peers.find(numbers[1], [f"{WORD}-from@example.com", "everybody@example.com"]),
    }


def _mail(deployment: MarkedDeployment, notes: dict[str, Any]) -> dict[str, Any]:
    made, ids = deployment.operations(), deployment.operations().public_ids()
    received, sent = (ids.message_key(notes["made"][name]) for name in ("received", "success"))
    content, delivery = made.messages.get(received), made.messages.get_delivery(sent)
    assert content is not None
    assert content.content.arrival is not None
    assert delivery is not None
    arrival = content.content.arrival
    headers = [arrival.message_id_header or ""]
    return {
        "content": content.content,
        "delivery": delivery,
        "filing": made.filings.get(arrival.ses_message_id, received.inbox_number),
        "header": DynamoMessageIdHeaders().find(received.inbox_number, headers),
        "SES's": made.ses_message_ids.get(delivery.ses_message_id or ""),
        "waiting": list(made.mails.waiting()),
        "is filed": MessageKey(received.inbox_number, received.sequence),
    }


def _short(value: Any) -> Any:
    """With the digests of long texts in their place."""
    match value:
        case dict():
            return {key: _short(inner) for key, inner in value.items()}
        case list():
            return [_short(inner) for inner in value]
        case str() if len(value) > SHORT:
            return f"{len(value)} characters, {hashlib.sha256(value.encode()).hexdigest()}"
    return value
