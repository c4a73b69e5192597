"""What an endpoint's answer is taken for, and that nobody can hold a worker longer than the time an attempt has."""

import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPMessage, HTTPResponse
from ipaddress import ip_address
from pathlib import Path
from socket import create_connection, socket, socketpair
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.public_address import Address
from chalicelib.providers.lookups import OF_NAME, OF_UNKNOWN, Lookups
from chalicelib.providers.webhook_client import ANSWER_LIMIT, HttpsWebhookClient, _retry_after
from tests.providers.listener import FINE, NAME, Listener, listening, make_certificate

URL = f"https://{NAME}/hooks/mail?to=me"
PUBLIC = ip_address("93.184.216.34")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def names(_host: str, _port: int) -> Sequence[Address]:
    return [PUBLIC]


def local(listener: Listener, seconds: float = 5) -> tuple[HttpsWebhookClient, str]:
    return HttpsWebhookClient(loopback=True, seconds=seconds), f"http://127.0.0.1:{listener.port}/"


def test_the_judged_address_is_called_under_the_hosts_name(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = contexts
    with listening(context=server) as listener:
        client = HttpsWebhookClient(resolver=names, context=trusting, connect=listener.connect)
        answer = client.post(URL, {"X-AgentSend-Event": "message.sent"}, b'{"a":1}')

    assert (answer.status_code, answer.text, answer.error) == (200, "ok", None)
    assert listener.asked == [("93.184.216.34", 443)]
    assert listener.names == [NAME]
    head, _, body = listener.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hooks/mail?to=me HTTP/1.1"
    assert {f"Host: {NAME}", "Content-Length: 7", "X-AgentSend-Event: message.sent"} <= set(lines)
    assert body == b'{"a":1}'


def test_a_certificate_of_another_name_gets_no_word(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], tmp_path: Path
) -> None:
    server, trusting = make_certificate(tmp_path, "other.example.com")
    for context in (trusting, contexts[1]):  # a trusted one of another name; one nobody knows
        with listening(context=server) as listener:
            client = HttpsWebhookClient(resolver=names, context=context, connect=listener.connect)
            answer = client.post(URL, {}, b"secret")
        assert (answer.error or "").startswith("TLS failed")
        assert listener.requests == []


def test_a_byte_now_and_then_does_not_prolong_an_attempt() -> None:
    stop = Event()

    def drip(connection: socket) -> None:
        while not stop.wait(0.05):
            connection.sendall(b"H")

    with listening(drip) as listener:
        client, url = local(listener, seconds=0.5)
        answer = client.post(url, {}, b"{}")
        stop.set()

    assert (answer.status_code, answer.timed_out) == (None, True)


