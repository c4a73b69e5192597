import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from chalice.app import Chalice, Response

from embedded.data_folder import DataFolder
from embedded.demo import ApiClient, DemoError, KnownInbox, demo_inbox
from embedded.http_gateway import start_gateway
from embedded.listening import address_of


@dataclass
class Api:
    """As much of the product's API as the demo calls; a repeated Idempotency-Key creates nothing."""

    url: str = ""
    inboxes: dict[str, str] = field(default_factory=dict)
    mails: dict[str, list[str]] = field(default_factory=dict)
    failing_mails: int = 0


def shown(inbox_id: str) -> dict[str, str]:
    return {"id": inbox_id, "address": f"{inbox_id}@agents.test"}


def known(inbox_id: str) -> KnownInbox:
    return KnownInbox(inbox_id, f"{inbox_id}@agents.test")


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    app = Chalice("api", configure_logs=False)

    @app.route("/inboxes", methods=["GET", "POST"])
    def inboxes() -> Response:
        request = app.current_request
        assert request is not None
        assert request.headers["x-api-key"] == "key"
        if request.method == "POST":
            inbox_id = api.inboxes.setdefault(request.headers["idempotency-key"], f"inb_{len(api.inboxes) + 1}")
            return Response(shown(inbox_id), status_code=201)
        return Response({"data": [shown(inbox_id) for inbox_id in api.inboxes.values()]})

    @app.route("/inboxes/{inbox_id}")
    def inbox(inbox_id: str) -> Response:
        known = inbox_id in api.inboxes.values()
        return Response(shown(inbox_id), status_code=200 if known else 404)

    @app.route("/inboxes/{inbox_id}/messages", methods=["POST"])
    def messages(inbox_id: str) -> Response:
        assert inbox_id in api.inboxes.values()
        request = app.current_request
        assert request is not None
        if api.failing_mails and len(api.mails) >= 2:
            api.failing_mails -= 1
            return Response({}, status_code=503)
        api.mails.setdefault(request.headers["idempotency-key"], request.json_body["to"])
        return Response({"id": "msg_1"}, status_code=202)

    listener = socket.create_server(("127.0.0.1", 0))
    server = start_gateway(app, listener)
    api.url = f"http://{address_of(listener)}"
    yield api
    server.stop()


def client_of(api: Api) -> ApiClient:
    return ApiClient(api.url, "key")


def test_the_first_start_makes_an_inbox_and_mails_with_different_ends(api: Api, folder: DataFolder) -> None:
    assert demo_inbox(client_of(api), folder, create=True) == known("inb_1")
    recipients = {to[0].partition("@")[0] for to in api.mails.values()}
    assert recipients == {"success", "bounce", "complaint", "ooto", "delay+5s", "reply+Sounds-good-to-me"}


def test_later_starts_make_nothing_and_find_the_inbox(api: Api, folder: DataFolder) -> None:
    demo_inbox(client_of(api), folder, create=True)
    before = json.dumps([api.inboxes, api.mails])
    assert demo_inbox(client_of(api), folder, create=True) == known("inb_1")
    assert json.dumps([api.inboxes, api.mails]) == before


def test_an_interrupted_first_start_is_finished_by_the_next_without_a_second_of_anything(
    api: Api, folder: DataFolder
) -> None:
    api.failing_mails = 1
    with pytest.raises(DemoError, match="503"):
        demo_inbox(client_of(api), folder, create=True)
    assert demo_inbox(client_of(api), folder, create=True) == known("inb_1")
    assert (len(api.inboxes), len(api.mails)) == (1, 6)


def test_when_the_demo_inbox_was_deleted_any_other_will_do(api: Api, folder: DataFolder) -> None:
    demo_inbox(client_of(api), folder, create=True)
    api.inboxes = {"mine": "inb_9"}
    assert demo_inbox(client_of(api), folder, create=True) == known("inb_9")


def test_without_demo_nothing_is_made(api: Api, folder: DataFolder) -> None:
    assert demo_inbox(client_of(api), folder, create=False) is None
    assert api.inboxes == {}
