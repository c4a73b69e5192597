"""The doors of messages: what a send may say, and what a message shows."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.attachment import MessageAttachment
from chalicelib.domain.delivery import DeliveryReport, EventType, MessageDelivery, Reason, TimelineEntry
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import ErrorCode, InvalidInput, NotFound, NotFoundAt, TooMany
from chalicelib.domain.ids import AttachmentId, EventId, MessageKey, ThreadKey, inbox_id
from chalicelib.domain.message import BodyUrls, Direction, Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.get_message import SourceLink
from chalicelib.operations.ports import Page, PageRequest
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.factories.messages import INBOX_NUMBER, NOON, make_content
from tests.fakes.operations import IDS, FakeOperations

INBOX = inbox_id(INBOX_NUMBER)
SEND = f"/inboxes/{INBOX}/messages"
MESSAGE_ID = IDS.message_id(MessageKey(INBOX_NUMBER, 0))
NAUGHTY_STRINGS = json.loads((Path(__file__).parents[1] / "samples/blns/blns.json").read_text(encoding="utf-8"))


def make_message(status: MessageStatus = MessageStatus.QUEUED, **content: object) -> Message:
    return Message(make_content(**content), status, None)


@pytest.fixture(autouse=True)
def accepted(fakes: FakeOperations) -> None:
    """A send is accepted unless a test says otherwise."""
    fakes.answers["submit_message"] = make_message()


def send(api: ApiClient, **fields: object) -> ApiAnswer:
    return api.call("POST", SEND, json_body={"to": ["ada@example.com"], "subject": "Hello", **fields})


def problems(answer: ApiAnswer) -> dict[str, list[str]]:
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    details: dict[str, list[str]] = answer.error["details"]
    return details


# ----------------------------------------------------------------------------------------------------- send


def test_send_is_answered_202_with_the_queued_message(api: ApiClient) -> None:
    answer = send(api)
    assert answer.status == 202
    assert answer.json["status"] == "queued"
    assert answer.json["id"] == MESSAGE_ID


def test_whole_draft_reaches_the_operation(api: ApiClient, fakes: FakeOperations) -> None:
    thread = ThreadKey(INBOX_NUMBER, 3)
    answer = send(
        api,
        to=["Ada Lovelace <ada@EXAMPLE.com>"],
        cc=["bob@example.net"],
        bcc=["eve@example.org"],
        bodyText="text",
        bodyHtml="<p>html</p>",
        replyTo=["desk@example.com"],
        headers={"X-Order": "42", "List-Id": "<news.example.com>"},
        metadata={"order": "42"},
        threadId=IDS.thread_id(thread),
    )
    assert answer.status == 202
    call = fakes.last("submit_message")
    (draft,) = call.positional
    assert draft.to == (Mailbox("ada@example.com", "Ada Lovelace"),)
    assert (draft.cc, draft.bcc) == ((Mailbox("bob@example.net"),), (Mailbox("eve@example.org"),))
    assert (draft.subject, draft.body_text, draft.body_html) == ("Hello", "text", "<p>html</p>")
    assert draft.reply_to == (Mailbox("desk@example.com"),)
    assert draft.headers == {"X-Order": "42", "List-Id": "<news.example.com>"}
    assert draft.metadata == {"order": "42"}
    assert draft.thread == thread
    assert (call.named["inbox_number"], call.named["caller"]) == (INBOX_NUMBER, fakes.caller)


def test_null_means_absent(api: ApiClient, fakes: FakeOperations) -> None:
    names = ["cc", "bcc", "bodyText", "bodyHtml", "threadId", "replyTo", "headers", "metadata"]
    assert send(api, **dict.fromkeys(names)).status == 202
    (draft,) = fakes.last("submit_message").positional
    assert (draft.cc, draft.body_text, draft.thread, draft.headers, draft.metadata) == ((), None, None, {}, {})


def test_repeated_address_stays_where_it_stands_first(api: ApiClient, fakes: FakeOperations) -> None:
    send(
        api,
        to=["ada@example.com", "Ada <ada@Example.com>", "bob@example.net"],
        cc=["bob@example.net", "eve@example.org"],
        bcc=["eve@example.org", "ADA@example.com"],
    )
    (draft,) = fakes.last("submit_message").positional
    assert [mailbox.address for mailbox in draft.to] == ["ada@example.com", "bob@example.net"]
    assert [mailbox.address for mailbox in draft.cc] == ["eve@example.org"]
    assert [mailbox.address for mailbox in draft.bcc] == ["ADA@example.com"]  # local parts have a case (RFC 5321)


def test_everything_wrong_is_told_at_once_and_nothing_is_sent(api: ApiClient, fakes: FakeOperations) -> None:
    answer = api.call(
        "POST",
        SEND,
        json_body={
            "to": ["ada@example.com", "ana@example", 7],
            "cc": "bob@example.net",
            "html": "<p>",
            "bodyText": ["text"],
            "headers": {
                "Subject": "x",
                "X-SES-CONFIGURATION-SET": "y",
                "X-A": "1",
                "x-a": "2",
                "X-B": "1\r\nBcc: x@y.z",
            },
            "metadata": {"n": 1},
        },
    )
    found = problems(answer)
    assert found.keys() == {
        "to[1]",
        "to[2]",
        "cc",
        "html",
        "bodyText",
        "subject",
        "headers.Subject",
        "headers.X-SES-CONFIGURATION-SET",
        "headers.X-B",
        "headers",
        "metadata.n",
    }
    assert found["to[1]"] == ['not an email address: "ana@example" has no dot after the @']
    assert found["subject"] == ["is required"]
    assert found["html"] == ['there is no such field; did you mean "bodyHtml"?']
    assert fakes.count("submit_message") == 0


@pytest.mark.parametrize(
    ("field", "known"),
    [("html", "bodyHtml"), ("text", "bodyText"), ("body_text", "bodyText"), ("reply_to", "replyTo"), ("CC", "cc")],
)
def test_close_names_are_offered(api: ApiClient, field: str, known: str) -> None:
    assert problems(send(api, **{field: "x"})) == {field: [f'there is no such field; did you mean "{known}"?']}


def test_files_reach_the_operation_as_they_were_named(api: ApiClient, fakes: FakeOperations) -> None:
    assert send(api, attachmentIds=["att_2", "no id", ""]).status == 202
    (draft,) = fakes.last("submit_message").positional
    assert [enclosure.id for enclosure in draft.enclosures] == ["att_2", "no id", ""]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("att_1", {"attachmentIds": ["must be an array, not a string"]}),
        ([f"att_{number}" for number in range(11)], {"attachmentIds": ["must have at most 10 entries, not 11"]}),
        (["att_1", 7], {"attachmentIds[1]": ["must be a string, not a number"]}),
        (["att_1", "att_2", "att_1"], {"attachmentIds[2]": ["the same file as attachmentIds[0]"]}),
    ],
)
def test_a_wrong_list_of_files_is_refused(api: ApiClient, given: object, found: dict[str, list[str]]) -> None:
    assert problems(send(api, attachmentIds=given)) == found


def test_files_that_are_not_there_are_404_and_named_by_their_places(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["submit_message"] = NotFoundAt(["attachmentIds[1]"])
    answer = send(api, attachmentIds=["att_1", "att_2"])
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert answer.error["details"] == {"attachmentIds[1]": ["there is nothing under this id, or it is not yours"]}


def test_a_message_shows_its_files(api: ApiClient, fakes: FakeOperations) -> None:
    file = MessageAttachment(AttachmentId("att_1"), "Grüße.pdf", "application/pdf", 7)
    image = MessageAttachment(AttachmentId("att_2"), "a.png", "image/png", 8, content_id="a@b", inline=True)
    fakes.answers["get_message"] = make_message(attachments=(file, image))
    shown = api.call("GET", f"/messages/{MESSAGE_ID}").json["attachments"]
    assert shown == [
        {
            "id": "att_1",
            "filename": "Grüße.pdf",
            "contentType": "application/pdf",
            "size": 7,
            "contentId": None,
            "disposition": "attachment",
        },
        {
            "id": "att_2",
            "filename": "a.png",
            "contentType": "image/png",
            "size": 8,
            "contentId": "a@b",
            "disposition": "inline",
        },
    ]


def addresses(count: int) -> list[str]:
    return [f"a{number}@example.com" for number in range(count)]


def test_fifty_different_addresses_are_the_most(api: ApiClient) -> None:
    assert send(api, to=addresses(20), cc=addresses(40), bcc=addresses(50)).status == 202
    assert problems(send(api, to=addresses(20), cc=addresses(40), bcc=addresses(51))) == {
        "to": ["to, cc and bcc hold 51 different addresses; at most 50 are possible"]
    }


@pytest.mark.parametrize(
    ("fields", "path", "word"),
    [
        ({"to": []}, "to", "at least 1 entry"),
        ({"to": None}, "to", "must be an array, not null"),
        ({"to": addresses(201)}, "to", "at most 200 entries"),
        ({"subject": ""}, "subject", "at least 1 character"),
        ({"subject": "x" * 999}, "subject", "at most 998 characters, not 999"),
        ({"subject": "a\nBcc: x@y.z"}, "subject", "a line feed"),
        ({"subject": "=?utf-8?q?a=0D=0ABcc:_x@y.z?="}, "subject", "encoded word"),
        ({"subject": "a\0"}, "subject", "NUL"),
        ({"to": ["Ada\r\nBcc: x@y.z <ada@example.com>"]}, "to[0]", "carriage return"),
        ({"bodyText": "x" * 1_000_001}, "bodyText", "at most 1,000,000 characters"),
        ({"bodyText": "a\0b"}, "bodyText", "NUL"),
        ({"bodyHtml": "\ud800"}, "bodyHtml", "surrogate"),
        ({"headers": {f"X-{n}": "v" for n in range(21)}}, "headers", "at most 20 entries"),
        ({"headers": {"X-A": ""}}, "headers.X-A", "at least 1 character"),
        ({"headers": {"Bcc": "x@y.z"}}, "headers.Bcc", "is not a header that can be set"),
        ({"headers": {"X A": "v"}}, "headers.X A", "is not a header that can be set"),
        ({"metadata": {f"k{n}": "" for n in range(21)}}, "metadata", "at most 20 entries"),
        ({"metadata": {"k": "é" * 512}}, "metadata", "1025 bytes"),
        ({"metadata": {"k": {}}}, "metadata.k", "must be a string, not an object"),
        ({"metadata": {"": "v"}}, "metadata.", "at least 1 character"),
        ({"threadId": 7}, "threadId", "must be a string, not a number"),
    ],
)
def test_limits_are_named(api: ApiClient, fakes: FakeOperations, fields: dict[str, Any], path: str, word: str) -> None:
    found = problems(send(api, **fields))
    assert word in found[path][0]
    assert fakes.count("submit_message") == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "x" * 998},
        {"bodyText": "x" * 1_000_000},
        {"bodyText": "", "bodyHtml": ""},
        {"subject": "日本語 ✉ العربية"},
        {"metadata": {"k": "x" * 1023}},
        {"headers": {"auto-submitted": "auto-generated", "IMPORTANCE": "high"}},
    ],
)
def test_values_at_the_limits_are_accepted(api: ApiClient, fields: dict[str, Any]) -> None:
    assert send(api, **fields).status == 202


@pytest.mark.parametrize("field", ["subject", "bodyText", "bodyHtml", "to", "header", "metadata", "threadId", "cc"])
def test_naughty_strings_are_accepted_or_refused_by_name(api: ApiClient, field: str) -> None:
    for text in NAUGHTY_STRINGS:
        value: object = text
        if field in ("to", "cc"):
            value = [text]
        elif field == "header":
            value = {"X-Note": text}
        elif field == "metadata":
            value = {"note": text}
        answer = send(api, **{"headers" if field == "header" else field: value})
        assert answer.status in ((202, 400, 404) if field == "threadId" else (202, 400)), text


def test_text_that_is_no_thread_id_is_404(api: ApiClient, fakes: FakeOperations) -> None:
    for text in ("thr_0123456789abcdefghjk", MESSAGE_ID, ""):
        answer = send(api, threadId=text)
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert fakes.count("submit_message") == 0


def test_refusals_of_the_operation_keep_their_codes(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["submit_message"] = InvalidInput(
        {"threadId": ["of another inbox"]}, code=ErrorCode.THREAD_INBOX_MISMATCH
    )
    answer = send(api)
    assert (answer.status, answer.error["code"]) == (400, "THREAD_INBOX_MISMATCH")
    fakes.answers["submit_message"] = TooMany(
        "used up", fix="wait", retry_after=3600, code=ErrorCode.DAILY_LIMIT_EXCEEDED
    )
    answer = send(api)
    assert (answer.status, answer.error["code"], answer.header("retry-after")) == (429, "DAILY_LIMIT_EXCEEDED", "3600")


def test_accepted_message_too_large_for_one_answer_is_answered_without_its_longer_body(
    api: ApiClient, fakes: FakeOperations
) -> None:
    fakes.answers["submit_message"] = make_message(body_text="日" * 900_000, body_html="<p>short</p>")
    answer = send(api)
    assert answer.status == 202
    assert (answer.json["bodyText"], answer.json["bodyHtml"]) == (None, "<p>short</p>")
    assert answer.json["bodyTruncated"] is True


# ------------------------------------------------------------------------------------------- idempotency


def submit_for_real(fakes: FakeOperations) -> None:
    """A submit that gives out sequence numbers and names what it makes."""

    def submit(_draft: object, *, name_resource: Any, **_: object) -> Message:
        key = MessageKey(INBOX_NUMBER, fakes.count("submit_message"))
        name_resource(key)
        return make_message(key=key)

    fakes.answers["submit_message"] = submit
    fakes.answers["recover_message"] = lambda key, _caller: make_message(MessageStatus.SENT, key=key)


def post(api: ApiClient, body: str, key: str = "order-42", url: str = SEND) -> ApiAnswer:
    return api.call("POST", url, body=body, headers={"Idempotency-Key": key})


DRAFT = '{"to": ["ada@example.com"], "subject": "Hello"}'


def test_same_key_and_body_send_once(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    first = post(api, DRAFT)
    again = post(api, '{ "subject": "Hello", "to": ["ada@example.com"] }')
    assert (first.status, again.status) == (202, 202)
    assert again.body == first.body
    assert (first.header("idempotent-replayed"), again.header("idempotent-replayed")) == (None, "true")
    assert fakes.count("submit_message") == 1


def test_keys_count_within_account_and_path(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    post(api, DRAFT)
    post(api, DRAFT, url=f"/inboxes/{inbox_id(8)}/messages")
    post(api, DRAFT, key="order-43")
    assert fakes.count("submit_message") == 3
    assert [scope.split(" ")[0] for scope in fakes.idempotency.records] == [fakes.caller.account_id] * 3


def test_same_key_with_another_body_is_409(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    post(api, DRAFT)
    answer = post(api, DRAFT.replace("Hello", "Hullo"))
    assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_first_still_running_is_409_with_retry_after(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    post(api, DRAFT)
    ((key, record),) = fakes.idempotency.records.items()
    fakes.idempotency.records[key] = replace(record, answer_left_out=False)
    answer = post(api, DRAFT)
    assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert (answer.header("retry-after"), answer.error["retryable"]) == ("1", True)


def test_request_refused_by_validation_does_not_use_the_key_up(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    assert post(api, "{}").status == 400
    assert post(api, DRAFT).status == 202


def test_retry_after_a_crash_finds_the_committed_message(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    first = post(api, DRAFT)
    ((key, record),) = fakes.idempotency.records.items()
    assert record.resource == first.json["id"]
    fakes.idempotency.records[key] = replace(record, answer_left_out=False)
    fakes.clock.advance(35)
    fakes.answers["recover_message"] = lambda key, _caller: make_message(MessageStatus.SENT, key=key)
    again = post(api, DRAFT)
    assert (again.json["id"], again.header("idempotent-replayed")) == (first.json["id"], "true")
    assert fakes.count("submit_message") == 1


def test_retry_after_a_crash_before_the_commit_sends_anew(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    first = post(api, DRAFT)
    ((key, record),) = fakes.idempotency.records.items()
    fakes.idempotency.records[key] = replace(record, answer_left_out=False)
    fakes.clock.advance(35)
    fakes.answers["recover_message"] = None
    again = post(api, DRAFT)
    assert again.json["id"] != first.json["id"]
    assert again.header("idempotent-replayed") is None


@pytest.mark.parametrize("key", ["", "with space", "ümlaut", "x" * 257])
def test_key_that_is_not_1_to_256_visible_characters_is_refused(api: ApiClient, key: str) -> None:
    assert problems(post(api, DRAFT, key=key)).keys() == {"Idempotency-Key"}


def test_nothing_of_a_message_is_kept_for_replays_and_a_replay_is_the_first_answer_all_the_same(
    api: ApiClient, fakes: FakeOperations
) -> None:
    submit_for_real(fakes)
    first = post(api, DRAFT)
    ((_, record),) = fakes.idempotency.records.items()
    assert record.answer is None
    again = post(api, DRAFT)
    assert again.body == first.body
    assert again.json["status"] == "queued"


def test_replay_of_a_message_deleted_meanwhile_is_404_and_sends_nothing(api: ApiClient, fakes: FakeOperations) -> None:
    submit_for_real(fakes)
    post(api, DRAFT)
    fakes.answers["recover_message"] = None
    answer = post(api, DRAFT)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert "deleted" in answer.error["message"]
    assert fakes.count("submit_message") == 1


# ------------------------------------------------------------------------------------------- the object


def test_message_shows_every_field_of_the_contract(api: ApiClient, fakes: FakeOperations) -> None:
    later = NOON + timedelta(seconds=5, microseconds=123_000)
    content = make_content(
        cc=(Mailbox("bob@example.net", "Bob"),),
        bcc=(Mailbox("eve@example.org"),),
        reply_to=(Mailbox("desk@example.com", "Desk"),),
        metadata={"order": "42"},
        in_reply_to="<parent@example.com>",
        references=("<parent@example.com>",),
        body_html="<p>x</p>",
    )
    delivery = MessageDelivery.begin([mailbox.address for _, mailbox in content.recipients], NOON)
    reason = Reason("bounce_permanent_general", "There is no such address.", "smtp; 550 5.1.1", retryable=False)
    recipients = list(delivery.recipients)
    recipients[1] = replace(recipients[1], status=DeliveryStatus.BOUNCED, updated_at=later, reason=reason)
    delivery = replace(
        delivery,
        recipients=tuple(recipients),
        message_id_header="<0102@eu-west-1.amazonses.com>",
        in_reply_to="<final@example.com>",
        references=("<first@example.com>", "<final@example.com>"),
    )
    fakes.answers["get_message"] = Message(content, MessageStatus.BOUNCED, delivery)

    answer = api.call("GET", f"/messages/{MESSAGE_ID}")

    assert fakes.last("get_message").positional == (MessageKey(INBOX_NUMBER, 0), fakes.caller)
    at_noon, at_five_past = "2026-11-22T12:00:00.000Z", "2026-11-22T12:00:05.123Z"
    queued = {"status": "queued", "reason": None, "updatedAt": at_noon}
    why = {"code": "bounce_permanent_general", "message": "There is no such address."}
    assert answer.json == {
        "id": MESSAGE_ID,
        "inboxId": INBOX,
        "threadId": IDS.thread_id(ThreadKey(INBOX_NUMBER, 0)),
        "direction": "outbound",
        "fromAddress": "agent@mail.example.com",
        "fromName": "Agent",
        "toAddresses": ["ada@example.com"],
        "ccAddresses": ["bob@example.net"],
        "bccAddresses": ["eve@example.org"],
        "replyTo": ["Desk <desk@example.com>"],
        "subject": "Hello",
        "bodyText": "Good morning, Ada.\n",
        "bodyHtml": "<p>x</p>",
        "extractedText": None,
        "bodyTruncated": False,
        "bodyTextUrl": None,
        "bodyHtmlUrl": None,
        "delivery": "email",
        "status": "bounced",
        "recipients": [
            {"address": "ada@example.com", "name": None, "kind": "to", **queued},
            {
                "address": "bob@example.net",
                "name": "Bob",
                "kind": "cc",
                "status": "bounced",
                "reason": {**why, "diagnostic": "smtp; 550 5.1.1"},
                "updatedAt": at_five_past,
            },
            {"address": "eve@example.org", "name": None, "kind": "bcc", **queued},
        ],
        "failureReason": {**why, "retryable": False},
        "attachments": [],
        "messageIdHeader": "<0102@eu-west-1.amazonses.com>",
        "inReplyTo": "<final@example.com>",
        "references": ["<first@example.com>", "<final@example.com>"],
        "authentication": None,
        "kind": "normal",
        "warnings": [],
        "parseStatus": None,
        "parseProblem": None,
        "dateHeader": None,
        "metadata": {"order": "42"},
        "createdAt": at_noon,
        "updatedAt": at_five_past,
    }


def test_message_no_worker_has_touched_shows_what_it_was_accepted_with(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_message"] = make_message(
        in_reply_to="<parent@example.com>", references=("<parent@example.com>",)
    )
    shown = api.call("GET", f"/messages/{MESSAGE_ID}").json
    assert shown["recipients"][0]["status"] == "queued"
    assert shown["recipients"][0]["updatedAt"] == shown["updatedAt"] == shown["createdAt"]
    assert shown["messageIdHeader"] == f"<{MESSAGE_ID}@mail.example.com>"
    assert (shown["inReplyTo"], shown["references"]) == ("<parent@example.com>", ["<parent@example.com>"])
    assert shown["failureReason"] is None


def test_recipients_of_inbound_mail_have_received_it(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_message"] = make_message(MessageStatus.RECEIVED, direction=Direction.INBOUND)
    shown = api.call("GET", f"/messages/{MESSAGE_ID}").json
    assert (shown["status"], shown["recipients"][0]["status"]) == ("received", "received")


# --------------------------------------------------------------------------------------------- the others


def test_list_passes_filters_on_and_answers_total_and_cursor(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["list_messages"] = Page((make_message(),), 41, 0)
    answer = api.call("GET", f"{SEND}?limit=1&offset=2&status=queued&direction=outbound")
    call = fakes.last("list_messages")
    assert call.positional == (INBOX_NUMBER, fakes.caller, PageRequest(1, 2))
    assert call.named == {"status": MessageStatus.QUEUED, "direction": Direction.OUTBOUND}
    assert (len(answer.json["data"]), answer.json["total"]) == (1, 41)
    api.call("GET", f"{SEND}?cursor={answer.json['nextCursor']}&limit=7")
    assert fakes.last("list_messages").positional[2] == PageRequest(7, 0, after=0)


def test_last_page_has_no_cursor(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["list_messages"] = Page((), 0, None)
    assert api.call("GET", SEND).json == {"data": [], "total": 0, "nextCursor": None}
    assert fakes.last("list_messages").positional[2] == PageRequest(20, 0)


def test_cursor_of_another_inbox_or_list_is_404(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers |= {"list_messages": Page((), 0, 5), "list_threads": Page((), 0, 5)}
    cursor = api.call("GET", SEND).json["nextCursor"]
    for url in (f"/inboxes/{inbox_id(8)}/messages", f"/inboxes/{INBOX}/threads"):
        answer = api.call("GET", f"{url}?cursor={cursor}")
        assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


def test_page_stays_within_5_mb_by_leaving_out_the_longest_bodies(api: ApiClient, fakes: FakeOperations) -> None:
    lengths = [900_000, 10, 850_000, 800_000, 950_000, 700_000, 990_000, 980_000]
    page = [make_message(body_text="<" * length, key=MessageKey(7, n)) for n, length in enumerate(lengths)]
    fakes.answers["list_messages"] = Page(tuple(page), len(page), None)
    answer = api.call("GET", SEND)
    assert len(answer.body) <= 5_000_000
    shown = answer.json["data"]
    left_out = {len(page[n].content.body_text or "") for n, each in enumerate(shown) if each["bodyTruncated"]}
    assert left_out == {990_000, 980_000}
    assert [each["bodyText"] is None for each in shown] == [each["bodyTruncated"] for each in shown]


def test_delete_is_204_without_a_body(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["delete_message"] = None
    answer = api.call("DELETE", f"/messages/{MESSAGE_ID}", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.body, answer.header("content-type")) == (204, "", None)
    assert fakes.last("delete_message").positional == (MessageKey(INBOX_NUMBER, 0), fakes.caller)


def test_delete_of_a_foreign_message_is_404(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["delete_message"] = NotFound()
    assert api.call("DELETE", f"/messages/{MESSAGE_ID}").status == 404


def test_timeline_shows_what_happened(api: ApiClient, fakes: FakeOperations) -> None:
    reason = Reason("bounce_permanent_general", "No such address.", None)
    entries = (
        TimelineEntry(EventId("evt_1"), EventType.QUEUED, MessageStatus.QUEUED, NOON),
        TimelineEntry(EventId("evt_2"), EventType.BOUNCED, MessageStatus.BOUNCED, NOON, "ada@example.com", reason),
    )
    fakes.answers["list_message_events"] = entries
    answer = api.call("GET", f"/messages/{MESSAGE_ID}/events")
    assert (answer.json["total"], answer.json["nextCursor"]) == (2, None)
    assert answer.json["data"][1] == {
        "id": "evt_2",
        "type": "message.bounced",
        "status": "bounced",
        "recipient": "ada@example.com",
        "reason": {"code": "bounce_permanent_general", "message": "No such address.", "diagnostic": None},
        "createdAt": "2026-11-22T12:00:00.000Z",
    }


@pytest.mark.parametrize("accept", ["application/json", "message/rfc822", "*/*", "text/html;q=0.9", "nonsense", None])
def test_source_is_the_mail_itself_whatever_the_client_accepts(
    api: ApiClient, fakes: FakeOperations, accept: str | None
) -> None:
    mail = b"Subject: Gr\xfc\xdfe \x80\x00\n\nbare line ends\r\n" + bytes(range(256))
    fakes.answers["read_raw_message"] = mail
    answer = api.call("GET", f"/messages/{MESSAGE_ID}/raw", headers={} if accept is None else {"Accept": accept})
    assert (answer.status, answer.header("content-type")) == (200, "message/rfc822")
    assert answer.content == mail
    assert answer.header("x-content-type-options") == "nosniff"


def test_a_source_too_long_for_an_answer_is_a_redirect(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["read_raw_message"] = SourceLink("https://bucket.example/links/1")
    answer = api.call("GET", f"/messages/{MESSAGE_ID}/raw")
    assert (answer.status, answer.header("location"), answer.content) == (302, "https://bucket.example/links/1", b"")
    assert answer.header("x-request-id")


def test_bodies_too_long_for_an_answer_are_links(api: ApiClient, fakes: FakeOperations) -> None:
    urls = BodyUrls(text="https://bucket.example/text", html=None)
    fakes.answers["get_message"] = Message(make_content(body_text="x"), MessageStatus.SENT, None, urls)

    shown = api.call("GET", f"/messages/{MESSAGE_ID}").json

    assert (shown["bodyText"], shown["bodyTruncated"]) == (None, True)
    assert (shown["bodyTextUrl"], shown["bodyHtmlUrl"]) == ("https://bucket.example/text", None)


def test_a_message_that_waits_again_shows_its_recipients_waiting(api: ApiClient, fakes: FakeOperations) -> None:
    content = make_content()
    began = MessageDelivery.begin([mailbox.address for _, mailbox in content.recipients], content.created_at)
    sending, _ = began.apply(
        DeliveryReport(content.key, EventType.SENDING, DeliveryStatus.SENDING, content.created_at, every_recipient=True)
    )
    fakes.answers["get_message"] = Message(content, MessageStatus.QUEUED, sending)

    shown = api.call("GET", f"/messages/{MESSAGE_ID}").json

    assert {recipient["status"] for recipient in shown["recipients"]} == {"queued"}


def test_a_key_bound_to_other_inboxes_gets_no_replay(api: ApiClient, fakes: FakeOperations) -> None:
    draft = {"to": ["ada@example.com"], "subject": "Hello"}
    headers = {"Idempotency-Key": "order-7"}
    assert api.call("POST", SEND, json_body=draft, headers=headers).status == 202
    fakes.caller = replace(fakes.caller, key=replace(fakes.caller.key, inbox_numbers=frozenset({INBOX_NUMBER + 1})))

    assert api.call("POST", SEND, json_body=draft, headers=headers).status == 404
