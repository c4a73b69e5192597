import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.smtp_inbound import SmtpDoor
from embedded.smtp_session import LARGE_BYTES
from embedded.smtp_tls import TlsFilesUnusable, read_tls
from tests.embedded.inbound_fakes import FakeBucket, FakeMailboxes, FakeTopic, inbound_over

ANNA, BERT = "anna@agents.test", "bert@agents.test"
MAIL = b"From: Carl <carl@example.com>\r\nSubject: Hi\r\n\r\nText\r\n"
LIMIT = 200_000


class Client(smtplib.SMTP):
    """Sends a mail's bytes as RFC 5321 says, touching nothing else: smtplib itself mends line ends."""

    def deliver(
        self, raw: bytes, *to: str, mail_from: str = "carl@example.com", cuts: Sequence[int] = ()
    ) -> tuple[int, bytes]:
        self.command(f"MAIL FROM:<{mail_from}>", 250)
        for address in to or (ANNA,):
            self.command(f"RCPT TO:<{address}>", 250)
        self.command("DATA", 354)
        wire = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
        for cut in cuts:
            self.send(wire[:cut])
            wire = wire[cut:]
        self.send(wire)
        return self.getreply()

    def command(self, line: str, code: int) -> bytes:
        got, text = self.docmd(line)
        assert got == code, (line, got, text)
        return text


@dataclass
class Door:
    """A door with stand-ins behind it."""

    port: int
    bucket: FakeBucket = field(default_factory=FakeBucket)
    topic: FakeTopic = field(default_factory=FakeTopic)
    mailboxes: FakeMailboxes = field(default_factory=lambda: FakeMailboxes({ANNA, BERT, "anna+tag@agents.test"}))

    served: SmtpDoor | None = None

    def client(self) -> Client:
        client = Client("127.0.0.1", self.port, timeout=20)
        client.ehlo("mail.example")
        return client

    def mails(self) -> list[bytes]:
        """What came in, without the fields that were put on top."""
        return [without_trace(data) for data, _ in self.bucket.objects.values()]


def without_trace(stored: bytes) -> bytes:
    lines = stored.split(b"\r\n")
    assert lines[0].startswith(b"Return-Path: <")
    assert lines[1].startswith(b"Received: from ")
    length = next(number for number, line in enumerate(lines) if line.endswith(b"+0000 (UTC)"))
    return b"\r\n".join(lines[length + 1 :])


@contextmanager
def opened(*, max_bytes: int = LIMIT, **options: Any) -> Iterator[Door]:
    listener = socket.create_server(("127.0.0.1", 0))
    door = Door(listener.getsockname()[1])
    served = SmtpDoor(
        listener,
        door.mailboxes,
        inbound_over(door.bucket, door.topic),
        hostname="agents.test",
        max_bytes=max_bytes,
        **options,
    )
    door.served = served
    served.start()
    try:
        yield door
    finally:
        served.stop()


@pytest.fixture
def door() -> Iterator[Door]:
    with opened() as door:
        yield door


# ---------------------------------------------------------------------------------------- what is offered and taken


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


# ---------------------------------------------------------------------------------------------------- what is refused


def test_an_unknown_recipient_is_refused_and_the_others_get_their_mail(door: Door) -> None:
    with door.client() as client:
        client.command("MAIL FROM:<carl@example.com>", 250)
        assert client.command("RCPT TO:<nobody@agents.test>", 550).startswith(b"5.1.1 ")
        client.command("RCPT TO:<carl@example.com>", 550)
        client.command("RCPT TO:<>", 550)
        client.command("DATA", 503)
        client.command(f"RCPT TO:<{ANNA}>", 250)
        client.command("DATA", 354)
        client.send(MAIL + b".\r\n")
        assert client.getreply()[0] == 250

    assert door.topic.notices[0]["receipt"]["recipients"] == [ANNA]


def test_an_encoded_word_is_not_taken_apart_into_somebody_elses_address(door: Door) -> None:
    with door.client() as client:
        client.command("MAIL FROM:<carl@example.com>", 250)
        client.command("RCPT TO:<=?utf-8?q?anna?=@agents.test>", 550)


def test_a_mail_that_announces_too_large_a_size_is_refused_before_it_is_sent(door: Door) -> None:
    with door.client() as client:
        assert client.command(f"MAIL FROM:<carl@example.com> SIZE={LIMIT + 1}", 552).startswith(b"5.3.4 ")
        client.command(f"MAIL FROM:<carl@example.com> SIZE={LIMIT}", 250)


