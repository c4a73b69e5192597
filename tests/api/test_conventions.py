"""What holds for every route: keys, headers, bodies, queries, and one shape for every error."""

import json

import msgspec
import pytest
from chalice.app import Chalice
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib.api.errors import STATUS, ErrorJson
from chalicelib.domain.account import RateLimit, Scope
from chalicelib.domain.errors import ErrorCode, NotFound, Unauthenticated, Unavailable
from chalicelib.domain.ids import inbox_id
from chalicelib.operations.authenticate import RateLimited
from tests.factories.accounts import make_account, make_caller, make_inbox
from tests.factories.api_events import GREEDY, REQUEST_ID, ApiAnswer, ApiClient, make_event, read_answer
from tests.fakes.operations import FakeOperations

INBOX = inbox_id(7)
MEGABYTE = 1024 * 1024


def assert_error(answer: ApiAnswer, code: ErrorCode) -> None:
    """The one shape, with the status that belongs to the code."""
    error = msgspec.json.decode(answer.body, type=ErrorJson).error
    assert (answer.status, error.status, error.code) == (STATUS[code], STATUS[code], code)
    assert error.message
    assert error.fix
    assert error.request_id == answer.header("x-request-id") == REQUEST_ID
    assert answer.header("content-type") == "application/json"


# --------------------------------------------------------------------------------------------------- keys


