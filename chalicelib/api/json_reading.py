"""Reads what comes from outside into msgspec structs and names everything that is wrong with it at once, by path.

msgspec's own decoder stops at the first mistake, and a caller should not have to find ten of them one by one. So
the structs stay msgspec's (they are the schema, too), and this module walks msgspec's description of them.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeVar

from msgspec import Struct, inspect

from chalicelib.api.problems import Problems, json_type, malformed, nearest, quoted

INVALID: Final = object()
"""Stands for a value whose problems have been noted."""

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,300}")  # far beyond any limit; int() itself stops at 4,300 digits


class RequestShape(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a request may hold: the fields of a body, or the parameters of a query."""

    def check(self, problems: Problems) -> None:
        """Note what is wrong between fields; a field that is wrong in itself is empty here."""


RequestT = TypeVar("RequestT", bound=RequestShape)


class NoFields(RequestShape, frozen=True):
    """A request that says everything by its path."""


def parse_json(raw: bytes) -> object:
    """The JSON document in `raw`; an empty body is an empty object. Raises InvalidInput (MALFORMED_JSON).

    Stricter than the standard library, so that nothing is lost or read in two ways: no NaN, no name twice.
    """
    if not raw.strip():
        return {}
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise malformed(f"byte {error.start + 1} is not UTF-8") from error
    except RecursionError as error:
        raise malformed("it is nested too deeply") from error
    except ValueError as error:
        raise malformed(str(error)) from error


def read_body(document: object, kind: type[RequestT], problems: Problems) -> RequestT:
    """The body as its shape. Whatever is wrong is noted; such a field is empty in the result."""
    if not isinstance(document, dict):
        problems.note("body", f"must be a JSON object, not {json_type(document)}")
        document = dict.fromkeys(_fields(kind), INVALID)
    body = _read_shape(document, kind, problems, "field")
    body.check(problems)
    return body


def read_query(given: Mapping[str, Sequence[str]], kind: type[RequestT], problems: Problems) -> RequestT:
    """The query parameters as their shape, in the same way."""
    fields = _fields(kind)
    values: dict[str, object] = {}
    for name, texts in given.items():
        if len(texts) != 1:
            problems.note(quoted(name), f"was given {len(texts)} times; give it once")
            values[name] = INVALID
        else:
            values[name] = _from_text(texts[0], fields[name].type if name in fields else None)
    query = _read_shape(values, kind, problems, "query parameter")
    query.check(problems)
    return query


def _from_text(text: str, kind: inspect.Type | None) -> object:
    """A query value as JSON would have it; a text that is none stays one, and is refused as such."""
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        kind = kind.type if isinstance(kind, inspect.Metadata) else _not_null(kind)
    if isinstance(kind, inspect.BoolType):
        return {"true": True, "false": False}.get(text, text)
    return int(text) if isinstance(kind, inspect.IntType) and _WHOLE_NUMBER.fullmatch(text) else text


def _read_shape(document: Mapping[str, object], kind: type[RequestT], problems: Problems, noun: str) -> RequestT:
    fields = _fields(kind)
    for name in document:
        if name not in fields and not problems.is_full:
            problems.note(quoted(name), f"there is no such {noun}{nearest(name, fields)}")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in document and not field.required:
            continue
        value = document.get(name, INVALID)
        if name not in document:
            problems.note(name, "is required")
        read = value if value is INVALID else read_value(value, field.type, name, problems)
        values[field.name] = _empty(field.type) if read is INVALID else read
    return kind(**values)


@lru_cache(maxsize=64)
def _fields(kind: type[RequestShape]) -> dict[str, inspect.Field]:
    described = inspect.type_info(kind)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    return {field.encode_name: field for field in described.fields}


# ------------------------------------------------------------------------------------------------- values


def read_value(value: object, kind: inspect.Type, path: str, problems: Problems) -> object:
    """One value as its type wants it, or INVALID with the reason noted under `path`."""
    match kind:
        case inspect.Metadata():
            return _read_with_rule(value, kind, path, problems)
        case inspect.UnionType():
            return None if value is None else read_value(value, _not_null(kind), path, problems)
        case inspect.ListType():
            return _read_list(value, kind, path, problems)
        case inspect.DictType():
            return _read_dict(value, kind, path, problems)
    read, problem = _read_scalar(value, kind)
    return INVALID if problems.noted(path, problem) else read


def _read_with_rule(value: object, kind: inspect.Metadata, path: str, problems: Problems) -> object:
    """A value with a rule of its own: `Meta(extra={"problem": rule})`; the rule says what is wrong with it, or None."""
    read = read_value(value, kind.type, path, problems)
    rule = (kind.extra or {}).get("problem")
    if rule is None or read is INVALID:
        return read
    return INVALID if problems.noted(path, rule(read)) else read


