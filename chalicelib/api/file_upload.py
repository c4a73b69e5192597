"""Reads the one file of a multipart/form-data body (RFC 7578) and says what is wrong with any other."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from chalice.app import Request

from chalicelib.api.problems import Problems, nearest, quoted
from chalicelib.domain.attachment import FILE_LIMIT
from chalicelib.domain.errors import InvalidInput, TooLarge, UnsupportedMediaType
from chalicelib.domain.file_name import media_type
from chalicelib.mime.read_parameters import read_parameters
from chalicelib.operations.manage_attachments import NewFile

FORM = "multipart/form-data"
PART = "file"
UPLOAD_LIMIT = 4 * 1024 * 1024  # bytes of a file: in base64, with the event around it, what Lambda takes in one call

_LONGEST_HEADER = 4_096
_MOST_HEADERS = 8  # of a part
_MOST_PARTS = 8
_EXAMPLE = "as `curl -F file=@report.pdf` does"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as it came: its name and type as the client says them, checked for form alone."""

    filename: str
    content_type: str | None
    data: bytes

    def described(self) -> NewFile:
        return NewFile(self.filename, self.content_type, len(self.data))

    @property
    def digest(self) -> bytes:
        """The same for the same file, whatever boundary it came between."""
        named = f"{self.filename}\n{self.content_type}\n{hashlib.sha256(self.data).hexdigest()}"
        return hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()


def file_too_large(size: int) -> TooLarge:
    """For a file that does not fit through the API; names the way that takes it."""
    return TooLarge(
        f"The upload has {size:,} bytes; at most {UPLOAD_LIMIT:,} go through the API.",
        fix=f"For a file of up to {FILE_LIMIT:,} bytes: POST /attachments/uploads gives a link to send its bytes to.",
    )


def read_file(request: Request, raw: bytes, problems: Problems) -> UploadedFile | None:
    """The file in the body; None when there is none, for the reasons noted. Raises for a body that is no form."""
    # Only uploads pay for this import.
    from python_multipart.multipart import parse_options_header  # noqa: PLC0415

    # Headers are octets; what is beyond Latin-1 came from an event that was made by hand.
    given = (request.headers.get("content-type") or "").encode("latin-1", "replace")
    kind, parameters = parse_options_header(given)
    if kind.decode("latin-1") != FORM:
        raise UnsupportedMediaType(
            f"This path reads {FORM}, not {quoted(kind.decode('latin-1')) or 'a body without a Content-Type'}.",
            fix=f"Send the file in a part named `{PART}`, {_EXAMPLE}.",
        )
    boundary = parameters.get(b"boundary")
    if not boundary:
        raise _no_form("its Content-Type names no boundary; let your HTTP library write that header")
    parts = _parts(raw, boundary)
    return _the_file(parts, problems)


@dataclass
class _Part:
    """A part while it is read."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    data: list[bytes] = field(default_factory=list)


@dataclass
class _Reader:
    """Gathers what the parser finds; the parser speaks in callbacks."""

    parts: list[_Part] = field(default_factory=list)
    name: bytes = b""
    value: bytes = b""
    is_whole: bool = False

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._more_name,
            "on_header_value": self._more_value,
            "on_header_end": self._end_header,
            "on_part_data": self._more_data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.parts) == _MOST_PARTS:
            raise _no_form(f"it has more than {_MOST_PARTS} parts")
        self.parts.append(_Part())

    def _more_name(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def _more_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _end_header(self) -> None:
        self.parts[-1].headers[self.name.lower()] = self.value
        self.name = self.value = b""

    def _more_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data.append(data[start:end])

    def _end(self) -> None:
        self.is_whole = True


def _parts(raw: bytes, boundary: bytes) -> list[_Part]:
    from python_multipart.exceptions import FormParserError  # noqa: PLC0415
    from python_multipart.multipart import MultipartParser  # noqa: PLC0415

    reader = _Reader()
    try:
        parser = MultipartParser(
            boundary, reader.callbacks(), max_header_count=_MOST_HEADERS, max_header_size=_LONGEST_HEADER
        )
        parser.write(raw)
        parser.finalize()
    except FormParserError as error:
        raise _no_form(f"{str(error).rstrip('.')}") from error
    if not reader.is_whole:
        raise _no_form("it ends before its last boundary; it was cut off, or the boundary is another one")
    return reader.parts


def _the_file(parts: list[_Part], problems: Problems) -> UploadedFile | None:
    files: list[UploadedFile] = []
    for part in parts:
        name, filename = _names(part)
        if name != PART:
            problems.note(quoted(name) or "body", f"there is no such part{nearest(name, [PART])}")
        elif filename is None:
            problems.note(PART, f"has no file name, so it is a text field; send it as a file, {_EXAMPLE}")
        else:
            files.append(UploadedFile(filename, _content_type(part, problems), b"".join(part.data)))
    if len(files) > 1:
        problems.note(PART, f"stands {len(files)} times; one request uploads one file")
    elif not files and not any(_names(part)[0] == PART for part in parts):
        problems.note(PART, f"is required: the file, {_EXAMPLE}")
    return files[0] if files else None


def _names(part: _Part) -> tuple[str, str | None]:
    """The part's name and its file's, in UTF-8 as browsers write them, else in Latin-1."""
    from python_multipart.multipart import parse_options_header  # noqa: PLC0415

    disposition = part.headers.get(b"content-disposition")
    _, parameters = parse_options_header(disposition)
    name, filename = _text(parameters.get(b"name", b"")), parameters.get(b"filename")
    if filename is None:
        # RFC 7578 section 4.2 forbids `filename*`, but some clients write names outside ASCII so and in no other way.
        return name, read_parameters(_text(disposition or b"")).get("filename")
    # Browsers write these three in their own way (WHATWG HTML, "multipart/form-data encoding algorithm").
    return name, _text(filename).replace("%22", '"').replace("%0D", "").replace("%0A", "")


def _content_type(part: _Part, problems: Problems) -> str | None:
    given = part.headers.get(b"content-type")
    if given is None:
        return None
    content_type = media_type(_text(given))
    if content_type is None:
        problems.note(f"{PART}.Content-Type", f'"{quoted(_text(given))}" is not a media type like application/pdf')
    return content_type


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _no_form(why: str) -> InvalidInput:
    return InvalidInput({"body": [f"is not {FORM}: {why}"]}, fix=f"Send the file in a part named `{PART}`, {_EXAMPLE}.")