def test_a_handshake_that_drips_does_not_prolong_an_attempt(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    stop = Event()

    def drip(connection: socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")  # the head of a record of 16 KB, whose octets come one by one
        while not stop.wait(0.05):
            connection.sendall(b"\x02")

    with listening(drip) as listener:
        client = HttpsWebhookClient(resolver=names, context=contexts[1], connect=listener.connect, seconds=0.5)
        answer = client.post(URL, {}, b"{}")
        stop.set()
    assert answer.timed_out


def test_a_body_that_drips_does_not_undo_a_success() -> None:
    stop = Event()

    def drip(connection: socket) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.05):
            connection.sendall(b"x")

    with listening(drip) as listener:
        client, url = local(listener, seconds=0.5)
        answer = client.post(url, {}, b"{}")
        stop.set()

    assert answer.is_success


def test_a_handshake_that_never_ends_ends_the_attempt(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    stop = Event()

    def silent(_: socket) -> None:
        stop.wait(5)

    with listening(silent) as listener:  # it speaks no TLS and says nothing
        client = HttpsWebhookClient(resolver=names, context=contexts[1], connect=listener.connect, seconds=0.3)
        answer = client.post(URL, {}, b"{}")
        stop.set()

    assert answer.timed_out


def test_a_name_server_that_never_answers_ends_the_attempt() -> None:
    stop = Event()

    def hanging(_host: str, _port: int) -> Sequence[Address]:
        stop.wait(5)
        return [PUBLIC]

    answer = HttpsWebhookClient(resolver=hanging, seconds=0.2).post(URL, {}, b"{}")
    stop.set()

    assert answer.timed_out


class Counting(socket):
    """Counts what is read from it."""

    read: list[int]

    @classmethod
    def connected(cls, address: tuple[str, int], timeout: float, read: list[int]) -> "Counting":
        plain = create_connection(address, timeout=timeout)
        made = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        made.read = read
        return made

    def recv_into(self, buffer: Any, *more: Any) -> int:
        self.read.append(super().recv_into(buffer, *more))
        return self.read[-1]


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "again", "is_answer"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1_000, True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3e8\r\n" + b"x" * 1_000 + b"\r\n", True),
        (b"", CONTINUE * 40, False),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 25, False),
        (b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 30_000 + b"\r\n", False),
    ],
)
def test_no_more_than_64_kb_of_an_answer_are_read(head: bytes, again: bytes, *, is_answer: bool) -> None:
    def endless(connection: socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(again)

    read: list[int] = []
    with listening(endless) as listener:
        client, url = local(listener)
        client = replace(client, connect=partial(Counting.connected, read=read))
        answer = client.post(url, {}, b"{}")

    assert sum(read) <= ANSWER_LIMIT
    assert answer.is_success == is_answer
    assert answer.text == ("x" * 1_024 if is_answer else "")


def test_early_hints_are_passed_by_and_the_answer_behind_them_counts() -> None:
    early = CONTINUE + b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with listening(early + b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok") as listener:
        client, url = local(listener)
        answer = client.post(url, {}, b"{}")

    assert (answer.status_code, answer.text) == (201, "ok")


def test_a_host_whose_first_address_is_a_black_hole_is_reached_at_the_next() -> None:
    tried: list[str] = []
    others = [ip_address(f"93.184.216.{number}") for number in range(1, 9)]

    def connect(address: tuple[str, int], timeout: float) -> socket:
        tried.append(address[0])
        if len(tried) == 1:
            raise TimeoutError  # after its share of the time
        raise ConnectionRefusedError(111, "Connection refused")

    client = HttpsWebhookClient(resolver=lambda _, __: others, connect=connect)
    answer = client.post(URL, {}, b"{}")

    assert tried == ["93.184.216.1", "93.184.216.2", "93.184.216.3"]  # and not one after the other of a whole network
    assert answer.error == "No answer: Connection refused."


# -------------------------------------------------------------------------------------------- looking up names


class Names:
    """A resolver some of whose name servers never answer."""

    def __init__(self) -> None:
        self.hanging: set[str] = set()
        self.stop = Event()

    def __call__(self, host: str, _port: int) -> Sequence[Address]:
        if host in self.hanging:
            self.stop.wait(30)
        return [PUBLIC]


def test_name_servers_that_never_answer_hold_up_neither_names_that_were_found_nor_more_than_three_of_a_name() -> None:
    names, lookups = Names(), Lookups()
    names.hanging = {f"h{number}.example.com" for number in range(OF_UNKNOWN)}
    assert lookups(names, "known.example.com", 443, 5) == [PUBLIC]
    for host in sorted(names.hanging):
        with pytest.raises(TimeoutError):
            lookups(names, host, 443, 0.001)

    with pytest.raises(Unavailable):
        lookups(names, "new.example.com", 443, 5)
    assert lookups(names, "known.example.com", 443, 5) == [PUBLIC]

    names.hanging.add("known.example.com")
    with pytest.raises(TimeoutError):
        lookups(names, "known.example.com", 443, 0.001)
    with pytest.raises(Unavailable):  # it waits with the others now
        lookups(names, "known.example.com", 443, 5)
    names.stop.set()


def test_one_name_takes_three_threads_at_most_and_gives_them_back() -> None:
    names, lookups = Names(), Lookups()
    names.hanging = {"h.example.com"}
    for _ in range(OF_NAME):
        with pytest.raises(TimeoutError):
            lookups(names, "h.example.com", 443, 0.001)
    with pytest.raises(Unavailable):
        lookups(names, "h.example.com", 443, 0.001)
    assert lookups(names, "other.example.com", 443, 5) == [PUBLIC]

    names.stop.set()
    while lookups.under_way("h.example.com"):
        pass
    assert lookups(names, "h.example.com", 443, 5) == [PUBLIC]


def test_want_of_threads_is_no_failure_of_the_endpoint() -> None:
    class Full(Lookups):
        def __call__(self, *_: Any) -> Sequence[Address]:
            raise Unavailable("Too many.")

    client = HttpsWebhookClient(lookups=Full())
    with pytest.raises(Unavailable):
        client.post(URL, {}, b"{}")
    with pytest.raises(Unavailable):
        client.check(URL)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe garbage",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"",
    ],
)
def test_garbage_is_a_failure_with_a_reason(garbage: bytes) -> None:
    with listening(garbage) as listener:
        client, url = local(listener)
        answer = client.post(url, {}, b"{}")

    assert not answer.is_success
    assert answer.error


