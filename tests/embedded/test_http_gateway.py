import base64
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from chalice.app import Chalice, Response

from embedded.http_gateway import MAX_EVENT_BYTES, MAX_REQUEST_BYTES, start_gateway
from embedded.listening import address_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def make_app() -> Chalice:
    app = Chalice("sample", configure_logs=False)
    app.api.binary_types = ["image/png"]
    meeting = threading.Barrier(8)

    @app.route("/meet/{name}")
    def meet(name: str) -> dict[str, str]:
        """Answers what the request says of itself, after eight requests have met in here."""
        meeting.wait(timeout=10)
        request = app.current_request
        assert request is not None
        return {
            "path": name,
            "query": request.to_original_event()["queryStringParameters"]["name"],
            "id": app.lambda_context.aws_request_id,
        }

    @app.route("/echo", methods=["POST"], content_types=["image/png", "application/json", "text/plain"])
    def echo() -> dict[str, object]:
        request = app.current_request
        assert request is not None
        event, raw = request.to_original_event(), request.raw_body
        assert isinstance(raw, bytes)
        return {"event": event, "body": base64.b64encode(raw).decode()}

    @app.route("/picture")
    def picture() -> Response:
        return Response(PNG, headers={"Content-Type": "image/png", "Set-Cookie": ["a=1", "b=2"]})

    @app.route("/large")
    def large() -> Response:
        return Response("x" * (MAX_EVENT_BYTES + 1), headers={"Content-Type": "text/plain"})

    @app.route("/things/{name}")
    def thing(name: str) -> dict[str, str]:
        request = app.current_request
        assert request is not None
        return {"name": name, "path": request.to_original_event()["path"]}

    @app.middleware("http")
    def unknown_paths(request: object, get_response: object) -> Response:
        response: Response = get_response(request)  # type: ignore[operator]
        if response.status_code == 405:
            return Response({"error": {"code": "NOT_FOUND"}}, status_code=404)
        return response

    @app.route("/broken")
    def broken() -> object:
        return Response({"not": object()})  # cannot be written as JSON: fails outside of every handler

    return app


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = start_gateway(make_app(), listener)
    yield address_of(listener)
    server.stop()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=20) as client:
        yield client


def raw_exchange(address: str, request: bytes) -> bytes:
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def test_eight_requests_at_once_each_see_their_own_request_and_context(address: str) -> None:
    def ask(number: int) -> dict[str, str]:
        answer = httpx.get(f"http://{address}/meet/n{number % 8}?name=n{number % 8}", trust_env=False, timeout=20)
        assert answer.status_code == 200
        body: dict[str, str] = answer.json()
        return body

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(40)))
    assert [(answer["path"], answer["query"]) for answer in answers] == [
        (f"n{number % 8}", f"n{number % 8}") for number in range(40)
    ]
    assert len({answer["id"] for answer in answers}) == 40


def test_a_binary_body_arrives_byte_for_byte(client: httpx.Client) -> None:
    answer = client.post("/echo", content=PNG, headers={"Content-Type": "image/png; q=1"}).json()
    assert base64.b64decode(answer["body"]) == PNG
    assert answer["event"]["isBase64Encoded"] is True


def test_repeated_header_lines_arrive_as_they_were_sent(address: str) -> None:
    request = (
        b"POST /echo?a=1&a=2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nX-Tag: one\r\nX-Tag: two, three\r\n"
        b"X-Forwarded-For: 10.0.0.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    )
    body = raw_exchange(address, request).partition(b"\r\n\r\n")[2]
    event = json.loads(body)["event"]
    assert event["multiValueHeaders"]["X-Tag"] == ["one", "two, three"]
    assert event["headers"]["X-Tag"] == "two, three"
    assert event["headers"]["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}


@pytest.mark.parametrize("target", [b"/things/a%2Fb%20c", b"http://x/things/a%2Fb%20c"])
def test_an_encoded_path_stays_encoded_also_in_a_whole_url(address: str, target: bytes) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = json.loads(raw_exchange(address, request).partition(b"\r\n\r\n")[2])
    assert answer == {"name": "a%2Fb%20c", "path": "/things/a%2Fb%20c"}


def test_base64_is_taken_off_by_the_first_type_that_the_client_accepts(client: httpx.Client) -> None:
    assert client.get("/picture", headers={"Accept": "image/png;q=1, text/html"}).content == PNG
    assert client.get("/picture", headers={"Accept": "text/html, image/png"}).content == base64.b64encode(PNG)


def test_a_binary_answer_and_repeated_headers_leave_as_they_are(client: httpx.Client) -> None:
    answer = client.get("/picture", headers={"Accept": "image/png"})
    assert answer.content == PNG
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_head_gets_the_headers_of_an_answer_without_its_body(client: httpx.Client) -> None:
    answer = client.head("/picture")
    assert (answer.status_code, answer.content) == (404, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(("size", "limit"), [(MAX_REQUEST_BYTES + 1, "10 MB"), (MAX_EVENT_BYTES + 1, "6 MB")])
def test_an_over_sized_body_is_refused_in_the_contracts_shape(client: httpx.Client, size: int, limit: str) -> None:
    answer = client.post("/echo", content=b"x" * size, headers={"Content-Type": "text/plain"})
    error = answer.json()["error"]
    assert answer.status_code == error["status"] == 413
    assert error["code"] == "PAYLOAD_TOO_LARGE"
    assert limit in error["message"]
    assert error["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(("path", "words"), [("/large", "6 MB"), ("/broken", "without an answer")])
def test_an_answer_that_lambda_could_not_give_becomes_502(client: httpx.Client, path: str, words: str) -> None:
    answer = client.get(path)
    error = answer.json()["error"]
    assert answer.status_code == error["status"] == 502
    assert words in error["message"]
    assert error.keys() == {"code", "status", "message", "fix", "requestId", "retryable"}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 11_000 + b"\r\n\r\n", 431),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"not http at all\r\n\r\n", 400),
    ],
)
def test_what_is_not_proper_http_is_answered_in_the_contracts_shape(
    address: str, request_bytes: bytes, status: int
) -> None:
    head, _, body = raw_exchange(address, request_bytes).partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert head.split(b" ")[1] == str(status).encode()
    assert error["status"] == status
    assert error["requestId"].encode() in head


def test_a_body_far_too_large_is_answered_like_one_a_little_too_large(address: str) -> None:
    answer = raw_exchange(address, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["code"] == "PAYLOAD_TOO_LARGE"
    assert "POST /attachments/uploads" in error["fix"]


def test_a_stopping_server_answers_what_it_has_begun_and_takes_nothing_new() -> None:
    begun, may_end = threading.Event(), threading.Event()
    app = Chalice("slow", configure_logs=False)

    @app.route("/slow")
    def slow() -> dict[str, bool]:
        begun.set()
        may_end.wait(timeout=10)
        return {"done": True}

    listener = socket.create_server(("127.0.0.1", 0))
    address = address_of(listener)
    server = start_gateway(app, listener)
    with ThreadPoolExecutor(2) as threads:
        answer = threads.submit(httpx.get, f"http://{address}/slow", trust_env=False, timeout=10)
        assert begun.wait(timeout=10)
        stopping = threads.submit(server.stop)
        may_end.set()
        stopping.result(timeout=10)
        assert answer.result(timeout=10).json() == {"done": True}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{address}/slow", trust_env=False)
