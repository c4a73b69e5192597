"""Where a webhook may point: the URL's form, and which of a name's addresses may be called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from chalicelib.domain.public_address import Address, canonical_address, is_loopback, is_public

URL_CHARACTERS = 2_048
PORTS = (443, 8443)

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(
    r"(?=.{1,253}\.?$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?"
)
# What the WHATWG URL standard calls a host that ends in a number: browsers and some resolvers read it as an IPv4 address.
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")


class BadWebhookUrl(ValueError):
    """The text is no URL that a webhook may have; it says why and what to do."""


@dataclass(frozen=True, slots=True)
class WebhookUrl:
    """A URL taken apart: what is connected to, and what is asked for."""

    is_https: bool
    host: str  # lower case, without brackets
    port: int
    target: str  # path and query

    @property
    def address(self) -> Address | None:
        """The address that stands in place of a name."""
        return canonical_address(self.host)

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"


def read_webhook_url(text: str, *, loopback: bool) -> WebhookUrl:
    """The URL, if a webhook may have it. `loopback`: this machine may be called, too, over http and on any port.

    Raises BadWebhookUrl. What the host's name leads to is judged by `callable_addresses`, each time it is called.
    """
    if not _PRINTABLE.fullmatch(text) or "\\" in text or len(text) > URL_CHARACTERS:
        raise BadWebhookUrl(
            f"must be a URL of at most {URL_CHARACTERS:,} visible ASCII characters, without spaces or backslashes; "
            "write other characters of a host as punycode (xn--…) and of a path as %XX"
        )
    parts, port = _split(text)
    host = (parts.hostname or "").lower()
    if "@" in parts.netloc:
        raise BadWebhookUrl("must not carry a user name or password; check the signature of what is sent instead")
    if parts.fragment:
        raise BadWebhookUrl("must not have a fragment (#…); it would never be sent")
    _require_host(host)
    address = canonical_address(host)
    may_be_local = loopback and (host.rstrip(".") == "localhost" or (address is not None and is_loopback(address)))
    https = parts.scheme == "https"
    if not https and not (may_be_local and parts.scheme == "http"):
        raise BadWebhookUrl(f"must begin with https://, not {parts.scheme or 'nothing'}://")
    if port is None:
        port = 443 if https else 80
    if not may_be_local:
        if port not in PORTS:
            raise BadWebhookUrl(f"must use port {PORTS[0]} or {PORTS[1]}, not {port}")
        if address is not None:
            callable_addresses([address], loopback=False)
    return WebhookUrl(https, host, port, _target(parts))


def callable_addresses(addresses: Sequence[Address], *, loopback: bool) -> tuple[Address, ...]:
    """The addresses, if every one of them may be called; a name that leads to one that may not is refused altogether."""
    if not addresses:
        raise BadWebhookUrl("leads nowhere: the name of its host has no address")
    for address in addresses:
        if not (is_public(address) or (loopback and is_loopback(address))):
            raise BadWebhookUrl(f"leads to {address}, which is not an address of the public internet")
    return tuple(addresses)


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadWebhookUrl(f"is not a URL: {error}") from error
    return parts, port


def _require_host(host: str) -> None:
    if ":" in host:
        if canonical_address(host) is None or "%" in host:
            raise BadWebhookUrl("has an IPv6 address that cannot be read")
        return
    if _ENDS_IN_A_NUMBER.fullmatch(host):
        if canonical_address(host) is None:
            raise BadWebhookUrl("has a number for a host; write an IPv4 address as four decimal numbers (192.0.2.1)")
        return
    if not _NAME.fullmatch(host):
        raise BadWebhookUrl("has no host, or one that is not a host name" if host else "has no host")


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
