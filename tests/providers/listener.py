"""A server on this machine that every connection lands at, wherever it was going to; it answers as a test says."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "hooks.example.com"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Listener:
    """`asked` holds what each connection was for, `requests` the bytes that came, `names` the SNI of each."""

    answer: Callable[[socket.socket], None]
    context: ssl.SSLContext | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    port: int = 0

    def connect(self, address: tuple[str, int], timeout: float) -> socket.socket:
        """In place of the network: whatever is called, it is this listener that hears it."""
        self.asked.append(address)
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError, ssl.SSLError), self._opened(connection) as opened:
                self.requests.append(_read(opened))
                self.answer(opened)

    def _opened(self, connection: socket.socket) -> socket.socket:
        connection.settimeout(5)
        return self.context.wrap_socket(connection, server_side=True) if self.context else connection

    def note_name(self, _socket: Any, name: str | None, _context: Any) -> None:
        self.names.append(name)


@contextmanager
def listening(
    answer: Callable[[socket.socket], None] | bytes = FINE, context: ssl.SSLContext | None = None
) -> Iterator[Listener]:
    said = answer if callable(answer) else lambda connection: connection.sendall(answer)
    listener = Listener(said, context)
    if context is not None:
        context.sni_callback = listener.note_name
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener.port = server.getsockname()[1]
        thread = threading.Thread(target=listener.serve, args=(server,), daemon=True)
        thread.start()
        yield listener
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def make_certificate(folder: Path, name: str = NAME) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of this name shows, and what a client that trusts it believes."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate_file, key_file)
    return server, ssl.create_default_context(cafile=str(certificate_file))


def _read(connection: socket.socket) -> bytes:
    """A request with its body."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = connection.recv(65_536)
        if not more:
            return read
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body
