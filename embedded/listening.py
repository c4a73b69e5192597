"""Listening sockets on the loopback interface: the port asked for, the next free one, or any."""

import errno
import socket
from dataclasses import dataclass

from embedded.errors import CannotRun

LOOPBACK = "127.0.0.1"
_TRIES = 50


class PortTaken(CannotRun):
    """Someone else listens there; the message says so and what to do."""


@dataclass(frozen=True, slots=True)
class PortChoice:
    """A port for one door: 0 is any free one; a default that is taken moves on to the next free one."""

    door: str  # HTTP, SMTP
    port: int
    is_default: bool


def listen(choice: PortChoice) -> tuple[socket.socket, str | None]:
    """A bound, listening socket, and what to say aloud when its port is not the usual one. Raises `PortTaken`."""
    last = min(choice.port + _TRIES, 65535) if choice.is_default else choice.port
    for port in range(choice.port, last + 1):
        try:
            listener = socket.create_server((LOOPBACK, port), backlog=1024)
        except OSError as error:
            if error.errno == errno.EACCES:
                raise PortTaken(
                    f"The {choice.door} port {port} is not allowed to this user; take one above 1023."
                ) from error
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        moved = f"{choice.door} port {choice.port} is taken; using {port}." if port != choice.port else None
        return listener, moved if choice.port else None
    flag = f"--{choice.door.lower()}-port"
    raise PortTaken(f"The {choice.door} port {choice.port} is taken. Give another one, or {flag} 0 for any free one.")


def free_port() -> int:
    """A port nobody listens on just now, for programs that cannot be handed a socket."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def address_of(listener: socket.socket) -> str:
    """`127.0.0.1:8025`"""
    host, port = listener.getsockname()[:2]
    return f"{host}:{port}"
