"""Addresses in a header (RFC 5322 sections 3.4 and 4.4), read in one pass however broken they are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.domain.address import NAME_LIMIT, Mailbox
from chalicelib.domain.header_text import header_text_problem
from chalicelib.mime.encoded_words import decode_words

_ADDRESS_LENGTH = 320  # characters; RFC 5321 section 4.5.3.1 allows fewer
# An encoded word is one token: what it hides is no punctuation (RFC 2047 section 5). Neither is what a quote holds.
_TOKEN = re.compile(
    r'=\?[^?\s]{1,80}\?[bq]\?[^?<>"]{0,1000}\?=|"(?:[^"\\]|\\.)*"|[(),:;<>"]|\s+|(?:(?!=\?)[^(),:;<>"\s])+|=',
    re.IGNORECASE | re.DOTALL,
)
_IN_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACE = re.compile(r"\s+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_ROUTE = re.compile(r"@[^:@]+(?:,@[^:@]+)*:")
_NO_ADDRESS = "\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff"
_LOCAL_PART = re.compile(rf'[^{_NO_ADDRESS}<>(),:;"\[\]@]+|"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*"')
_DOMAIN = re.compile(rf"[^{_NO_ADDRESS}<>(),:;\"\[\]\\@]+|\[[^{_NO_ADDRESS}\[\]<>\"]+\]")


def read_mailboxes(text: str) -> Iterator[Mailbox]:
    """Every mailbox in a field, those of groups among them. Text without an @ is nobody's address and passed over."""
    gathered = _Gathered()
    for token in _tokens(_CONTROLS.sub(" ", text)):
        if _ends_mailbox(token, gathered):
            is_next = token == "<"
            yield from gathered.mailboxes(words_after=not is_next)
            gathered = _Gathered(gathered.words_after if is_next else [], in_angle=is_next, had_angle=is_next)
        else:
            _gather(token, gathered)
    yield from gathered.mailboxes()


def can_only_mean(text: str, address: str) -> bool:
    """Whether the field names this one address and nothing that another reader might take for an address."""
    text = _CONTROLS.sub(" ", text).strip()
    tokens = list(_tokens(text))
    if sum(map(len, tokens)) != len(text):
        return False  # a quote or comment is not closed, and readers differ in where it ends
    said = [token for token in tokens if token[0] != "(" and not token.isspace()]
    if "<" not in said:
        return _address("".join(said)) == address
    opened = said.index("<")
    inside = said[opened + 1 : -1]
    if said[-1] != ">" or {"<", ">"} & {*inside, *said[:opened]} or _address("".join(inside)) != address:
        return False
    name = "".join(" " if token[0] in '("' else token for token in tokens[: tokens.index("<")])
    return not {",", ":", ";"} & set(said[:opened]) and all(
        "@" not in word or _address(word) == address for word in name.split()
    )


def _tokens(text: str) -> Iterator[str]:
    """Quotes and comments are one token each; one that is never closed is only a character and left out."""
    at, quotes_close, comments_close = 0, True, True
    while at < len(text):
        if text[at] == "(" and comments_close and (end := _comment_end(text, at)):
            yield text[at:end]
            at = end
            continue
        # Where one is not closed none of the later ones is, which keeps this linear.
        comments_close = comments_close and text[at] != "("
        found = _TOKEN.match(text, at) if text[at] != '"' or quotes_close else None
        quotes_close = quotes_close and (found is None or found[0] != '"')
        if found is not None and found[0] not in {'"', "(", ")"}:
            yield found[0]
        at = found.end() if found else at + 1


def _comment_end(text: str, start: int) -> int | None:
    depth = 0
    for found in _IN_COMMENT.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return None


@dataclass(slots=True)
class _Gathered:
    """What belongs to one mailbox, as far as it has been read."""

    words: list[str] = field(default_factory=list)
    words_after: list[str] = field(default_factory=list)  # those after the >, perhaps the next one's name
    comments: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)  # what stands between < and >
    in_angle: bool = False
    had_angle: bool = False
    at_space: bool = True

    def mailboxes(self, *, words_after: bool = True) -> Iterator[Mailbox]:
        """The mailbox, if there is one; several where commas are missing."""
        words = [*self.words, *self.words_after] if words_after else self.words
        if self.had_angle:
            inside = "".join(self.inside)
            if self.in_angle:  # the > is missing, and what follows a space may be the next one's name
                inside = inside.split(maxsplit=1)[0] if inside.strip() else ""
            if address := _address(inside):
                yield Mailbox(address, _name(words) or _name(self.comments))
            return
        # Without < > the old syntax still allows spaces around dots and @ (RFC 5322 section 4.4).
        words = list(_without_spaces(words))
        addresses = {place: address for place, word in enumerate(words) if "@" in word and (address := _address(word))}
        name = _name([word for place, word in enumerate(words) if place not in addresses]) or _name(self.comments)
        for address in addresses.values():
            yield Mailbox(address, name if len(addresses) == 1 else "")


def _without_spaces(words: list[str]) -> Iterator[str]:
    word, goes_on = "", False
    for following in words:
        if word and (goes_on or following[0] in ".@"):
            word += following
        else:
            if word:
                yield word
            word = following
        goes_on = following[-1] == "@" or following == "."
    if word:
        yield word


def _ends_mailbox(token: str, gathered: _Gathered) -> bool:
    if token == "<":
        return gathered.had_angle
    if token not in {",", ";"}:
        return False
    # In < > a comma means that the > is missing, except in an old route: `<@a,@b:c@d>`.
    return not (gathered.in_angle and "".join(gathered.inside).lstrip().startswith("@"))


def _gather(token: str, gathered: _Gathered) -> None:
    if token[0] == "(":
        gathered.comments.append(token[1:-1])
    elif token == "<":
        gathered.in_angle = gathered.had_angle = True
    elif token == ">":
        gathered.in_angle = False
    elif gathered.in_angle:
        gathered.inside.append(token)
    elif token == ":" and not gathered.had_angle:
        gathered.words.clear()  # what came before is the name of a group, or "mailto"
    elif token.isspace():
        gathered.at_space = True
        return
    else:
        words = gathered.words_after if gathered.had_angle else gathered.words
        if gathered.at_space or not words:
            words.append(token)
        else:
            words[-1] += token
    gathered.at_space = False


def _name(words: list[str]) -> str:
    plain = [_QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), word) for word in words]
    return decode_words(" ".join(plain))[:NAME_LIMIT].rstrip()


def _address(text: str) -> str | None:
    """The address with its domain in lower case; None when it is none."""
    text = text.strip()
    if text[:7].lower() == "mailto:":
        text = text[7:]
    if route := _ROUTE.match(text):
        text = text[route.end() :]
    local, at, domain = text.rpartition("@")
    if not at or len(text) > _ADDRESS_LENGTH:
        return None
    local, domain = local.strip(), _SPACE.sub("", domain).rstrip(".").lower()
    if not local.startswith('"'):
        local = _SPACE.sub("", local)
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    address = f"{local}@{_ascii_domain(domain)}"
    return address if header_text_problem(address) is None else None


def _ascii_domain(domain: str) -> str:
    """The domain in A-labels (RFC 5891), or as it stands when it has none."""
    if domain.isascii():
        return domain
    import idna  # noqa: PLC0415 - its tables take a cold start some 20 ms, and few mails need them

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