def test_what_an_answer_says_is_kept_as_text_whatever_its_bytes() -> None:
    with listening(b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\na\xff\x00b\xc3") as listener:
        client, url = local(listener)
        answer = client.post(url, {}, b"{}")

    assert (answer.status_code, answer.text, answer.is_success) == (500, "a��b�", False)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("120", timedelta(seconds=120)), ("soon", None), ("-5", None), ("Wed, 01 Jan 2020 00:00:00 GMT", timedelta())],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str, wanted: timedelta | None) -> None:
    with listening(f"HTTP/1.1 503 Busy\r\nRetry-After: {header}\r\nContent-Length: 0\r\n\r\n".encode()) as listener:
        client, url = local(listener)
        answer = client.post(url, {}, b"{}")

    assert answer.retry_after == wanted


DATES = st.builds(
    "Mon, {} Jan {} 00:00:{} {}{}".format,
    st.integers(-9, 10**20),
    st.integers(-9, 10**20),
    st.integers(0, 10**12),
    st.sampled_from("+- "),
    st.integers(0, 10**20),
)


@given(header=st.one_of(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60), DATES))
def test_whatever_the_header_says_it_is_a_time_or_nothing(header: str) -> None:
    ours, theirs = socketpair()
    with ours, theirs:
        response = HTTPResponse(ours)
    response.headers = HTTPMessage()
    response.headers["Retry-After"] = header

    found = _retry_after(response, datetime(2026, 1, 1, tzinfo=UTC))

    assert found is None or found >= timedelta()


def test_a_success_is_not_asked_when_to_come_again() -> None:
    with listening(b"HTTP/1.1 200 OK\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n") as listener:
        client, url = local(listener)
        answer = client.post(url, {}, b"{}")

    assert (answer.is_success, answer.retry_after) == (True, None)


def test_a_date_to_come_again_at_counts_from_the_clock_it_was_given() -> None:
    header = b"HTTP/1.1 503 Busy\r\nRetry-After: Wed, 01 Jan 2020 00:01:30 GMT\r\nContent-Length: 0\r\n\r\n"
    with listening(header) as listener:
        client, url = local(listener)
        answer = replace(client, now=lambda: datetime(2020, 1, 1, tzinfo=UTC)).post(url, {}, b"{}")

    assert answer.retry_after == timedelta(seconds=90)


def test_an_address_that_takes_no_connection_leaves_the_next_one_its_turn() -> None:
    with listening(FINE) as listener:

        def connect(address: tuple[str, int], timeout: float) -> socket:
            if address[0] == "::1":
                raise ConnectionRefusedError(111, "Connection refused")
            return listener.connect(address, timeout)

        client = HttpsWebhookClient(
            loopback=True, resolver=lambda *_: [ip_address("::1"), ip_address("127.0.0.1")], connect=connect
        )
        answer = client.post(f"http://localhost:{listener.port}/", {}, b"{}")

    assert answer.is_success


def test_an_endpoint_that_is_not_there_is_a_failure_with_a_reason() -> None:
    with listening() as listener:
        client, url = local(listener)
    answer = client.post(url, {}, b"{}")

    assert answer.error == "No answer: Connection refused."
    assert not answer.timed_out
