"""Whether the API answers."""

from typing import Literal

from chalicelib.api.answers import Answer, json_answer
from chalicelib.api.api_request import ApiRequest
from chalicelib.api.routes import Routes, Success
from chalicelib.shapes.json_shapes import Shape, Timestamp, timestamp
from chalicelib.wiring import utc_now

routes = Routes(__name__)


class HealthJson(Shape, frozen=True):
    """The API answers; nothing is said of the services behind it."""

    status: Literal["ok"]
    timestamp: Timestamp


@routes.get("/health", Success(200, HealthJson), scope=None)
def get_health(_request: ApiRequest) -> Answer:
    """Ask whether the API answers; needs no key."""
    return json_answer(200, HealthJson(status="ok", timestamp=timestamp(utc_now())))
