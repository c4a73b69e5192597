"""The deployment's id key: one for every process, for ever."""

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.storage.id_key_store import load_or_create_id_key
from tests.storage.faults import Network
from tests.storage.parallel import at_once


@pytest.mark.usefixtures("table")
def test_every_process_gets_the_same_32_bytes() -> None:
    keys = set(at_once([load_or_create_id_key] * 16))
    assert len(keys) == 1
    assert keys == {load_or_create_id_key()}
    assert len(keys.pop()) == 32


def test_whoever_comes_second_takes_the_key_of_the_first(network: Network) -> None:
    firsts: list[bytes] = []
    network.before_next("PutItem", lambda: firsts.append(load_or_create_id_key()))
    assert [load_or_create_id_key()] == firsts


def test_a_key_whose_reply_was_lost_is_the_key(network: Network) -> None:
    network.repeat("PutItem")
    first = load_or_create_id_key()
    assert load_or_create_id_key() == first


def test_a_lost_reply_is_unavailable_and_leaves_one_key(network: Network) -> None:
    network.lose_reply("PutItem")
    with pytest.raises(Unavailable):
        load_or_create_id_key()
    assert load_or_create_id_key() == load_or_create_id_key()
