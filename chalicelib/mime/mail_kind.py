"""What sort of mail it is and whether a program sent it (RFC 3834, RFC 3464, RFC 5965, RFC 2919)."""

from chalicelib.domain.arrival import MessageKind
from chalicelib.mime.split_parts import Part

_REPORTS = {
    "delivery-status": MessageKind.BOUNCE,
    "feedback-report": MessageKind.COMPLAINT,
    "disposition-notification": MessageKind.AUTO_REPLY,  # a receipt, RFC 8098
}
_REPORT_PARTS = {f"message/{name}": kind for name, kind in _REPORTS.items()} | {
    "message/global-delivery-status": MessageKind.BOUNCE,  # RFC 6533
}
_AUTO_REPLY_FIELDS = ("x-autoreply", "x-autorespond")
_BULK = frozenset({"bulk", "junk", "list"})


def mail_kind(root: Part) -> tuple[MessageKind, bool]:
    """(kind, whether it is automatic). The envelope's null return path makes a mail automatic too; it is not known here."""
    precedence = _word(root, "precedence")
    kind = _report(root) or _by_fields(root, precedence)
    return kind, kind is not MessageKind.NORMAL or precedence in _BULK


def _report(root: Part) -> MessageKind | None:
    types = [part.content_type.media_type for part in (root, *root.children)]
    in_it = next((_REPORT_PARTS[name] for name in types if name in _REPORT_PARTS), None)
    if root.content_type.media_type == "multipart/report":
        declared = root.content_type.parameters.get("report-type", "").strip().lower()
        return _REPORTS.get(declared) or in_it
    # Old servers put a report into a multipart/mixed; a person who forwards one has a return path.
    is_from_server = root.header.text("return-path") == "<>" or _is_mailer_daemon(root)
    return in_it if is_from_server else None


def _is_mailer_daemon(root: Part) -> bool:
    return "mailer-daemon@" in root.header.text("from").lower()


def _by_fields(root: Part, precedence: str) -> MessageKind:
    if _word(root, "auto-submitted") not in {"", "no"} or precedence in {"auto_reply", "auto-reply"}:
        return MessageKind.AUTO_REPLY
    if any(_word(root, name) not in {"", "no"} for name in _AUTO_REPLY_FIELDS):
        return MessageKind.AUTO_REPLY
    if root.header.first("list-id") or precedence == "list":
        return MessageKind.LIST
    return MessageKind.NORMAL


def _word(root: Part, name: str) -> str:
    """A field's first word in lower case, without parameters and comments."""
    words = root.header.text(name).lower().replace(";", " ").replace("(", " ").split(maxsplit=1)
    return words[0] if words else ""
