"""Mail addresses: the mailboxes of RFC 5322 with the limits of RFC 5321."""

import re
from dataclasses import dataclass

from chalicelib.domain.header_text import header_text_problem

RECIPIENTS_LIMIT = 50  # different addresses of one message, as SES takes them (its Destination type)
NAME_LIMIT = 256  # characters; mail programs show far fewer
_ADDRESS_LIMIT = 320  # characters before any normalising; RFC 5321 allows 254 octets, which is judged at the end
_TEXT_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`Name <local@domain>`; the domain is lower-case ASCII (IDNA A-labels), the name any language or empty."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class AddressError(ValueError):
    """Why a text is not an address we can write to, as the end of a sentence about it."""


def parse_mailbox(text: str, *, allow_test_domains: bool) -> Mailbox:
    """The one mailbox in `text`: `a@b.c`, `Name <a@b.c>` or `"Last, First" <a@b.c>`.

    Narrower than RFC 5322 on purpose: what SES does not take (letters outside ASCII before the @, see Destination in
    its API reference) and what is far more often a slip than meant (comments, groups, quoted local parts, IP
    addresses) is refused with `AddressError`, which says what is wrong. The local part keeps its case (RFC 5321
    section 2.4). `.test` (RFC 6761) is a domain only with `allow_test_domains`. Never asks the network.
    """
    if len(text) > _TEXT_LIMIT:
        raise AddressError(f"it is longer than {_TEXT_LIMIT} characters")
    if problem := header_text_problem(text):
        raise AddressError(problem)
    name, address = _split(text.strip(" "))
    if len(name) > NAME_LIMIT:
        raise AddressError(f"the name is longer than {NAME_LIMIT} characters")
    local, _, domain = address.rpartition("@")
    if problem := _problem(address) or _reserved(domain, allow_test_domains=allow_test_domains):
        raise AddressError(f"{_shown(address)} {problem}")
    return Mailbox(f"{local}@{_judged(address, allow_test_domains=allow_test_domains)}", name)


# ------------------------------------------------------------------------------------- name and address apart

_QUOTED_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,"]')  # RFC 5322 section 3.2.3; the dot is let through, as section 4.1 allows


def _split(text: str) -> tuple[str, str]:
    """(name, address) of a mailbox; the name is empty where there is none."""
    if not text:
        raise AddressError("it is empty")
    if text.startswith('"'):
        name, rest = _quoted_name(text)
    elif "<" in text:
        name, _, rest = text.partition("<")
        name, rest = _plain_name(name.strip(), whole=text), "<" + rest
    else:
        return "", text
    address, closed, after = rest[1:].partition(">")
    if not closed:
        raise AddressError(f"{_shown(text)} has a < without a >")
    if after.strip(" "):
        raise AddressError(_several(text) if "@" in after else f"{_shown(text)} goes on after the >")
    if not address:
        raise AddressError(f"{_shown(text)} has nothing between < and >")
    return name, address


def _quoted_name(text: str) -> tuple[str, str]:
    """A name in double quotes and what follows it from the < on."""
    quoted = _QUOTED_STRING.match(text)
    if quoted is None:
        raise AddressError(f"{_shown(text)} has a double quote that is never closed")
    rest = text[quoted.end() :].lstrip(" ")
    if rest.startswith("@"):
        raise AddressError(f"{_shown(text)} has quotes before the @, which hardly any mail server takes")
    if not rest.startswith("<"):
        raise AddressError(f"{_shown(text)} has no address in < > right after the quoted name")
    return _QUOTED_PAIR.sub(r"\1", quoted[1]).strip(), rest


def _plain_name(name: str, *, whole: str) -> str:
    """A name without quotes around it, if it can do without."""
    special = _SPECIALS.search(name)
    if special is None:
        return name
    if "@" in name and re.search("[,;:]", name):
        raise AddressError(_several(whole))
    raise AddressError(f'{_shown(whole)} has a {special[0]} in the name; put the name in double quotes: "…" <…>')


def _several(text: str) -> str:
    return f"{_shown(text)} holds more than one address; give each its own place in the list"


