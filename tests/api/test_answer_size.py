"""Answers that would not fit through Lambda lose their longest bodies, and only those."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.answer_size import fitted
from chalicelib.domain.message import Message
from chalicelib.domain.message_status import MessageStatus
from chalicelib.shapes.message_shapes import MessageJson, message_as_json
from tests.factories.messages import make_arrival, make_content
from tests.fakes.operations import IDS

LIMIT = 20_000
Bodies = list[tuple[str | None, str | None, str | None]]  # text, HTML, extracted text
NAMES = ("body_text", "body_html", "extracted_text")
BODY = st.none() | st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.integers(0, 4_000))


def make_messages(bodies: Bodies) -> list[MessageJson]:
    contents = [
        make_content(body_text=text, body_html=html, arrival=make_arrival(extracted_text=extracted))
        for text, html, extracted in bodies
    ]
    return [message_as_json(Message(content, MessageStatus.RECEIVED, None), IDS) for content in contents]


def size_in_lambda(messages: list[MessageJson]) -> int:
    return sum(len(json.dumps(msgspec.json.encode(message).decode())) for message in messages)


@given(bodies=st.lists(st.tuples(BODY, BODY, BODY), max_size=8))
def test_what_is_left_fits_and_what_is_missing_is_marked(bodies: Bodies) -> None:
    messages = make_messages(bodies)
    kept = fitted(messages, LIMIT)
    assert size_in_lambda(kept) <= LIMIT
    for before, after in zip(messages, kept, strict=True):
        lost = [name for name in NAMES if getattr(before, name) != getattr(after, name)]
        assert all(getattr(after, name) is None for name in lost)
        assert after.body_truncated == bool(lost)
        as_before = {name: getattr(before, name) for name in NAMES}
        assert msgspec.structs.replace(after, **as_before, body_truncated=False) == before


@given(bodies=st.lists(st.tuples(BODY, BODY, BODY), max_size=8))
def test_nothing_is_left_out_that_would_have_fitted(bodies: Bodies) -> None:
    messages = make_messages(bodies)
    if size_in_lambda(messages) <= LIMIT:
        assert fitted(messages, LIMIT) == messages


@given(bodies=st.lists(st.tuples(BODY, BODY, BODY), max_size=8))
def test_no_body_longer_than_one_left_out_is_kept(bodies: Bodies) -> None:
    messages = make_messages(bodies)
    kept = fitted(messages, LIMIT)
    lost, left = [0], [0]
    for before, after in zip(messages, kept, strict=True):
        for name in NAMES:
            length = len(getattr(before, name) or "")
            (left if getattr(after, name) is not None else lost).append(length)
    if any(message.body_truncated for message in kept):
        assert max(left) <= max(lost)
