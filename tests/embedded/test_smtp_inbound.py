"""What the SMTP door offers and takes."""

import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embedded.smtp_client import ANNA, BERT, LIMIT, MAIL, Door


def test_it_offers_what_mail_servers_use_and_no_sign_in(door: Door) -> None:
    with door.client() as client:
        assert set(client.esmtp_features) == {"size", "8bitmime", "smtputf8", "pipelining"}
        assert client.esmtp_features["size"] == str(LIMIT)
        client.command("AUTH PLAIN AGEAYg==", 502)


def test_a_mail_is_stored_and_announced_when_it_is_answered_with_250(door: Door) -> None:
    with door.client() as client:
        code, text = client.deliver(MAIL)

    assert (code, door.mails()) == (250, [MAIL])
    [notice] = door.topic.notices
    key = notice["receipt"]["action"]["objectKey"]
    assert list(door.bucket.objects) == [key]
    assert text.decode().endswith(notice["mail"]["messageId"])
    assert key == f"inbound/{notice['mail']['messageId']}"
    assert notice["mail"]["source"] == "carl@example.com"
    assert notice["receipt"]["recipients"] == [ANNA]


def test_a_mail_to_several_is_one_object_and_one_notice_and_shows_nobody_the_others(door: Door) -> None:
    with door.client() as client:
        assert client.deliver(MAIL, ANNA, BERT, ANNA)[0] == 250

    [notice] = door.topic.notices
    [(stored, _)] = door.bucket.objects.values()
    assert notice["receipt"]["recipients"] == [ANNA, BERT]
    assert b"anna" not in stored
    assert b"bert" not in stored


def test_the_trace_fields_say_who_sent_it_and_to_whom(door: Door) -> None:
    with door.client() as client:
        client.deliver(MAIL, "anna+tag@agents.test")

    [(stored, _)] = door.bucket.objects.values()
    first, second, third, fourth, *_ = stored.decode().split("\r\n")
    assert first == "Return-Path: <carl@example.com>"
    assert second == "Received: from mail.example (mail.example [127.0.0.1])"
    assert third.startswith(" by inbound-smtp.us-east-1.amazonaws.com with SMTP id ")
    assert fourth == " for anna+tag@agents.test;"


def test_what_a_client_says_of_itself_cannot_write_fields(door: Door) -> None:
    with door.client() as client:
        client.send(b"EHLO evil\rBcc: x@example.com\r\n")
        assert client.getreply()[0] == 250
        client.send(b"MAIL FROM:<\xff\xe9@example.com>\r\n")
        assert client.getreply()[0] == 250
        client.command(f"RCPT TO:<{ANNA}>", 250)
        client.command("DATA", 354)
        client.send(MAIL + b".\r\n")
        assert client.getreply()[0] == 250

    [(stored, _)] = door.bucket.objects.values()
    header = stored.partition(b"\r\n\r\n")[0]
    assert b"\r" not in header.replace(b"\r\n", b"")
    assert b"Bcc: x" not in header


def test_a_null_return_path_is_taken(door: Door) -> None:
    with door.client() as client:
        assert client.deliver(MAIL, mail_from="")[0] == 250

    assert door.topic.notices[0]["mail"]["source"] == "<>"
    [(stored, _)] = door.bucket.objects.values()
    assert stored.startswith(b"Return-Path: <>\r\n")


