"""A name server that answers from the zone file, so that domains are verified here by the code that does so in AWS."""

import logging
import socket
import threading

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from embedded.listening import LOOPBACK
from embedded.zone import Zone, ZoneError

_LARGEST = 65_535
_TTL = 0  # what a person has just written counts

log = logging.getLogger(__name__)


class DnsServer:
    """UDP on this machine alone; a zone file that cannot be read is answered with SERVFAIL."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="dns", daemon=True)

    @property
    def address(self) -> str:
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join(timeout=5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                asked, client = self._socket.recvfrom(_LARGEST)
                if asked and (answer := self._answer(asked)) is not None:
                    self._socket.sendto(answer, client)
            except Exception:
                if not self._stopping.is_set():
                    log.exception("a DNS question was not answered")

    def _answer(self, asked: bytes) -> bytes | None:
        try:
            query = dns.message.from_wire(asked)
        except dns.exception.DNSException:
            return None
        answer = dns.message.make_response(query, recursion_available=True)
        answer.flags |= dns.flags.AA
        for question in query.question:
            name, type_ = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
            try:
                values = self._zone.find(name, type_)
                if values:
                    texts = [_as_text(type_, value) for value in values]
                    rdclass = dns.rdataclass.to_text(question.rdclass)
                    answer.answer.append(dns.rrset.from_text_list(question.name, _TTL, rdclass, type_, texts))
                elif not self._zone.has(name):
                    answer.set_rcode(dns.rcode.NXDOMAIN)
            except (ZoneError, dns.exception.DNSException, ValueError) as error:
                log.warning("the zone file: %s", error)
                answer.set_rcode(dns.rcode.SERVFAIL)
        return answer.to_wire(max_size=_LARGEST)


def _as_text(type_: str, value: str) -> str:
    """The record in the form of zone files (RFC 1035 section 5)."""
    if type_ == "TXT":
        escaped = "".join(
            f"\\{byte:03}" if byte in b'"\\' or not 32 <= byte < 127 else chr(byte) for byte in value.encode()
        )
        return " ".join(f'"{part}"' for part in _strings(escaped)) or '""'
    return value if value.endswith(".") else value + "."


def _strings(escaped: str) -> list[str]:
    """In strings of less than 256 characters, none of them cut within an escape."""
    parts, part = [], ""
    position = 0
    while position < len(escaped):
        step = 4 if escaped[position] == "\\" else 1
        if len(part) + step > 200:
            parts.append(part)
            part = ""
        part += escaped[position : position + step]
        position += step
    return [*parts, part] if part else parts