def test_key_in_x_api_key_is_enough(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_account"] = make_account()
    api.key = None
    assert api.call("GET", "/account", headers={"X-API-Key": "ask_one"}).status == 200
    assert fakes.keys_seen == ["ask_one"]


def test_bearer_token_is_enough_and_wins(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_account"] = make_account()
    headers = {"x-api-key": "ask_one", "authorization": "bearer  ask_two "}
    assert api.call("GET", "/account", headers=headers).status == 200
    assert fakes.keys_seen == ["ask_two"]


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Basic dTpw", ""])
def test_authorization_without_a_bearer_token_leaves_the_word_to_x_api_key(
    api: ApiClient, fakes: FakeOperations, authorization: str
) -> None:
    fakes.answers["get_account"] = make_account()
    api.call("GET", "/account", headers={"x-api-key": "ask_one", "Authorization": authorization})
    assert fakes.keys_seen == ["ask_one"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic dTpw"}, {"x-api-key": " "}])
def test_request_without_a_key_is_401(api: ApiClient, headers: dict[str, str]) -> None:
    api.key = None
    answer = api.call("GET", "/account", headers=headers)
    assert_error(answer, ErrorCode.UNAUTHORIZED)
    assert answer.header("www-authenticate") == "Bearer"
    assert answer.header("ratelimit-limit") is None


def test_event_without_any_header_is_401(app: Chalice, fakes: FakeOperations) -> None:
    api = ApiClient(app, key=None)
    assert_error(api.call("GET", "/account"), ErrorCode.UNAUTHORIZED)


def test_wrong_key_is_401(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["authenticate"] = Unauthenticated("not valid", fix="send another")
    assert_error(api.call("GET", "/account"), ErrorCode.UNAUTHORIZED)


@pytest.mark.parametrize(
    ("method", "url", "scope"),
    [
        ("GET", f"/inboxes/{INBOX}", Scope.READ),
        ("GET", f"/messages/{INBOX}/raw", Scope.READ),
        ("POST", f"/inboxes/{INBOX}/messages", Scope.SEND),
        ("POST", "/inboxes", Scope.MANAGE),
        ("DELETE", f"/messages/{INBOX}", Scope.MANAGE),
        ("POST", "/account/api-keys", Scope.MANAGE),
        ("POST", "/accounts", Scope.ADMIN),
    ],
)
def test_key_without_the_scope_is_403(
    api: ApiClient, fakes: FakeOperations, method: str, url: str, scope: Scope
) -> None:
    others = frozenset({Scope.READ, Scope.SEND, Scope.MANAGE}) - {scope}
    fakes.caller = make_caller(scopes=others)
    answer = api.call(method, url)
    assert_error(answer, ErrorCode.FORBIDDEN_SCOPE)
    assert f"`{scope}`" in answer.error["message"]


# ------------------------------------------------------------------------------------------------- headers


def test_every_authenticated_answer_tells_the_rate_limit(api: ApiClient, fakes: FakeOperations) -> None:
    for outcome, status in ((make_inbox(), 200), (NotFound(), 404), (Unavailable("later"), 503), (OSError(), 500)):
        fakes.answers["get_inbox"] = outcome
        answer = api.call("GET", f"/inboxes/{INBOX}")
        assert answer.status == status
        limits = [answer.header(f"ratelimit-{name}") for name in ("limit", "remaining", "reset")]
        assert limits == ["100", "99", "42"]


def test_used_up_rate_limit_is_429_with_whole_seconds_to_wait(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["authenticate"] = RateLimited(RateLimit(100, 0, 17))
    answer = api.call("GET", "/account")
    assert_error(answer, ErrorCode.RATE_LIMIT_EXCEEDED)
    assert answer.error["retryable"] is True
    assert (answer.header("retry-after"), answer.header("ratelimit-remaining")) == ("17", "0")


@pytest.mark.parametrize(("method", "url"), [("GET", "/health"), ("GET", "/nowhere"), ("PUT", "/inboxes")])
def test_every_answer_carries_its_request_id(api: ApiClient, method: str, url: str) -> None:
    assert api.call(method, url).header("x-request-id") == REQUEST_ID


def test_unavailable_is_503_with_retry_after(api: ApiClient, fakes: FakeOperations) -> None:
    fakes.answers["get_account"] = Unavailable("The table does not answer.", retry_after=3)
    answer = api.call("GET", "/account")
    assert_error(answer, ErrorCode.UNAVAILABLE)
    assert (answer.header("retry-after"), answer.error["retryable"]) == ("3", True)


# -------------------------------------------------------------------------------------------------- errors


def test_unforeseen_error_is_500_in_our_shape_and_keeps_its_cause_to_itself(
    api: ApiClient, fakes: FakeOperations, caplog: pytest.LogCaptureFixture
) -> None:
    fakes.answers["get_account"] = ZeroDivisionError("secret detail")
    answer = api.call("GET", "/account")
    assert_error(answer, ErrorCode.INTERNAL_ERROR)
    assert "secret detail" not in answer.body
    assert [record.__dict__["apiRequestId"] for record in caplog.records] == [REQUEST_ID]


def test_error_outside_of_every_route_has_our_shape(app: Chalice, caplog: pytest.LogCaptureFixture) -> None:
    event = {
        "requestContext": {"resourcePath": "/inboxes/{inbox_id}", "httpMethod": "GET", "requestId": REQUEST_ID},
        "headers": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {},  # the variable is missing
        "stageVariables": None,
        "body": None,
    }
    assert_error(read_answer(app(event, None)), ErrorCode.INTERNAL_ERROR)
    assert "outside of its route" in caplog.text


def test_event_that_is_no_request_has_our_shape(app: Chalice) -> None:
    answer = read_answer(app({"requestContext": {}}, None))
    assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("url", ["/", "/nowhere", "/messages", "/inboxes/x/y/z", "/inboxes//messages"])
def test_unknown_path_is_404_with_and_without_a_key(api: ApiClient, method: str, url: str) -> None:
    for key in (None, "ask_one"):
        api.key = key
        answer = api.call(method, url, body="{", headers={"Content-Type": "text/plain"})
        assert_error(answer, ErrorCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [("/inboxes", "POST, GET"), (f"/inboxes/{INBOX}", "GET, PATCH, DELETE"), ("/health", "GET")],
)
def test_unknown_method_of_a_known_path_is_405_that_names_the_others(
    api: ApiClient, app: Chalice, url: str, allowed: str
) -> None:
    answers = [api.call("PUT", url)]
    # API Gateway may also hand such a request to the greedy path; a local server may know methods that it does not.
    for method in ("PUT", "TRACE"):
        event = make_event(method, url, resource=GREEDY, path_parameters={"proxy": url.strip("/")})
        answers.append(read_answer(app(event, None)))
    for answer in answers:
        assert_error(answer, ErrorCode.METHOD_NOT_ALLOWED)
        assert sorted((answer.header("allow") or "").split(", ")) == sorted(allowed.split(", "))


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/inboxes/inb_000000000000"),
        ("GET", "/inboxes/msg_0123456789abcdefghjk"),
        ("GET", "/messages/msg_0123456789abcdefghjk"),
        ("GET", "/messages/%00"),
        ("DELETE", "/messages/MSG_0123456789ABCDEFGHJK"),
        ("GET", "/threads/thr_0123456789abcdefghjk/messages"),
        ("DELETE", "/account/api-keys/key_u"),
        ("DELETE", "/account/api-keys/" + "k" * 5000),
        ("GET", f"/inboxes/{INBOX}/messages?cursor=0123456789abcdefghjk"),
        ("GET", "/inboxes?cursor=%F0%9F%92%A9"),
    ],
)
def test_text_that_is_no_id_gets_the_bytes_of_an_unknown_one(
    api: ApiClient, fakes: FakeOperations, method: str, url: str
) -> None:
    fakes.answers["get_inbox"] = NotFound()
    unknown = api.call("GET", f"/inboxes/{INBOX}")
    assert_error(unknown, ErrorCode.NOT_FOUND)
    assert api.call(method, url).body == unknown.body


# -------------------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "text/plain", None])
@pytest.mark.parametrize("body", [None, "", "  "])
def test_empty_body_of_any_type_is_fine_where_none_is_needed(
    api: ApiClient, fakes: FakeOperations, content_type: str | None, body: str | None
) -> None:
    fakes.answers |= {"create_inbox": make_inbox(), "get_inbox": make_inbox(), "delete_inbox": None}
    headers = {} if content_type is None else {"Content-Type": content_type}
    for method, url, status in (
        ("POST", "/inboxes", 201),
        ("GET", f"/inboxes/{INBOX}", 200),
        ("DELETE", f"/inboxes/{INBOX}", 204),
    ):
        answer = api.call(method, url, body=body, headers=headers)
        assert answer.status == status
        assert (answer.body == "") == (status == 204)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON;charset=UTF-8",
        'application/json; x=y; charset="utf8"',
        "application/problem+json",
        None,
    ],
)
def test_json_content_types_are_read(api: ApiClient, fakes: FakeOperations, content_type: str | None) -> None:
    fakes.answers["create_inbox"] = make_inbox()
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert api.call("POST", "/inboxes", body='{"prefix": "bot"}', headers=headers).status == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "json",
        "application/json; charset=latin1",
        "application/json;x=y;Charset = utf-16",
    ],
)
def test_other_content_type_is_415(api: ApiClient, content_type: str) -> None:
    answer = api.call("POST", "/inboxes", body="prefix=bot", headers={"Content-Type": content_type})
    assert_error(answer, ErrorCode.UNSUPPORTED_MEDIA_TYPE)


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nonsense",
        '{"prefix": NaN}',
        '{"prefix": -Infinity}',
        '{"prefix": "a", "prefix": "b"}',
        b'{"prefix": "\xff"}',
        b"\xfe\xff\x00{\x00}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"prefix": ' + "9" * 5_000 + "}",
        '{"prefix": "\ud800"}',
    ],
)
def test_what_is_no_json_is_malformed(api: ApiClient, body: str | bytes) -> None:
    answer = api.call("POST", "/inboxes", body=body)
    assert_error(answer, ErrorCode.MALFORMED_JSON)
    assert answer.error["details"]["body"]


