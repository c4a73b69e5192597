"""Announcing waiting mail again: everything that is not in its inboxes yet, and nothing twice in them."""

import logging

import pytest

from tests.operations.incoming import make_mail, make_receipt, only_message
from tests.operations.test_receive_message_crashes import dies
from tests.operations.watched import Crash, Failing
from tests.operations.world import World


def test_mail_whose_notices_were_lost_gets_into_its_inbox() -> None:
    world = World()
    receipt = make_receipt()
    world.mails.put(receipt.blob, make_mail(), receipt)

    assert world.requeue_received() == 1
    for notice in world.inbound_queue.notices:
        world.receive_message(notice)

    assert only_message(world).arrival is not None
    assert world.requeue_received() == 0


def test_mail_that_is_in_its_inbox_already_is_announced_in_vain() -> None:
    world = World()
    receipt = make_receipt()
    world.mails.put(receipt.blob, make_mail(), receipt)
    assert dies(world, Failing("mails.delete", [Crash()]), receipt)

    assert world.requeue_received() == 1
    world.receive_message(world.inbound_queue.notices[0])

    only_message(world)
    assert world.mails.stored == {}


def test_mail_without_a_receipt_stays_and_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.mails.put("inbound/alone", make_mail())

    with caplog.at_level(logging.WARNING):
        assert world.requeue_received() == 0

    assert [vars(record)["blob"] for record in caplog.records] == ["inbound/alone"]
    assert "inbound/alone" in world.mails.stored
