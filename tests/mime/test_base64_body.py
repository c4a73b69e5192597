"""Files in base64, written and read block by block."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mime.base64_body import base64_size, is_base64_of, to_base64

SIZES = [0, 1, 2, 3, 56, 57, 58, 114, 57 * 1024 - 1, 57 * 1024, 57 * 1024 + 1, 57 * 2048, 200_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_is_written_as_the_standard_library_writes_it(size: int) -> None:
    data = bytes(number * 7 % 251 for number in range(size))
    body = to_base64(data)
    assert body == base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    assert len(body) == base64_size(size)
    assert is_base64_of(body, data)


@pytest.mark.parametrize("place", [0, 75, 79, 100_000, -1])
@pytest.mark.parametrize("damage", [b"", b"\r\n--=_boundary", b"!", b"Bcc: x@y.z\r\n", b"A", b"\r\n"])
def test_whatever_else_stands_there_is_noticed(place: int, damage: bytes) -> None:
    data = bytes(200_000)
    body = to_base64(data)
    place %= len(body)
    put_in = body[:place] + damage + body[place:]
    in_place_of = body[:place] + damage + body[place + max(1, len(damage)) :]
    for damaged in {put_in, in_place_of} - {body}:
        assert not is_base64_of(damaged, data)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_files_are_never_taken_for_one_another(one: bytes, other: bytes) -> None:
    assert is_base64_of(to_base64(one), other) == (one == other)