def test_base64_that_is_none_is_malformed(api: ApiClient, app: Chalice) -> None:
    event = make_event("POST", "/inboxes", resource="/inboxes", headers={"x-api-key": "ask_one"}, body="abc")
    assert_error(read_answer(app({**event, "isBase64Encoded": True}, None)), ErrorCode.MALFORMED_JSON)


@pytest.mark.parametrize("document", [[], "text", 1, True, None, [{"prefix": "bot"}]])
def test_json_that_is_no_object_is_refused(api: ApiClient, document: object) -> None:
    answer = api.call("POST", "/inboxes", body=json.dumps(document))
    assert_error(answer, ErrorCode.VALIDATION_ERROR)
    assert answer.error["details"].keys() == {"body"}


def test_body_beyond_lambdas_limit_is_413(api: ApiClient) -> None:
    answer = api.call("POST", "/inboxes", body='{"prefix": "' + "x" * 6 * MEGABYTE + '"}')
    assert_error(answer, ErrorCode.PAYLOAD_TOO_LARGE)


@pytest.mark.parametrize("body", ['{"limit": 3}', "[1]", "text", b"\xff"])
def test_body_on_a_path_that_reads_none_is_refused(api: ApiClient, body: str | bytes) -> None:
    for method, url in (("GET", "/account"), ("DELETE", f"/inboxes/{INBOX}"), ("GET", "/health")):
        answer = api.call(method, url, body=body)
        assert_error(answer, ErrorCode.VALIDATION_ERROR)
        assert answer.error["details"] == {"body": ["this path reads no body; leave it out"]}


