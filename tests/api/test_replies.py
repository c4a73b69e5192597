"""The doors of replies and forwards."""

from dataclasses import dataclass

import pytest

from chalicelib.domain.address import Mailbox
from chalicelib.domain.attachment import Enclosure
from chalicelib.domain.errors import Conflict, ErrorCode, InvalidInput, NotFound, TooMany
from chalicelib.domain.ids import AttachmentId, MessageKey
from chalicelib.domain.message import Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.operations.forward_message import Recipients
from chalicelib.operations.reply_to_message import Words
from tests.factories.accounts import make_caller
from tests.factories.api_events import ApiAnswer, ApiClient
from tests.factories.messages import INBOX_NUMBER, make_content
from tests.fakes.operations import IDS, FakeOperations

ORIGINAL = MessageKey(INBOX_NUMBER, 0)
REPLY = f"/messages/{IDS.message_id(ORIGINAL)}/reply"
FORWARD = f"/messages/{IDS.message_id(ORIGINAL)}/forward"
ANSWER = MessageKey(INBOX_NUMBER, 1)
FILE_ID = "att_0123456789abcdefghjk"
WORDS = {
    "subject": "Something else",
    "bodyText": "text",
    "bodyHtml": "<p>html</p>",
    "replyTo": ["desk@example.com"],
    "headers": {"X-Order": "42"},
    "metadata": {"order": "42"},
    "attachmentIds": [FILE_ID],
}
READ_WORDS = Words(
    "Something else",
    "text",
    "<p>html</p>",
    (Mailbox("desk@example.com"),),
    {"X-Order": "42"},
    {"order": "42"},
    (Enclosure(AttachmentId(FILE_ID)),),
)


@dataclass(frozen=True)
class Door:
    path: str
    operation: str
    body: dict[str, object]


BOTH = pytest.mark.parametrize(
    "door",
    [Door(REPLY, "reply_to_message", {}), Door(FORWARD, "forward_message", {"to": ["bob@example.net"]})],
    ids=["reply", "forward"],
)


@pytest.fixture(autouse=True)
def accepted(fakes: FakeOperations) -> None:
    """Both are accepted unless a test says otherwise."""
    message = Message(make_content(key=ANSWER), MessageStatus.QUEUED, None)

    def accept(*_: object, name_resource: object, **__: object) -> Message:
        name_resource(ANSWER)  # type: ignore[operator]
        return message

    fakes.answers |= {"reply_to_message": accept, "forward_message": accept}


def details(answer: ApiAnswer) -> dict[str, list[str]]:
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    found: dict[str, list[str]] = answer.error["details"]
    return found


@BOTH
def test_it_is_answered_202_with_the_queued_message(api: ApiClient, door: Door) -> None:
    answer = api.call("POST", door.path, json_body=door.body)
    assert (answer.status, answer.json["status"], answer.json["id"]) == (202, "queued", IDS.message_id(ANSWER))


def test_a_whole_reply_reaches_the_operation(api: ApiClient, fakes: FakeOperations) -> None:
    assert api.call("POST", REPLY, json_body=WORDS | {"replyAll": True}).status == 202
    call = fakes.last("reply_to_message")
    assert call.positional == (READ_WORDS, ORIGINAL)
    assert (call.named["reply_all"], call.named["caller"]) == (True, fakes.caller)


def test_a_whole_forward_reaches_the_operation(api: ApiClient, fakes: FakeOperations) -> None:
    addressed = {
        "to": ["Bob <bob@example.net>", "bob@Example.net"],
        "cc": ["eve@example.org"],
        "bcc": ["ada@example.com"],
    }
    assert api.call("POST", FORWARD, json_body=WORDS | addressed).status == 202
    call = fakes.last("forward_message")
    to = (Mailbox("bob@example.net", "Bob"),)
    assert call.positional == (
        READ_WORDS,
        ORIGINAL,
        Recipients(to, (Mailbox("eve@example.org"),), (Mailbox("ada@example.com"),)),
    )
    assert call.named["caller"] == fakes.caller


