"""Threads: who takes part in them."""

from chalicelib.domain.thread import participants_among
from tests.factories.messages import make_mailbox


def test_one_person_written_in_two_ways_is_one_participant() -> None:
    people = (make_mailbox("Ada@example.com"), make_mailbox("bob@example.com"), make_mailbox("ada@example.com"))
    assert participants_among(people) == ("ada@example.com", "bob@example.com")
