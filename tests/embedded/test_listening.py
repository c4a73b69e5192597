import socket

import pytest

from embedded.listening import PortChoice, PortTaken, address_of, free_port, listen


@pytest.fixture
def taken() -> int:
    return free_port()


def test_a_free_port_is_taken_as_it_is_and_only_on_loopback(taken: int) -> None:
    listener, moved = listen(PortChoice("HTTP", taken, is_default=True))
    with listener:
        assert address_of(listener) == f"127.0.0.1:{taken}"
        assert moved is None


def test_a_default_port_that_is_taken_moves_on_and_says_so(taken: int) -> None:
    with socket.create_server(("127.0.0.1", taken)):
        listener, moved = listen(PortChoice("SMTP", taken, is_default=True))
        with listener:
            port = listener.getsockname()[1]
    assert taken < port <= taken + 50
    assert moved == f"SMTP port {taken} is taken; using {port}."


def test_a_port_that_was_asked_for_and_is_taken_is_refused_with_the_way_out(taken: int) -> None:
    with (
        socket.create_server(("127.0.0.1", taken)),
        pytest.raises(PortTaken, match=rf"HTTP port {taken} is taken.*--http-port 0"),
    ):
        listen(PortChoice("HTTP", taken, is_default=False))


def test_port_0_picks_a_free_one_each_time() -> None:
    choice = PortChoice("HTTP", 0, is_default=False)
    (one, said), (other, _) = listen(choice), listen(choice)
    with one, other:
        assert one.getsockname()[1] != other.getsockname()[1]
        assert said is None
