"""The doors of inboxes and threads."""

from dataclasses import replace

import pytest

from chalicelib.domain.errors import Conflict, ErrorCode, NotFound
from chalicelib.domain.ids import MessageKey, ThreadKey, inbox_id, inbox_number
from chalicelib.domain.message import Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.domain.thread import Thread
from chalicelib.domain.thread_summary import ThreadSummary
from chalicelib.operations.create_inbox import NewInbox
from chalicelib.operations.ports import Page, PageRequest
from tests.factories.accounts import ACCOUNT_ID, NOON, make_caller, make_inbox
from tests.factories.api_events import ApiClient
from tests.factories.messages import make_content
from tests.fakes.operations import IDS, FakeOperations

INBOX = inbox_id(7)
THREAD_KEY = ThreadKey(7, 3)
THREAD_ID = IDS.thread_id(THREAD_KEY)


def make_summary() -> ThreadSummary:
    content = make_content(key=MessageKey(7, 5), thread=THREAD_KEY, body_text="One\n\n  two " + "x" * 300)
    participants = ("agent@mail.example.com", "ada@example.com")
    thread = Thread(THREAD_KEY, ACCOUNT_ID, "Hello", participants, 2, NOON)
    return ThreadSummary(thread, Message(content, MessageStatus.SENT, None))


def test_inbox_shows_every_field_of_the_contract(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_inbox"] = make_inbox()
    assert api.call("GET", f"/inboxes/{INBOX}").json == {
        "id": INBOX,
        "address": "agent@mail.example.com",
        "displayName": "Agent",
        "domainId": None,
        "status": "active",
        "dailySendLimit": 1_000,
        "sendsToday": 3,
        "totalSent": 40,
        "bounceCount": 2,
        "complaintCount": 1,
        "createdAt": "2026-11-22T12:00:00.000Z",
    }


def test_sends_of_yesterday_are_not_shown_as_todays(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_inbox"] = make_inbox(sends_day="2026-11-21")
    assert api.call("GET", f"/inboxes/{INBOX}").json["sendsToday"] == 0


def test_inbox_is_created_as_asked(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["create_inbox"] = make_inbox()
    answer = api.call("POST", "/inboxes", json_body={"address": "bot", "displayName": "Bot"})
    assert (answer.status, answer.json["id"]) == (201, INBOX)
    new, caller = fakes.last("create_inbox").positional
    assert (new.address, new.display_name, new.domain_id, new.prefix) == ("bot", "Bot", None, None)
    assert caller == fakes.caller


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", "=?utf-8?q?=0A?="])
def test_display_name_that_cannot_stand_in_a_header_is_refused(api: ApiClient, name: str) -> None:
    answer = api.call("POST", "/inboxes", json_body={"displayName": name})
    assert (answer.status, list(answer.error["details"])) == (400, ["displayName"])


def test_taken_address_is_409(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["create_inbox"] = Conflict("taken", fix="another", code=ErrorCode.INBOX_ADDRESS_TAKEN)
    answer = api.call("POST", "/inboxes", json_body={"address": "bot"})
    assert (answer.status, answer.error["code"]) == (409, "INBOX_ADDRESS_TAKEN")
    assert answer.header("retry-after") is None


@pytest.mark.parametrize("existed", [True, False])
def test_retry_after_a_crash_finishes_with_the_inbox_that_was_named(
    api: ApiClient, fakes: FakeOperations, *, existed: bool
) -> None:
    def created(new: NewInbox, _caller: object) -> object:
        return make_inbox(number=new.number)

    fakes.answers["create_inbox"] = created
    fakes.answers["get_inbox"] = lambda number, _caller: make_inbox(number=number)
    first = api.call("POST", "/inboxes", headers={"Idempotency-Key": "one"})
    ((key, record),) = fakes.idempotency.records.items()
    fakes.idempotency.records[key] = replace(record, answer=None)
    fakes.clock.advance(35)
    if not existed:
        fakes.answers["get_inbox"] = NotFound()
    again = api.call("POST", "/inboxes", body="{}", headers={"Idempotency-Key": "one"})
    assert again.json["id"] == first.json["id"]
    assert inbox_number(again.json["id"]) == fakes.last("get_inbox").positional[0]
    assert again.header("idempotent-replayed") == ("true" if existed else None)


def test_inboxes_are_listed_with_a_cursor_of_this_account_alone(api: ApiClient, fakes: FakeOperations) -> None:
    place = 1_795_348_800_000  # larger than any sequence number: a list of the account may be in order of time
    fakes.answers["list_inboxes"] = Page((make_inbox(),), 12, place)
    answer = api.call("GET", "/inboxes?limit=1")
    assert (answer.json["total"], answer.json["data"][0]["id"]) == (12, INBOX)
    url = f"/inboxes?cursor={answer.json['nextCursor']}"
    assert api.call("GET", url).status == 200
    assert fakes.last("list_inboxes").positional == (fakes.caller, PageRequest(20, 0, after=place))
    fakes.caller = make_caller(account_id="acc_zzzzzzzzzzzzzzzzzzzz")
    assert api.call("GET", url).status == 404


def test_inbox_is_deleted(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["delete_inbox"] = None
    assert api.call("DELETE", f"/inboxes/{INBOX}").status == 204
    assert fakes.last("delete_inbox").positional == (7, fakes.caller)


def test_thread_shows_every_field_of_the_contract(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_thread"] = make_summary()
    answer = api.call("GET", f"/threads/{THREAD_ID}")
    assert fakes.last("get_thread").positional == (THREAD_KEY, fakes.caller)
    assert answer.json == {
        "id": THREAD_ID,
        "inboxId": INBOX,
        "subject": "Hello",
        "participants": ["agent@mail.example.com", "ada@example.com"],
        "messageCount": 2,
        "lastMessage": {
            "id": IDS.message_id(MessageKey(7, 5)),
            "direction": "outbound",
            "fromAddress": "agent@mail.example.com",
            "snippet": "One two " + "x" * 192,
        },
        "lastMessageAt": "2026-11-22T12:00:00.000Z",
        "createdAt": "2026-11-22T12:00:00.000Z",
    }


def test_threads_of_an_inbox_are_paged(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["list_threads"] = Page((make_summary(),), 3, 5)
    answer = api.call("GET", f"/inboxes/{INBOX}/threads")
    assert (answer.json["data"][0]["id"], answer.json["total"]) == (THREAD_ID, 3)
    api.call("GET", f"/inboxes/{INBOX}/threads?cursor={answer.json['nextCursor']}")
    assert fakes.last("list_threads").positional == (7, fakes.caller, PageRequest(20, 0, after=5))


def test_messages_of_a_thread_have_cursors_of_their_own(api: ApiClient, fakes: FakeOperations) -> None:
    message = make_summary().last_message
    fakes.answers["list_thread_messages"] = Page((message,), 2, 5)
    url = f"/threads/{THREAD_ID}/messages"
    answer = api.call("GET", f"{url}?limit=1&offset=1")
    assert fakes.last("list_thread_messages").positional == (THREAD_KEY, fakes.caller, PageRequest(1, 1))
    assert answer.json["data"][0]["threadId"] == THREAD_ID
    cursor = answer.json["nextCursor"]
    assert api.call("GET", f"{url}?cursor={cursor}").status == 200
    assert fakes.last("list_thread_messages").positional[2] == PageRequest(20, 0, after=5)
    other = IDS.thread_id(ThreadKey(7, 4))
    assert api.call("GET", f"/threads/{other}/messages?cursor={cursor}").status == 404
