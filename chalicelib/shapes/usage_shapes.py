"""The JSON of what an account used."""

from datetime import date
from typing import Annotated

from msgspec import Meta, structs

from chalicelib.domain.account import Account
from chalicelib.domain.ids import inbox_id
from chalicelib.domain.usage import Usage, total
from chalicelib.operations.show_usage import DailyUsage, UsageOfNow
from chalicelib.shapes.json_shapes import AccountJson, Shape, Timestamp, account_as_json, timestamp

Count = Annotated[int, Meta(ge=0)]


class UsageJson(Shape, frozen=True):
    """Counts of a stretch of time."""

    requests: Annotated[int | None, Meta(description="Of the whole account; null where one inbox is asked for.")]
    sends: Annotated[Count, Meta(description="Messages that were accepted.")]
    recipients: Annotated[Count, Meta(description="Of these; without those who were suppressed.")]
    inbound: Annotated[Count, Meta(description="Messages that were received.")]
    bytes_stored: Annotated[Count, Meta(description="Bodies and files of what was sent, whole mails of what came in.")]


class UsageOfDayJson(UsageJson, frozen=True):
    """Counts of a UTC day."""

    date: Annotated[str, Meta(extra_json_schema={"format": "date"}, examples=["2026-11-22"])]


class DailyUsageJson(Shape, frozen=True):
    """Every day of a stretch, oldest first, those without anything among them."""

    data: list[UsageOfDayJson]
    total: Annotated[UsageJson, Meta(description="Of all these days together.")]
    inbox_id: str | None
    counted_until: Annotated[Timestamp, Meta(description="What came later is not counted yet, requests aside.")]


class UsageOfNowJson(Shape, frozen=True):
    """Today and this month, in UTC."""

    today: UsageJson
    this_month: UsageJson


class AccountWithUsageJson(AccountJson, frozen=True):
    """The caller's account, and what it used."""

    usage: UsageOfNowJson


def account_with_usage(account: Account, today: str, usage: UsageOfNow) -> AccountWithUsageJson:
    shown = UsageOfNowJson(today=_usage_as_json(usage.today), this_month=_usage_as_json(usage.this_month))
    return AccountWithUsageJson(**structs.asdict(account_as_json(account, today)), usage=shown)


def daily_usage_as_json(daily: DailyUsage, inbox_number: int | None) -> DailyUsageJson:
    whole = inbox_number is None
    return DailyUsageJson(
        data=[_day_as_json(day, used, whole=whole) for day, used in daily.days],
        total=_usage_as_json(total(used for _, used in daily.days), whole=whole),
        inbox_id=None if inbox_number is None else inbox_id(inbox_number),
        counted_until=timestamp(daily.counted_until),
    )


def _day_as_json(day: date, used: Usage, *, whole: bool) -> UsageOfDayJson:
    return UsageOfDayJson(date=day.isoformat(), **structs.asdict(_usage_as_json(used, whole=whole)))


def _usage_as_json(used: Usage, *, whole: bool = True) -> UsageJson:
    return UsageJson(
        requests=used.requests if whole else None,
        sends=used.sends,
        recipients=used.recipients,
        inbound=used.inbound,
        bytes_stored=used.bytes_stored,
    )