def _read_list(value: object, kind: inspect.ListType, path: str, problems: Problems) -> object:
    if not isinstance(value, list):
        problems.note(path, f"must be an array, not {json_type(value)}")
        return INVALID
    if problems.noted(path, _size_problem(len(value), kind, "entry", "entries")):
        return INVALID  # a list that is too long is not looked into: its length may be an attack
    read = [read_value(item, kind.item_type, f"{path}[{index}]", problems) for index, item in enumerate(value)]
    return [item for item in read if item is not INVALID]


def _read_dict(value: object, kind: inspect.DictType, path: str, problems: Problems) -> object:
    if not isinstance(value, dict):
        problems.note(path, f"must be an object, not {json_type(value)}")
        return INVALID
    if problems.noted(path, _size_problem(len(value), kind, "entry", "entries")):
        return INVALID
    read: dict[object, object] = {}
    for name, item in value.items():
        place = f"{path}.{quoted(name)}"
        key = read_value(name, kind.key_type, place, problems)
        entry = read_value(item, kind.value_type, place, problems)
        if key is not INVALID and entry is not INVALID:
            read[key] = entry
    return read


def _read_scalar(value: object, kind: inspect.Type) -> tuple[object, str | None]:
    """The value as its type wants it and None, or anything and what is wrong."""
    match kind:
        case inspect.StrType():
            return value, _text_problem(value, kind)
        case inspect.IntType():
            return value, _number_problem(value, kind)
        case inspect.BoolType():
            return value, None if isinstance(value, bool) else f"must be true or false, not {json_type(value)}"
        case inspect.EnumType(cls=choices):
            return _read_choice(value, choices)
        case inspect.DateTimeType():
            return _read_time(value)
    raise TypeError(f"a request cannot hold {kind}")


def _text_problem(value: object, kind: inspect.StrType) -> str | None:
    if not isinstance(value, str):
        return f"must be a string, not {json_type(value)}"
    if problem := _size_problem(len(value), kind, "character", "characters"):
        return problem
    if "\0" in value:
        return f"holds a NUL character at place {value.index(chr(0)) + 1}; leave it out"
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return f"holds half of a surrogate pair at place {error.start + 1}, which UTF-8 cannot express"
    return None


def _number_problem(value: object, kind: inspect.IntType) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        match value:
            case str():
                given = f'"{quoted(value)}"'
            case float():
                given = repr(value)
            case _:
                given = json_type(value)
        return f"must be a whole number, not {given}"
    if kind.ge is not None and value < kind.ge:
        return f"must be at least {kind.ge}, not {value}"
    if kind.le is not None and value > kind.le:
        return f"must be at most {kind.le}, not {value}"
    return None


def _read_choice(value: object, choices: type[Enum]) -> tuple[object, str | None]:
    for choice in choices:
        if value == choice.value:
            return choice, None
    names = [str(choice.value) for choice in choices]
    if not isinstance(value, str):
        return value, f"must be one of {', '.join(names)}, not {json_type(value)}"
    return value, f'"{quoted(value)}" is not one of {", ".join(names)}'


def _read_time(value: object) -> tuple[object, str | None]:
    problem = "must be a time with its zone (RFC 3339), like 2027-01-31T12:00:00Z"
    if not isinstance(value, str):
        return value, problem
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC), None if moment.tzinfo else problem
    except (ValueError, OverflowError):
        return value, problem


def _size_problem(
    size: int, kind: inspect.StrType | inspect.ListType | inspect.DictType, one: str, many: str
) -> str | None:
    if kind.min_length is not None and size < kind.min_length:
        return f"must have at least {kind.min_length} {one if kind.min_length == 1 else many}"
    if kind.max_length is not None and size > kind.max_length:
        return f"must have at most {kind.max_length:,} {many}, not {size:,}"
    return None


def _not_null(kind: inspect.UnionType) -> inspect.Type:
    (inner,) = (member for member in kind.types if not isinstance(member, inspect.NoneType))
    return inner


def _empty(kind: inspect.Type) -> object:
    """What stands in a field whose value was refused; the request is refused as well, so nobody acts on it."""
    if isinstance(kind, inspect.Metadata):
        return _empty(kind.type)
    return next((make() for types, make in _EMPTY if isinstance(kind, types)), None)


_EMPTY: tuple[tuple[type[inspect.Type], type], ...] = (
    (inspect.ListType, list),
    (inspect.DictType, dict),
    (inspect.StrType, str),
    (inspect.IntType, int),
    (inspect.BoolType, bool),
)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f'the name "{quoted(twice)}" stands twice in one object')
    return read


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
