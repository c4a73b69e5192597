"""The SMTP door when the bucket, the topic, the table or a client fails."""

import smtplib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from embedded.smtp_inbound import SmtpDoor
from embedded.smtp_session import LARGE_BYTES
from tests.embedded.smtp_client import ANNA, MAIL, Client, Door, opened


@pytest.mark.parametrize("half_stores", [False, True])
def test_when_the_bucket_fails_the_client_keeps_its_mail_and_nothing_is_left(door: Door, *, half_stores: bool) -> None:
    door.bucket.failures, door.bucket.half_stores = 1, half_stores
    with door.client() as client:
        code, text = client.deliver(MAIL)
        assert (code, text[:6]) == (451, b"4.3.0 ")
        assert (door.bucket.objects, door.topic.notices) == ({}, [])
        client.command("DATA", 503)
        assert client.deliver(MAIL)[0] == 250

    assert (door.mails(), len(door.topic.notices)) == ([MAIL], 1)


def test_when_the_topic_fails_the_mail_is_removed_so_that_it_does_not_come_in_twice(door: Door) -> None:
    door.topic.failures = 1
    with door.client() as client:
        assert client.deliver(MAIL)[0] == 451
        assert door.bucket.objects == {}
        assert client.deliver(MAIL)[0] == 250

    assert (door.mails(), len(door.bucket.puts)) == ([MAIL], 2)


def test_when_even_the_clean_up_fails_the_answer_is_still_451(door: Door) -> None:
    door.topic.failures, door.bucket.keeps_everything = 1, True
    with door.client() as client:
        assert client.deliver(MAIL)[0] == 451


def test_when_a_recipient_cannot_be_looked_up_the_client_is_told_to_come_again(door: Door) -> None:
    door.mailboxes.failures = 1
    with door.client() as client:
        client.command("MAIL FROM:<carl@example.com>", 250)
        assert client.command(f"RCPT TO:<{ANNA}>", 451).startswith(b"4.3.0 ")
        client.command(f"RCPT TO:<{ANNA}>", 250)


def test_a_client_that_leaves_in_the_middle_of_a_mail_leaves_nothing_behind(door: Door) -> None:
    client = door.client()
    client.command("MAIL FROM:<carl@example.com>", 250)
    client.command(f"RCPT TO:<{ANNA}>", 250)
    client.command("DATA", 354)
    client.send(b"Subject: half a mail\r\n")
    client.close()
    with door.client() as other:
        assert other.deliver(MAIL)[0] == 250

    assert door.mails() == [MAIL]


def test_a_client_that_falls_silent_is_hung_up_on(door: Door) -> None:
    with opened(timeout=0.3) as hasty:
        for lines in ([], ["MAIL FROM:<carl@example.com>", f"RCPT TO:<{ANNA}>", "DATA"]):
            client = hasty.client()
            for line in lines:
                client.docmd(line)
            assert client.getreply()[0] == 421
            client.close()
    assert door.bucket.objects == {}


def test_a_slow_client_is_listened_to_as_long_as_it_goes_on() -> None:
    with opened(timeout=2) as door, door.client() as slow:
        for line in ("MAIL FROM:<carl@example.com>", f"RCPT TO:<{ANNA}>", "DATA"):
            slow.docmd(line)
        for _ in range(6):  # longer than the time-out in all
            time.sleep(0.5)
            slow.send(b"still here\r\n")
        slow.send(b".\r\n")
        assert slow.getreply()[0] == 250
        assert door.mails() == [b"still here\r\n" * 6]


def test_a_client_that_waits_while_its_mail_is_stored_is_not_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = threading.Event()
    with opened(timeout=0.3) as door:
        put = door.bucket.put
        monkeypatch.setattr(door.bucket, "put", lambda *arguments: stored.wait(1) or put(*arguments))
        with door.client() as client:
            assert client.deliver(MAIL)[0] == 250


def test_one_client_too_many_is_asked_to_come_later() -> None:
    with opened(max_connections=2) as door:
        with door.client(), door.client(), Client(timeout=20) as third:
            assert third.connect("127.0.0.1", door.port)[0] == 421
            third.close()
        until(lambda: can_deliver(door))
        assert door.mails() == [MAIL]


def test_large_mails_take_turns_so_that_memory_is_bounded() -> None:
    first, second = (letter * (2 * LARGE_BYTES) + b"\r\n" for letter in (b"1", b"2"))
    with opened(max_bytes=3 * LARGE_BYTES, max_large_mails=1) as door, door.client() as holder, door.client() as other:
        for line in ("MAIL FROM:<carl@example.com>", f"RCPT TO:<{ANNA}>", "DATA"):
            holder.docmd(line)
        holder.send(first[:-1000])
        until(served_by(door)._large_mails.locked)
        with door.client() as small:
            assert small.deliver(MAIL)[0] == 250
        waiting = threading.Thread(target=other.deliver, args=(second,))
        waiting.start()
        waiting.join(0.3)
        holder.send(first[-1000:] + b".\r\n")
        assert holder.getreply()[0] == 250
        waiting.join()

        assert door.mails() == [MAIL, first, second]


def test_stopping_waits_for_the_mail_that_is_just_being_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    storing, go_on = threading.Event(), threading.Event()
    replies: list[tuple[int, bytes]] = []
    with opened() as door:
        put = door.bucket.put

        def slow_put(*arguments: Any) -> None:
            storing.set()
            go_on.wait(20)
            put(*arguments)

        monkeypatch.setattr(door.bucket, "put", slow_put)
        client = door.client()
        sender = threading.Thread(target=lambda: replies.append(client.deliver(MAIL)))
        sender.start()
        storing.wait(20)
        threading.Timer(0.2, go_on.set).start()
    sender.join()
    assert [code for code, _ in replies] == [250]
    assert door.mails() == [MAIL]
    assert client.getreply()[0] == 421
    client.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", door.port)) != 0


def served_by(door: Door) -> SmtpDoor:
    assert door.served is not None
    return door.served


def can_deliver(door: Door) -> bool:
    try:
        with door.client() as client:
            return client.deliver(MAIL)[0] == 250
    except smtplib.SMTPConnectError:
        return False


def until(done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came to pass")
