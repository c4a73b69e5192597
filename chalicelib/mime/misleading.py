"""Display names that show another address than the one they stand before."""

import re
import unicodedata

from chalicelib.domain.address import Mailbox

_LONGEST_NAME = 2_000  # characters that are looked at; nobody is shown more
_LONGEST_DOMAIN = 255  # RFC 1035 section 2.3.4
# Unicode's format characters and what else takes no room: they part an address for a program and not for the eye.
_WITHOUT_WIDTH = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
# Turns the direction of all that follows, to the mark that ends it (Unicode annex 9, section 2.2).
_TURNED = re.compile("\u202e([^\u202c]*)")
_SPELLED_AT = re.compile(r"\s?[(\[{<]\s?at\s?[)\]}>]\s?", re.IGNORECASE)
_SPELLED_DOT = re.compile(r"\s?[(\[{<]\s?dot\s?[)\]}>]\s?", re.IGNORECASE)
_SPACED_AT = re.compile(r" ?@ ?")
_AROUND = r"\s@<>()\[\]{},;:\"'`|\\/=“”„‟‘’‚‛«»‹›"  # noqa: RUF001 - quotes of all kinds are meant
_LOCAL = rf"[^{_AROUND}]{{1,64}}"
_DOMAIN = r"(?:[^\W_](?:[\w-]{0,62})\.){1,20}[^\W\d_][^\W_]{1,62}"
_ADDRESS = re.compile(rf"(?<![^{_AROUND}])({_LOCAL})@({_DOMAIN})")
_WORD_AT = re.compile(rf"(?<!\S)({_LOCAL}) at ({_DOMAIN})", re.IGNORECASE)


def misleading_name(mailbox: Mailbox) -> str | None:
    """The address that the name shows, when mail goes to another one: `"ada@bank.example" <eve@example.com>`.

    Looked for as the eye reads it, also where a mark turns the direction of writing: full-width letters, characters without width, quotes and `(at)` make no difference.
    Names such as `Ada at example.com` are common and honest before an address of that very organisation, so ` at `
    counts only with a foreign domain.
    """
    name = mailbox.name[:_LONGEST_NAME]
    turned = _TURNED.sub(lambda text: text[1][::-1], name)
    return _shown_in(name, mailbox.address) or (_shown_in(turned, mailbox.address) if turned != name else None)


def _shown_in(name: str, address: str) -> str | None:
    own = _comparable(address)
    # Itself first, for it may hold what is taken for a spelled-out @ below.
    name = _spelled(_without(own, _as_seen(name)))
    for local, domain in _ADDRESS.findall(_without(own, _SPACED_AT.sub("@", name))):
        if _comparable(f"{local}@{domain}") != own:
            return f"{local}@{domain}"
    for local, domain in _WORD_AT.findall(name):
        if not _related(_comparable_domain(domain), own.rpartition("@")[2]):
            return f"{local}@{domain}"
    return None


def _without(own: str, name: str) -> str:
    """The name without the address itself, which may hold characters that part others, such as o'brien@example.com."""
    whole = rf"(?<![\w.!#$%&'*+/=?^`{{|}}~-]){re.escape(own)}(?![\w-]|\.\w)"
    return re.sub(whole, " ", name, flags=re.IGNORECASE)


def _as_seen(name: str) -> str:
    name = unicodedata.normalize("NFKC", "".join(filter(_has_width, name)))
    return " ".join("".join(filter(_has_width, name)).split())


def _spelled(name: str) -> str:
    """With the signs in place of `(at)` and `[dot]`."""
    return _SPELLED_DOT.sub(".", _SPELLED_AT.sub("@", name))


def _has_width(character: str) -> bool:
    return unicodedata.category(character) not in ("Cf", "Cc", "Mn", "Cs") and character not in _WITHOUT_WIDTH


def _comparable(address: str) -> str:
    local, _, domain = unicodedata.normalize("NFKC", address).rpartition("@")
    return f"{local.casefold()}@{_comparable_domain(domain)}"


def _comparable_domain(domain: str) -> str:
    """In A-labels (RFC 5890), so that a domain equals itself in either spelling."""
    domain = domain.lower()
    if domain.isascii() or len(domain) > _LONGEST_DOMAIN:
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith("." + other) or other.endswith("." + one)