def _shown(text: str) -> str:
    """The text in quotes, short enough for a message and with every character visible."""
    short = text if len(text) <= 80 else text[:79] + "…"
    return '"' + "".join(c if c.isprintable() else f"U+{ord(c):04X}" for c in short) + '"'


# -------------------------------------------------------------------------------------------- the address itself

# The first that is found is told. Full stops of other scripts are dots to IDNA (RFC 3490 section 3.1).
_DOTS = ".。．｡"  # noqa: RUF001 - these are meant
_PROBLEMS = tuple(
    (re.compile(pattern, re.DOTALL), problem)
    for pattern, problem in (
        (rf"^.{{{_ADDRESS_LIMIT + 1}}}", f"is longer than {_ADDRESS_LIMIT} characters"),
        (r"[()]", "holds a comment in parentheses; leave it out"),
        (r"[<>]", "has a stray < or >"),
        (r'^[^@]*".*@', "has quotes before the @, which hardly any mail server takes"),
        (r'@.*"', "has a double quote after the @"),
        (r'"', "has a stray double quote"),
        (r"^@[^:]*:", "begins with a route (RFC 5321 section 3.6.1); leave only the address"),
        (r"^[^@]*:.*;$", "is a group; give each of its addresses its own place in the list"),
        (r"@.*[,;].*@", "holds more than one address; give each its own place in the list"),
        (r"^[^@]*＠[^@]*$", "has the full-width ＠ where a plain @ belongs"),  # noqa: RUF001
        (r"^[^@]*$", "has no @"),
        (r"@\[", "has an IP address after the @; a domain name is needed"),
        (r"@.*@", "has more than one @"),
        (r"\s", "has a space in it"),
        (r"^@", "has nothing before the @"),
        (r"@$", "has nothing after the @"),
        (r"[^\x00-\x7f].*@", "has letters outside ASCII before the @, which Amazon SES cannot send to"),
        (r"^.{65,}@", "has more than 64 characters before the @"),
        (r"^\.", "begins with a dot"),
        (r"\.@", "has a dot right before the @"),
        (r"=\?[^?]*\?[bBqQ]\?", "has in it what mail programs take for an encoded word (RFC 2047)"),
        (rf"[{_DOTS}]{{2}}", "has two dots in a row"),
        (rf"@[{_DOTS}]", "has a dot right after the @"),
        (rf"[{_DOTS}]$", "ends with a dot"),
        (rf"@[^{_DOTS}]*$", "has no dot after the @"),
        (r"[.@][^.@]{64,}(?:\.[^@]*)?$", "has more than 63 characters between two dots after the @"),
    )
)
_RESERVED = frozenset({"localhost", "local", "invalid", "onion", "arpa"})  # RFC 6761, 6762, 7686, 3172


def _problem(address: str) -> str | None:
    return next((problem for pattern, problem in _PROBLEMS if pattern.search(address)), None)


def _reserved(domain: str, *, allow_test_domains: bool) -> str | None:
    top = domain.lower().rpartition(".")[2]
    if top == "test" and not allow_test_domains:
        return "is under .test, which is reserved for tests (RFC 6761) and switched off here"
    if top in _RESERVED:
        return f"is under .{top}, which is reserved and reaches no mail server"
    return None


def _judged(address: str, *, allow_test_domains: bool) -> str:
    """The domain in A-labels; email-validator has the last word on local part and domain."""
    # Its tables take a cold start about 20 ms, which the queue workers need not pay.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        valid = validate_email(
            address, strict=True, check_deliverability=False, test_environment=allow_test_domains, allow_smtputf8=False
        )
    except EmailNotValidError as error:
        reason = str(error).removesuffix(".")
        raise AddressError(f"{_shown(address)} cannot be written to: {reason[:1].lower()}{reason[1:]}") from error
    if "." not in valid.ascii_domain:  # its test environment takes a bare "test", which may hide behind other letters
        raise AddressError(f"{_shown(address)} has no dot after the @")
    # Its local part is not used: it lower-cases names like Info@, but the case is the other server's business.
    return valid.ascii_domain
