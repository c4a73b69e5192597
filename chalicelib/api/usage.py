"""What the account used, day by day."""

from datetime import date, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.api.answers import Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.json_reading import RequestShape
from chalicelib.api.problems import Problems, quoted
from chalicelib.api.routes import Routes, Success
from chalicelib.domain.account import Scope
from chalicelib.domain.ids import inbox_number
from chalicelib.operations.show_usage import UsageRange
from chalicelib.shapes.usage_shapes import DailyUsageJson, daily_usage_as_json
from chalicelib.wiring import operations

MOST_DAYS = 366
FIRST_YEAR = 2020

routes = Routes(__name__)


def date_problem(text: str) -> str | None:
    """What keeps the text from being a date."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # the library takes other forms, too
        return f'"{quoted(text)}" is not a date like 2026-11-22'
    return None if day.year >= FIRST_YEAR else f"is before {FIRST_YEAR}, when nothing was counted"


DateText = Annotated[
    str, Meta(extra_json_schema={"format": "date"}, examples=["2026-11-22"], extra={"problem": date_problem})
]


class UsageQuery(RequestShape, frozen=True):
    """Which days."""

    from_: Annotated[DateText, Meta(description="The first UTC day; absent: 29 days before the last.")] | None = (
        msgspec.field(default=None, name="from")
    )
    to: Annotated[DateText, Meta(description="The last UTC day; absent: today.")] | None = None
    inbox_id: Annotated[str, Meta(description="Only of this inbox; absent: of the whole account.")] | None = None

    def check(self, problems: Problems) -> None:
        asked = self.asked(None)
        today = operations().clock().date()
        last = asked.last or today
        if asked.first is not None and asked.first > last:
            problems.note("from", f"is after the last day, {last.isoformat()}")
        elif asked.first is not None and last - asked.first >= timedelta(days=MOST_DAYS):
            problems.note("from", f"is more than {MOST_DAYS} days before the last day; ask for them in parts")

    def asked(self, number: int | None) -> UsageRange:
        first, last = (date.fromisoformat(text) if text else None for text in (self.from_, self.to))
        return UsageRange(first, last, number)


@routes.get("/account/usage", Success(200, DailyUsageJson), scope=Scope.READ, query=UsageQuery)
def get_usage(request: ApiRequest) -> Answer:
    """Read what the account used, day by day."""
    query = request.query(UsageQuery)
    number = None if query.inbox_id is None else inbox_number(query.inbox_id)
    return json_answer(200, daily_usage_as_json(operations().show_usage(query.asked(number), request.caller), number))