@pytest.mark.parametrize("body", [None, {}, dict.fromkeys([*WORDS, "replyAll"])])
def test_a_reply_needs_no_field(api: ApiClient, fakes: FakeOperations, body: dict[str, object] | None) -> None:
    assert api.call("POST", REPLY, json_body=body).status == 202
    assert fakes.last("reply_to_message").positional[0] == Words()
    assert fakes.last("reply_to_message").named["reply_all"] is False


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"replyAll": "yes"}, {"replyAll": ["must be true or false, not a string"]}),
        ({"to": ["ada@example.com"]}, {"to": ["there is no such field"]}),
        ({"html": "<p>x</p>"}, {"html": ["there is no such field; did you mean bodyHtml?"]}),
        ({"subject": "a\r\nBcc: x@y.z"}, None),
        ({"attachmentIds": [FILE_ID, FILE_ID]}, {"attachmentIds[1]": ["the same file as attachmentIds[0]"]}),
    ],
)
def test_a_wrong_reply_is_refused_by_name(
    api: ApiClient, fakes: FakeOperations, body: dict[str, object], problem: dict[str, list[str]] | None
) -> None:
    found = details(api.call("POST", REPLY, json_body=body))
    assert found.keys() == body.keys() or problem == found
    assert fakes.count("reply_to_message") == 0


def test_a_forward_says_to_whom(api: ApiClient, fakes: FakeOperations) -> None:
    assert details(api.call("POST", FORWARD, json_body={"replyAll": True})).keys() == {"to", "replyAll"}
    assert details(api.call("POST", FORWARD, json_body={"to": [], "cc": ["x"]})).keys() == {"to", "cc[0]"}
    many = [f"p{number}@example.com" for number in range(51)]
    assert "51 different addresses" in details(api.call("POST", FORWARD, json_body={"to": many}))["to"][0]
    assert fakes.count("forward_message") == 0


@BOTH
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound(), 404),
        (InvalidInput({"messageId": ["the message names no sender"]}), 400),
        (Conflict("withheld", fix="x", code=ErrorCode.ATTACHMENT_WITHHELD), 409),
        (TooMany("a loop", fix="wait", retry_after=17, code=ErrorCode.LOOP_SUSPECTED), 429),
    ],
)
def test_refusals_have_their_codes(
    api: ApiClient,
    fakes: FakeOperations,
    door: Door,
    error: Exception,
    status: int,
) -> None:
    fakes.answers[door.operation] = error
    answer = api.call("POST", door.path, json_body=door.body)
    assert answer.status == status
    assert answer.error["code"] == error.code  # type: ignore[attr-defined]
    assert answer.header("Retry-After") == ("17" if status == 429 else None)


@BOTH
def test_an_idempotency_key_makes_it_once(api: ApiClient, fakes: FakeOperations, door: Door) -> None:
    headers = {"Idempotency-Key": "once"}
    first = api.call("POST", door.path, json_body=door.body, headers=headers)
    fakes.answers["recover_message"] = Message(make_content(key=ANSWER), MessageStatus.SENT, None)
    again = api.call("POST", door.path, json_body=door.body, headers=headers)
    other = api.call("POST", door.path, json_body=door.body | {"bodyText": "other"}, headers=headers)

    assert (first.status, again.status, again.header("Idempotent-Replayed")) == (202, 202, "true")
    assert again.json == first.json
    assert (other.status, other.error["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert fakes.count(door.operation) == 1


@BOTH
def test_a_key_of_other_inboxes_and_a_text_that_is_no_id_are_answered_alike(
    api: ApiClient, fakes: FakeOperations, door: Door
) -> None:
    nowhere = door.path.replace(IDS.message_id(ORIGINAL), "msg_nothing")
    unknown = api.call("POST", nowhere, json_body=door.body)
    fakes.caller = make_caller(inbox_numbers=frozenset({INBOX_NUMBER + 1}))
    unreachable = api.call("POST", door.path, json_body=door.body)
    assert (unknown.status, unknown.json) == (404, unreachable.json)
    assert fakes.count(door.operation) == 0


@BOTH
def test_it_takes_the_scope_send(api: ApiClient, fakes: FakeOperations, door: Door) -> None:
    fakes.caller = make_caller(scopes=frozenset({"read", "manage"}))
    answer = api.call("POST", door.path, json_body=door.body)
    assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN_SCOPE")
    assert fakes.count(door.operation) == 0
