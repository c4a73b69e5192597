"""Demo data: an inbox and a few mails to simulator addresses, made once over the HTTP API as a user would."""

import json
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

from embedded.data_folder import DataFolder

_MAILS = (
    ("success@simulator.amazonses.com", "Your order is on its way", "It will be there on Friday."),
    ("bounce@simulator.amazonses.com", "To an address that is not there", "Nobody will read this."),
    ("complaint@simulator.amazonses.com", "A newsletter too many", "It ends among the spam."),
    ("ooto@simulator.amazonses.com", "Are you in the office?", "An automatic answer says no."),
    ("delay+5s@simulator.test", "Slow, but it gets there", "The other server is busy for five seconds."),
    ("reply+Sounds-good-to-me@simulator.test", "Lunch on Friday?", "The place around the corner, at noon?"),
)
_TIMEOUT_SECONDS = 15

# Straight to our own port, whatever proxies the environment names.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class DemoError(RuntimeError):
    """The demo data could not be made; the system runs all the same."""


@dataclass(frozen=True, slots=True)
class ApiClient:
    """As much of the HTTP API as the demo needs."""

    api: str
    key: str

    def get(self, path: str) -> Any:
        return self._call(urllib.request.Request(self.api + path))  # noqa: S310 - our own address

    def post(self, path: str, body: dict[str, Any], *, idempotency_key: str) -> Any:
        request = urllib.request.Request(self.api + path, data=json.dumps(body).encode(), method="POST")  # noqa: S310
        request.add_header("Content-Type", "application/json")
        request.add_header("Idempotency-Key", idempotency_key)
        return self._call(request)

    def _call(self, request: urllib.request.Request) -> Any:
        request.add_header("x-api-key", self.key)
        with _open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return json.load(answer)


@dataclass(frozen=True, slots=True)
class KnownInbox:
    """An inbox to try things with."""

    id: str
    address: str


def demo_inbox(client: ApiClient, folder: DataFolder, *, create: bool) -> KnownInbox | None:
    """The inbox to try things with: the demo's, made on the first start; else any inbox; None where there is none."""
    try:
        if create and not folder.demo_note.exists():
            made = _make_demo(client)
            folder.demo_note.write_text(json.dumps({"inboxId": made.id}), encoding="utf-8")
            return made
        if folder.demo_note.exists():
            noted = _find(client, json.loads(folder.demo_note.read_text(encoding="utf-8"))["inboxId"])
            if noted is not None:
                return noted
        inboxes = client.get("/inboxes?limit=1")["data"]
        return _known(inboxes[0]) if inboxes else None
    except OSError as error:
        raise DemoError(f"The demo data could not be made or found: {error}") from error


def _make_demo(client: ApiClient) -> KnownInbox:
    """Repeatable: should a crash come between, the idempotency keys find what is there already."""
    inbox = {"address": "demo", "displayName": "Demo agent"}
    made = _known(client.post("/inboxes", inbox, idempotency_key="embedded-demo-inbox"))
    for number, (recipient, subject, text) in enumerate(_MAILS, 1):
        draft = {"to": [recipient], "subject": subject, "bodyText": text}
        client.post(f"/inboxes/{made.id}/messages", draft, idempotency_key=f"embedded-demo-mail-{number}")
    return made


def _find(client: ApiClient, inbox_id: str) -> KnownInbox | None:
    try:
        return _known(client.get(f"/inboxes/{inbox_id}"))
    except HTTPError as error:
        if error.code == 404:
            return None
        raise


def _known(inbox: dict[str, Any]) -> KnownInbox:
    return KnownInbox(inbox["id"], inbox["address"])
