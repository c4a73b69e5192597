"""Looks DNS records up, many at a time and never for long."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.domain.log_lines import log_of
from chalicelib.domain.own_domain import RecordType
from chalicelib.operations.ports.domains import Question

if TYPE_CHECKING:
    from dns.rdata import Rdata
    from dns.resolver import Resolver

logger = log_of(__name__)

SECONDS = 5.0  # for a question, whichever servers are asked and however often
_AT_ONCE = 32  # questions; a domain has eight
_SHOWN = 20  # records of one name
_SHOWN_CHARACTERS = 512


@dataclass
class DnsLookup:
    """`operations.ports.domains.Dns` over dnspython; `servers` as `address:port`, none: those of the machine."""

    servers: Collection[str] = ()
    seconds: float = SECONDS
    _workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_ONCE))

    def find(self, questions: Collection[Question]) -> Mapping[Question, tuple[str, ...] | None]:
        asked = {question: self._workers.submit(self._find, question) for question in questions}
        return {question: answer.result() for question, answer in asked.items()}

    def _find(self, question: Question) -> tuple[str, ...] | None:
        # Only whoever looks at domains pays for these imports.
        from dns.exception import DNSException  # noqa: PLC0415
        from dns.resolver import NXDOMAIN, NoAnswer  # noqa: PLC0415

        try:
            answer = self._resolver.resolve(
                f"{question.name}.", question.type.value, lifetime=self.seconds, search=False, raise_on_no_answer=True
            )
        except (NXDOMAIN, NoAnswer):
            return ()  # an answer: there is none
        except (DNSException, OSError) as error:
            logger.info("name servers gave no answer", extra={"why": type(error).__name__})
            return None
        return tuple(_text(question.type, data)[:_SHOWN_CHARACTERS] for data in list(answer)[:_SHOWN])

    @cached_property
    def _resolver(self) -> "Resolver":
        from dns.resolver import Resolver  # noqa: PLC0415

        resolver = Resolver(configure=not self.servers)
        if self.servers:
            hosts = [server.rpartition(":") for server in self.servers]
            resolver.nameservers = [host.strip("[]") for host, _, _ in hosts]
            resolver.nameserver_ports = {host.strip("[]"): int(port) for host, _, port in hosts}
        return resolver


def _text(type_: RecordType, data: "Rdata") -> str:
    match type_:
        case RecordType.TXT:
            # Strings of one record belong together (RFC 7208 section 3.3); a stranger's bytes may be anything.
            return b"".join(data.strings).decode("ascii", "backslashreplace")  # type: ignore[attr-defined]
        case RecordType.CNAME:
            return data.target.to_text().removesuffix(".")  # type: ignore[attr-defined,no-any-return]
        case RecordType.MX:
            return f"{data.preference} {data.exchange.to_text().removesuffix('.')}"  # type: ignore[attr-defined]
