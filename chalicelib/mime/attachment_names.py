"""File names of attachments: cleaned for a file system and a page, and made up where a mail gives none."""

import re

from chalicelib.mime.bounds import FILENAME_LIMIT
from chalicelib.mime.charsets import clean_line
from chalicelib.mime.encoded_words import harmless

# Marks that turn the direction of writing, so that `gnp.exe` can look like `exe.png`, and characters of no width. The
# joiners U+200C and U+200D stay: words and emoji need them.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_SEPARATORS = re.compile(r"[/\\]")
_LONGEST_EXTENSION = 20

_NAMES = {
    "application/ms-tnef": "winmail.dat",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/vnd.ms-tnef": "winmail.dat",
    "application/x-pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-signature": "smime.p7s",
    "message/delivery-status": "delivery-status.txt",
    "message/disposition-notification": "disposition-notification.txt",
    "message/feedback-report": "feedback-report.txt",
    "message/global": "message.eml",
    "message/rfc822": "message.eml",
    "text/calendar": "invite.ics",
    "text/rfc822-headers": "headers.txt",
}
_EXTENSIONS = {
    "application/gzip": "gz",
    "application/ics": "ics",
    "application/json": "json",
    "application/msword": "doc",
    "application/pdf": "pdf",
    "application/pgp-encrypted": "asc",
    "application/pgp-keys": "asc",
    "application/rtf": "rtf",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/x-wav": "wav",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/pjpeg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "image/webp": "webp",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
    "text/rtf": "rtf",
    "text/vcard": "vcf",
    "text/x-amp-html": "html",
    "text/x-vcard": "vcf",
    "text/xml": "xml",
    "video/mp4": "mp4",
}


def clean_filename(written: str) -> str:
    """The last component of the path, without control characters and direction marks; empty when nothing is left."""
    line = clean_line(_INVISIBLE.sub("", clean_line(written)))
    components = [component.strip(" ") for component in _SEPARATORS.split(line)]
    named = [component for component in components if component.strip(". ")]
    return harmless(_shortened(named[-1])) if named else ""


def made_up_filename(media_type: str, number: int) -> str:
    """A name for the mail's attachment of this number, by its type alone."""
    if name := _NAMES.get(media_type):
        return name
    main = media_type.partition("/")[0]
    extension = _EXTENSIONS.get(media_type, "eml" if main == "message" else "txt" if main == "text" else "bin")
    return f"{'image' if main == 'image' else 'attachment'}-{number}.{extension}"


def _shortened(name: str) -> str:
    """At most 200 characters, with the extension kept."""
    if len(name) <= FILENAME_LIMIT:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > _LONGEST_EXTENSION:
        return name[:FILENAME_LIMIT].rstrip(" ")
    return stem[: FILENAME_LIMIT - len(extension) - 1].rstrip(" ") + dot + extension
