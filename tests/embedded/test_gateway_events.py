import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.gateway_events import CATCH_ALL, HttpRequest, Match, RouteTable, proxy_event

ROUTES = RouteTable(
    [
        ("/", ["GET"]),
        ("/inboxes", ["GET", "POST"]),
        ("/inboxes/{inbox_id}", ["GET", "DELETE"]),
        ("/inboxes/{inbox_id}/messages", ["POST"]),
        ("/inboxes/new", ["GET"]),
        ("/threads/{thread_id}/messages", ["GET"]),
        (CATCH_ALL, ["GET", "POST"]),
    ]
)


def make_request(
    target: str = "/", *, method: str = "GET", headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
) -> HttpRequest:
    return HttpRequest(method, target, headers, body, source_ip="127.0.0.1")


def event_of(request: HttpRequest, binary_types: tuple[str, ...] = ()) -> dict[str, object]:
    match = ROUTES.match(request.method, request.path)
    return proxy_event(request, match, request_id="r-1", binary_types=binary_types, now=1_700_000_000.5)


@pytest.mark.parametrize(
    ("method", "path", "match"),
    [
        ("GET", "/", Match("/", None)),
        ("POST", "/inboxes", Match("/inboxes", None)),
        ("GET", "/inboxes/", Match("/inboxes", None)),
        ("GET", "/inboxes/inb_1", Match("/inboxes/{inbox_id}", {"inbox_id": "inb_1"})),
        ("GET", "/inboxes/a%2Fb%20c", Match("/inboxes/{inbox_id}", {"inbox_id": "a%2Fb%20c"})),
        ("GET", "/inboxes/new", Match("/inboxes/new", None)),
        ("POST", "/inboxes/new/messages", Match("/inboxes/{inbox_id}/messages", {"inbox_id": "new"})),
        ("PATCH", "/inboxes/inb_1", Match(CATCH_ALL, {"proxy": "inboxes/inb_1"})),
        ("GET", "/nowhere/at/all", Match(CATCH_ALL, {"proxy": "nowhere/at/all"})),
        ("GET", "/inboxes//messages", Match(CATCH_ALL, {"proxy": "inboxes//messages"})),
        ("GET", "/threads/thr_1", Match(CATCH_ALL, {"proxy": "threads/thr_1"})),
    ],
)
def test_a_path_finds_its_resource_and_all_else_the_catch_all(method: str, path: str, match: Match) -> None:
    assert ROUTES.match(method, path) == match


@given(st.text(alphabet="abc/%{}. ", max_size=30))
def test_any_path_matches_something_and_its_variables_are_parts_of_it(path: str) -> None:
    match = ROUTES.match("GET", "/" + path)
    assert (
        match.resource in {"/", "/inboxes", "/inboxes/new", "/inboxes/{inbox_id}", CATCH_ALL} or "{" in match.resource
    )
    assert all(value in path for value in (match.path_parameters or {}).values())


def test_two_names_for_one_variable_are_refused_as_api_gateway_does() -> None:
    with pytest.raises(ValueError, match="one variable name"):
        RouteTable([("/a/{x}", ["GET"]), ("/a/{y}/b", ["GET"])])


def test_repeated_headers_and_query_parameters_are_all_kept_and_the_last_one_shown_alone() -> None:
    request = make_request(
        "/inboxes?status=sent&status=failed&empty=", headers=(("X-Tag", "one"), ("x-tag", "two"), ("Host", "h:1"))
    )
    event = event_of(request)
    assert event["multiValueHeaders"] == {"X-Tag": ["one", "two"], "Host": ["h:1"]}
    assert event["headers"] == {"X-Tag": "two", "Host": "h:1"}
    assert event["multiValueQueryStringParameters"] == {"status": ["sent", "failed"], "empty": [""]}
    assert event["queryStringParameters"] == {"status": "failed", "empty": ""}


def test_query_parameters_are_decoded_and_none_is_null() -> None:
    decoded = event_of(make_request("/inboxes?q=a%20b%2Bc&q=%C3%A4"))
    assert decoded["multiValueQueryStringParameters"] == {"q": ["a b+c", "ä"]}
    plain = event_of(make_request("/inboxes"))
    assert plain["queryStringParameters"] is None
    assert plain["multiValueQueryStringParameters"] is None


def test_a_binary_body_is_base64_whatever_the_parameters_of_its_media_type() -> None:
    body = bytes(range(256))
    request = make_request(
        "/inboxes", method="POST", body=body, headers=(("Content-Type", "Multipart/Form-Data; boundary=x"),)
    )
    event = event_of(request, binary_types=("multipart/form-data",))
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(str(event["body"])) == body


@given(st.text(min_size=1, max_size=100))
def test_any_other_body_is_text(body: str) -> None:
    event = event_of(make_request("/inboxes", method="POST", body=body.encode()))
    assert (event["body"], event["isBase64Encoded"]) == (body, False)


@given(st.binary(max_size=200))
def test_every_byte_of_a_body_arrives_in_an_event_that_json_can_hold(body: bytes) -> None:
    event = event_of(make_request("/inboxes", method="POST", body=body))
    text = str(event["body"] or "")
    assert (base64.b64decode(text) if event["isBase64Encoded"] else text.encode()) == body
    assert json.loads(json.dumps(event)) == event


def test_the_context_tells_who_asked_for_what_and_when() -> None:
    context = event_of(make_request("/inboxes/inb_1?x=1", headers=(("User-Agent", "curl/8"), ("Host", "h:1"))))[
        "requestContext"
    ]
    assert isinstance(context, dict)
    assert context["resourcePath"] == "/inboxes/{inbox_id}"
    assert context["path"] == "/inboxes/inb_1"
    assert context["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "curl/8"}
    assert (context["requestId"], context["requestTimeEpoch"]) == ("r-1", 1_700_000_000_500)
    assert context["requestTime"] == "14/Nov/2023:22:13:20 +0000"
