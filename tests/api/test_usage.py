"""The door of usage: every field, dates that make sense, and whose inbox it is."""

from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.usage import Usage
from chalicelib.operations.show_usage import DailyUsage, UsageRange
from tests.factories.accounts import NOON
from tests.factories.api_events import ApiClient
from tests.fakes.operations import FakeOperations

TODAY = NOON.date()
USED = Usage(requests=1, sends=2, recipients=3, inbound=4, bytes_stored=5)


@pytest.fixture(autouse=True)
def shown(fakes: FakeOperations) -> None:
    fakes.answers["show_usage"] = DailyUsage(((TODAY - timedelta(days=1), Usage()), (TODAY, USED)), NOON)


def asked(fakes: FakeOperations) -> UsageRange:
    found: UsageRange = fakes.last("show_usage").positional[0]
    return found


def figures(requests: int | None, sends: int, recipients: int, inbound: int, bytes_stored: int) -> dict[str, Any]:
    return {
        "requests": requests,
        "sends": sends,
        "recipients": recipients,
        "inbound": inbound,
        "bytesStored": bytes_stored,
    }


def test_usage_shows_every_day_and_the_total(api: ApiClient, fakes: FakeOperations) -> None:
    assert api.call("GET", "/account/usage").json == {
        "data": [
            {"date": "2026-11-21", **figures(0, 0, 0, 0, 0)},
            {"date": "2026-11-22", **figures(1, 2, 3, 4, 5)},
        ],
        "total": figures(1, 2, 3, 4, 5),
        "inboxId": None,
        "countedUntil": "2026-11-22T12:00:00.000Z",
    }
    assert asked(fakes) == UsageRange()


def test_an_inbox_has_no_requests(api: ApiClient, fakes: FakeOperations) -> None:
    answer = api.call("GET", f"/account/usage?from=2026-11-21&to=2026-11-22&inboxId={inbox_id(7)}").json
    assert asked(fakes) == UsageRange(date(2026, 11, 21), date(2026, 11, 22), 7)
    assert (answer["inboxId"], answer["total"]) == (inbox_id(7), figures(None, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("query", "path", "says"),
    [
        ("from=yesterday", "from", "is not a date like"),
        ("to=20261122", "to", "is not a date like"),
        ("to=2026-02-30", "to", "is not a date like"),
        ("to=0001-01-01", "to", "nothing was counted"),
        ("from=2026-11-23", "from", "is after the last day, 2026-11-22"),
        ("from=2026-11-22&to=2026-11-21", "from", "is after the last day"),
        ("from=2025-11-21&to=2026-11-22", "from", "more than 366 days"),
        ("until=2026-11-22", "until", "no such query parameter"),
    ],
)
def test_a_query_that_makes_no_sense_is_told_why(api: ApiClient, query: str, path: str, says: str) -> None:
    answer = api.call("GET", f"/account/usage?{query}")
    assert answer.status == 400
    assert says in answer.error["details"][path][0]


def test_a_year_is_shown_at_once(api: ApiClient) -> None:
    assert api.call("GET", "/account/usage?from=2025-11-22&to=2026-11-22").status == 200


@pytest.mark.parametrize("inbox", ["inb_", "nothing", inbox_id(9)])
def test_an_inbox_that_is_not_the_accounts_is_404(api: ApiClient, fakes: FakeOperations, inbox: str) -> None:
    fakes.answers["show_usage"] = NotFound()
    assert api.call("GET", f"/account/usage?inboxId={inbox}").status == 404