def test_a_mail_that_turns_out_too_large_is_refused_at_its_end_and_the_next_one_is_taken(door: Door) -> None:
    with door.client() as client:
        for size in (LIMIT + 1, 5 * LIMIT):
            code, text = client.deliver(b"x" * (size - 2) + b"\r\n")
            assert (code, text[:6]) == (552, b"5.3.4 ")
        assert client.deliver(MAIL)[0] == 250

    assert door.mails() == [MAIL]


def test_recipients_that_find_no_room_are_put_off_and_the_mail_goes_to_the_others(door: Door) -> None:
    names = [f"inbox-{number:0100}@agents.test" for number in range(40)]
    door.mailboxes.addresses |= set(names)
    with door.client() as client:
        client.command("MAIL FROM:<carl@example.com>", 250)
        codes = [client.docmd(f"RCPT TO:<{name}>")[0] for name in names]
        client.command("DATA", 354)
        client.send(MAIL + b".\r\n")
        assert client.getreply()[0] == 250

    taken = codes.index(452)
    assert codes == [250] * taken + [452] * (len(names) - taken)
    assert door.topic.notices[0]["receipt"]["recipients"] == names[:taken]
    [(_, metadata)] = door.bucket.objects.values()
    assert names[taken - 1] in metadata["receipt"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MAIL FROM:<", 553),
        ("MAIL FROM:carl", 553),
        ("MAIL FROM:<a b@example.com>", 553),
        (f"MAIL FROM:<{'a' * 300}@example.com>", 501),
        ("MAIL FROM:<a@example.com> SIZE=many", 501),
        ("MAIL FROM:<a@example.com> RET=HDRS", 555),
        ("RCPT TO:<anna@agents.test>", 503),
        ("DATA", 503),
        ("DATA now", 501),
        ("VRFY anna", 252),
        ("NONSENSE", 500),
        ("NOOP " + "x" * 5_000, 500),
    ],
)
def test_a_line_that_makes_no_sense_is_answered_and_the_dialogue_goes_on(door: Door, line: str, code: int) -> None:
    with door.client() as client:
        client.command(line, code)
        assert client.deliver(MAIL)[0] == 250


# ---------------------------------------------------------------------------------------------- when something fails


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


# ------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signed itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return certificate_file, key_file


def test_with_a_certificate_mail_can_come_encrypted(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with opened(tls=read_tls(*certificate)) as door:
        client = Client("localhost", door.port, timeout=20)
        client.ehlo("mail.example")
        assert client.has_extn("starttls")
        client.starttls(context=trusting)
        client.ehlo("mail.example")
        assert not client.has_extn("starttls")
        assert not client.has_extn("auth")
        raw = b"x" * 150_000 + b"\r\n.\r\n"
        assert client.deliver(raw)[0] == 250
        client.quit()
        with door.client() as plain:
            assert plain.deliver(MAIL)[0] == 250
    assert door.mails() == [raw, MAIL]


def test_commands_sent_before_the_encryption_are_not_obeyed_after_it(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with opened(tls=read_tls(*certificate)) as door:
        client = Client("localhost", door.port, timeout=20)
        client.ehlo("mail.example")
        client.send(f"STARTTLS\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<{ANNA}>\r\n")
        assert client.getreply()[0] == 220
        assert client.sock is not None
        client.sock = trusting.wrap_socket(client.sock, server_hostname="localhost")
        client.file = None
        client.ehlo("mail.example")
        client.command("RCPT TO:<anna@agents.test>", 503)
        client.quit()


def test_a_client_that_fails_at_the_encryption_harms_nobody(certificate: tuple[Path, Path]) -> None:
    with opened(tls=read_tls(*certificate)) as door:
        client = door.client()
        with pytest.raises(ssl.SSLError):
            client.starttls(context=ssl.create_default_context())
        client.close()
        with door.client() as other:
            assert other.deliver(MAIL)[0] == 250


def test_a_certificate_that_cannot_be_used_is_told_in_a_sentence(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    locked = tmp_path / "locked.pem"
    key = serialization.load_pem_private_key(certificate[1].read_bytes(), None)
    pkcs8, passphrase = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, passphrase))
    absent = tmp_path / "absent.pem"
    for files in ((absent, None), (certificate[0], absent), (certificate[0], locked), certificate[::-1]):
        with pytest.raises(TlsFilesUnusable, match=r"--smtp-cert .* cannot be used"):
            read_tls(*files)


def test_without_a_certificate_encryption_is_not_offered(door: Door) -> None:
    with door.client() as client:
        assert not client.has_extn("starttls")
        client.command("STARTTLS", 454)