def test_unknown_body_field_names_the_nearest_known_one(api: ApiClient) -> None:
    answer = api.call("POST", "/inboxes", json_body={"display_name": "Bot", "colour": "red"})
    assert_error(answer, ErrorCode.VALIDATION_ERROR)
    assert answer.error["details"]["display_name"] == ['there is no such field; did you mean "displayName"?']
    assert "known are address, displayName, domainId, prefix" in answer.error["details"]["colour"][0]


def test_ten_thousand_mistakes_are_answered_with_the_first_hundred(api: ApiClient) -> None:
    answer = api.call("POST", "/inboxes", json_body={f"field{number}": number for number in range(10_000)})
    assert_error(answer, ErrorCode.VALIDATION_ERROR)
    assert list(answer.error["details"]) == [f"field{number}" for number in range(100)]


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_answered_without_a_fault(api: ApiClient, fakes: FakeOperations, document: object) -> None:
    fakes.answers["create_inbox"] = make_inbox()
    fields = ["address", "displayName", "domainId", "prefix"]
    for body in (document, dict.fromkeys(fields, document)):
        answer = api.call("POST", "/inboxes", body=json.dumps(body))
        assert answer.status in (201, 400)


# ------------------------------------------------------------------------------------------------- queries


@pytest.mark.parametrize(
    ("url", "details"),
    [
        (
            f"/inboxes/{INBOX}/messages?limit=0&offset=-1",
            {"limit": ["must be at least 1, not 0"], "offset": ["must be at least 0, not -1"]},
        ),
        ("/inboxes?limit=101", {"limit": ["must be at most 100, not 101"]}),
        ("/inboxes?limit=ten", {"limit": ['must be a whole number, not "ten"']}),
        (f"/inboxes?limit={10**20}", {"limit": [f"must be at most 100, not {10**20}"]}),
        ("/inboxes?limit=", {"limit": ['must be a whole number, not ""']}),
        ("/inboxes?limit=1.0", {"limit": ['must be a whole number, not "1.0"']}),
        ("/inboxes?limit=٣", {"limit": ['must be a whole number, not "٣"']}),
        ("/inboxes?limit=5&limit=6", {"limit": ["was given 2 times; give it once"]}),
        ("/inboxes?limt=5", {"limt": ['there is no such query parameter; did you mean "limit"?']}),
        ("/account?limit=5", {"limit": ["there is no such query parameter"]}),
        ("/health?t=1", {"t": ["there is no such query parameter"]}),
        (
            f"/inboxes/{INBOX}/messages?status=quued",
            {
                "status": [
                    '"quued" is not one of queued, sending, sent, delivered, failed, bounced, complained, received'
                ]
            },
        ),
        (
            "/inboxes?offset=1&cursor=x",
            {"cursor": ["cannot be combined with offset; a cursor goes on where its page ended"]},
        ),
    ],
)
def test_wrong_query_is_refused_by_name(api: ApiClient, url: str, details: dict[str, list[str]]) -> None:
    answer = api.call("GET", url)
    assert_error(answer, ErrorCode.VALIDATION_ERROR)
    assert answer.error["details"] == details


def test_problems_of_query_key_and_body_are_told_at_once(api: ApiClient) -> None:
    answer = api.call(
        "POST", "/inboxes?x=1", json_body={"prefix": 3, "html": ""}, headers={"Idempotency-Key": "not visible"}
    )
    assert answer.error["details"].keys() == {"x", "Idempotency-Key", "prefix", "html"}
    assert answer.error["message"].endswith("(and 3 more, see `details`)")


# -------------------------------------------------------------------------------------------------- totals


def test_every_error_code_has_a_status() -> None:
    assert set(STATUS) == set(ErrorCode)
