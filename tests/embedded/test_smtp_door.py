import smtplib
import socket
from collections.abc import Iterator

import pytest

from embedded.smtp_door import SmtpDoor


@pytest.fixture
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    door = SmtpDoor(listener)
    door.start()
    yield listener.getsockname()[1]
    door.stop()


def test_it_greets_with_554_and_waits_for_quit(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        lines = connection.makefile("rb")
        assert lines.readline().startswith(b"554 5.3.2 ")
        connection.sendall(b"EHLO client.example\r\n")
        assert lines.readline().startswith(b"503 5.5.1 ")
        connection.sendall(b"quit\r\n")
        assert lines.readline().startswith(b"221 ")
        assert lines.readline() == b""
        lines.close()


def test_a_mail_client_understands_that_nothing_is_taken(port: int) -> None:
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        smtplib.SMTP("127.0.0.1", port, timeout=10)
    assert refused.value.smtp_code == 554


def test_a_stopped_door_is_closed(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    door = SmtpDoor(listener)
    door.start()
    door.stop()
    assert address[1] != port
    with socket.socket() as probe:
        assert probe.connect_ex(address) != 0