def test_addresses_in_any_language_are_taken(door: Door) -> None:
    door.mailboxes.addresses.add("дом@agents.test")
    with door.client() as client:
        client.command_encoding = "utf-8"
        client.command("MAIL FROM:<müller@example.com> BODY=8BITMIME SMTPUTF8 SIZE=100", 250)
        client.command("RCPT TO:<дом@agents.test>", 250)
        client.command("DATA", 354)
        client.send("Subject: Grüße\r\n\r\nдом\r\n.\r\n".encode())
        assert client.getreply()[0] == 250

    assert door.topic.notices[0]["mail"]["source"] == "müller@example.com"
    assert door.topic.notices[0]["receipt"]["recipients"] == ["дом@agents.test"]
    assert door.mails() == ["Subject: Grüße\r\n\r\nдом\r\n".encode()]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"\r\n\r\nonly a body\r\n",
        b".\r\n..\r\n.x\r\n\r\n.\r\n",
        b"Subject: x\r\n\r\n" + b"a line of 5,000 " * 400 + b"\r\n",
        b"a: b\n\nbare\n.\nline feeds\n.\r\r\n\r.\r\r\n",
        b"\x00\xff\xfe 8 bit \x80\r\n",
        bytes(range(256)) * 300 + b"\r\n",
        b"\r\n" * 50_000,
        b"..\r\n" * 49_000,
        b"x" * (LIMIT - 2) + b"\r\n",
        b".\r\n" * (LIMIT // 3),
    ],
    ids=lambda raw: f"{len(raw)} bytes of {raw[:8]!r}",
)
def test_the_bytes_of_a_mail_stay_as_they_came(door: Door, raw: bytes) -> None:
    with door.client() as client:
        assert client.deliver(raw)[0] == 250
        assert client.deliver(MAIL)[0] == 250

    assert door.mails() == [raw, MAIL]


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7, 11])
def test_however_a_mail_is_cut_into_packets_it_ends_where_it_ends(door: Door, cut: int) -> None:
    raw = b"a\r\n.\r.\n\r\n..\r\n\r\n."[:-1] + b"\r\n"
    wire = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
    with door.client() as client:
        assert client.sock is not None
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.command("MAIL FROM:<carl@example.com>", 250)
        client.command(f"RCPT TO:<{ANNA}>", 250)
        client.command("DATA", 354)
        for start in range(0, len(wire), cut):
            client.send(wire[start : start + cut])
        assert client.getreply()[0] == 250

    assert door.mails() == [raw]


def test_any_mail_in_any_packets_comes_through_unchanged(door: Door) -> None:
    pieces = st.sampled_from(
        [b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"\r\n.\r", b"\n.\n", b"x", b"\x00\xff", b"y" * 300]
    )

    with door.client() as client:
        assert client.sock is not None
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        @given(st.lists(pieces, max_size=30), st.lists(st.integers(1, 20), max_size=5))
        @settings(max_examples=150, deadline=None)
        def comes_through(mail: list[bytes], cuts: list[int]) -> None:
            door.bucket.objects.clear()
            raw = b"".join(mail) + b"\r\n"
            assert client.deliver(raw, cuts=cuts)[0] == 250
            assert door.mails() == [raw]

        comes_through()


def test_commands_may_come_all_at_once(door: Door) -> None:
    group = f"MAIL FROM:<a@example.com>\r\nRCPT TO:<{ANNA}>\r\nRCPT TO:<nobody@agents.test>\r\nDATA\r\n"
    with door.client() as client:
        client.send(group)
        assert [client.getreply()[0] for _ in range(4)] == [250, 250, 550, 354]
        client.send(b"one\r\n.\r\n" + f"MAIL FROM:<b@example.com>\r\nRCPT TO:<{BERT}>\r\nDATA\r\n".encode())
        assert [client.getreply()[0] for _ in range(4)] == [250, 250, 250, 354]
        client.send(b"two\r\n.\r\nNOOP\r\nQUIT\r\n")
        assert [client.getreply()[0] for _ in range(3)] == [250, 250, 221]

    assert door.mails() == [b"one\r\n", b"two\r\n"]
    assert [notice["receipt"]["recipients"] for notice in door.topic.notices] == [[ANNA], [BERT]]


def test_many_clients_at_once_are_all_served(door: Door) -> None:
    def deliver(number: int) -> None:
        with door.client() as client:
            for turn in range(5):
                assert client.deliver(b"%d %d\r\n" % (number, turn))[0] == 250

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(door.mails()) == sorted(b"%d %d\r\n" % (n, turn) for n in range(20) for turn in range(5))
    assert len({notice["mail"]["messageId"] for notice in door.topic.notices}) == 100
