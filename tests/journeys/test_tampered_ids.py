"""Whatever is done to a real id, the answer is the one to an id that never was, to the byte, on every route that takes one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.ids import ALPHABET
from tests.journeys.system import Journey

BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "/inboxes/{inbox_id}/messages"): {"to": ["ada@example.com"], "subject": "Hello", "bodyText": "Hi."},
    ("POST", "/messages/{message_id}/reply"): {"bodyText": "Hi."},
    ("POST", "/messages/{message_id}/forward"): {"to": ["ada@example.com"]},
    ("PUT", "/webhooks/{webhook_id}"): {"description": "Another"},
    ("POST", "/webhooks/{webhook_id}/replay"): {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
}
OF_THIS_ANSWER = {"date", "x-request-id", "ratelimit-remaining", "ratelimit-reset"}
Answered = tuple[int, bytes, tuple[tuple[str, str], ...]]
VARIABLE = re.compile(r"{(\w+)}")


@dataclass(frozen=True)
class Asked:
    """A route that takes an id, in its path or elsewhere; `…` stands for the id."""

    method: str
    path: str
    kind: str
    body: Any = None


@dataclass(frozen=True)
class Real:
    """A deployment's client, an id of each kind that is really there, and where ids may be given."""

    client: httpx.Client
    ids: Mapping[str, str]
    places: tuple[Asked, ...]

    def answer(self, asked: Asked, text: str) -> Answered:
        """Everything in an answer but what is different each time."""
        body = None if asked.body is None else _with(asked.body, text)
        answer = self.client.request(asked.method, _with(asked.path, text), json=body)
        content = answer.content
        if answer.status_code >= 400:
            content = content.replace(answer.json()["error"]["requestId"].encode(), b"")
        headers = tuple((name, value) for name, value in answer.headers.items() if name not in OF_THIS_ANSWER)
        return answer.status_code, content, headers

    def unknown(self, asked: Asked) -> Answered:
        return self.answer(asked, never_was(self.ids[asked.kind]))


def never_was(real: str) -> str:
    """An id of the same kind, made up."""
    prefix, body = real.split("_") if "_" in real else ("", real)
    return (prefix + "_" if prefix else "") + ("7" + "h4q" * 9)[: len(body)]


def _with(wanted: Any, text: str) -> Any:
    if isinstance(wanted, dict):
        return {name: _with(value, text) for name, value in wanted.items()}
    return wanted.replace("…", text) if isinstance(wanted, str) else wanted


@pytest.fixture
def real(journey: Journey) -> Real:
    """A message in a thread, with a page after it, a file and a key."""
    client, inbox = journey.client, journey.inbox["id"]
    message = journey.send("success@simulator.amazonses.com")
    journey.send("success@simulator.amazonses.com")
    journey.until_status(message, "delivered")
    ids = {
        "inbox_id": inbox,
        "message_id": message["id"],
        "thread_id": message["threadId"],
        "attachment_id": journey.call("POST", "/attachments", 201, files={"file": ("a.txt", b"a")})["id"],
        "key_id": journey.call("POST", "/account/api-keys", 201, json={"name": "spare"})["id"],
        "webhook_id": journey.call("POST", "/webhooks", 201, json={"url": "http://127.0.0.1:9/", "events": []})["id"],
        "domain_id": journey.call("POST", "/domains", 201, json={"domain": f"{inbox[4:]}.example.org"})["id"],
        "account_id": journey.call("POST", "/accounts", 201, json={"name": "Another", "email": "a@example.org"})["id"],
        "cursor": journey.call("GET", f"/inboxes/{inbox}/messages?limit=1")["nextCursor"],
    }
    paths: Any = journey.call("GET", "/openapi.json")["paths"]
    places = [
        Asked(method.upper(), VARIABLE.sub("…", path), variable[1], BODIES.get((method.upper(), path)))
        for path, methods in paths.items()
        for method in methods
        # An address is no id of ours: it is looked up as it is (tests/api/test_suppressions.py).
        if (variable := VARIABLE.search(path)) and variable[1] != "address"
    ]
    draft = BODIES["POST", "/inboxes/{inbox_id}/messages"]
    places += [
        Asked("POST", f"/inboxes/{inbox}/messages", "thread_id", draft | {"threadId": "…"}),
        *(Asked("GET", f"/inboxes/{inbox}/{of}?limit=1&cursor=…", "cursor") for of in ("messages", "threads")),
        Asked("GET", f"/threads/{message['threadId']}/messages?cursor=…", "cursor"),
    ]
    return Real(client, ids, tuple(places))


# Changes that leave something a URL's path can hold; none leaves an id as it was.
CHARACTERS = st.sampled_from(ALPHABET + "ilouAZ-_.~é")
CHANGES = st.tuples(st.sampled_from(["another", "more", "less", "swapped", "upper"]), st.integers(0, 30), CHARACTERS)


def tampered(text: str, change: str, place: int, character: str) -> str:
    place %= len(text)
    match change:
        case "another":
            return text[:place] + character + text[place + 1 :]
        case "more":
            return text[:place] + character + text[place:]
        case "less":
            return text[:place] + text[place + 1 :]
        case "swapped":
            return text[:place] + text[place + 1 : place + 2] + text[place] + text[place + 2 :]
        case _:
            return text[:place] + text[place:].upper()


@settings(max_examples=150, report_multiple_bugs=False, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1_000), CHANGES)
def test_a_tampered_id_is_answered_like_one_that_never_was(
    real: Real, number: int, change: tuple[str, int, str]
) -> None:
    asked = real.places[number % len(real.places)]
    text = tampered(real.ids[asked.kind], *change)
    if text == real.ids[asked.kind]:
        return
    unknown = real.unknown(asked)
    assert unknown[0] == 404
    assert real.answer(asked, text) == unknown


def test_every_neighbour_of_a_real_id_is_answered_like_one_that_never_was(real: Real) -> None:
    """One of 256 of them deciphers, to a place where nothing is."""
    asked = Asked("GET", "/messages/…", "message_id")
    message_id, unknown = real.ids["message_id"], real.unknown(asked)
    neighbours = [
        message_id[:place] + character + message_id[place + 1 :]
        for place, character in product(range(4, len(message_id)), ALPHABET)
        if message_id[place] != character
    ]
    assert len(neighbours) == 20 * 31
    assert {real.answer(asked, text) for text in neighbours} == {unknown}


def test_the_routes_that_take_an_id_are_all_tried_and_answer_a_real_one(real: Real) -> None:
    assert {asked.kind for asked in real.places} == real.ids.keys()
    for asked in real.places:
        assert real.unknown(asked)[0] == 404, asked
    for asked in sorted(real.places, key=lambda asked: asked.method, reverse=True):  # DELETE comes last
        if asked.method == "GET" and not asked.path.endswith(("/threads?limit=1&cursor=…", "/messages?cursor=…")):
            assert real.answer(asked, real.ids[asked.kind])[0] == 200, asked
