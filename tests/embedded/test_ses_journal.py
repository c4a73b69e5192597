import json
from pathlib import Path

import pytest

from embedded.ses_journal import KEEP_PUBLISHED_SECONDS, OwedDelivery, OwedEvent, SesJournal


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    return outbox


def open_journal(tmp_path: Path, outbox: Path, mails_kept: int = 10) -> SesJournal:
    return SesJournal(tmp_path / "journal.sqlite", outbox, mails_kept=mails_kept)


def owed(due_at: float, name: str) -> OwedEvent:
    return OwedEvent(due_at, "topic", {"name": name})


def names(journal: SesJournal, now: float) -> list[str]:
    return [json.loads(event.message)["name"] for event in journal.due(now)]


def test_events_come_when_they_are_due_in_that_order(tmp_path: Path, outbox: Path) -> None:
    journal = open_journal(tmp_path, outbox)
    journal.accept("1.eml", b"mail", [owed(30, "late"), owed(10, "first"), owed(10, "second")])
    assert names(journal, 9) == []
    assert journal.next_due_at() == 10
    assert names(journal, 30) == ["first", "second", "late"]
    journal.close()


def test_a_published_event_is_published_again_only_after_a_restart_soon_after(tmp_path: Path, outbox: Path) -> None:
    journal = open_journal(tmp_path, outbox)
    journal.accept("1.eml", b"mail", [owed(10, "old"), owed(20, "fresh"), owed(99, "to come")])
    old, fresh = journal.due(20)
    journal.published(old, 20)
    assert names(journal, 20) == ["fresh"]
    journal.published(fresh, 20 + KEEP_PUBLISHED_SECONDS + 1)  # by now the topic's side has saved the old one
    assert names(journal, 20) == []
    journal.close()

    restarted = open_journal(tmp_path, outbox)
    assert names(restarted, 99) == ["fresh", "to come"]
    restarted.close()


def test_every_mail_is_a_file_until_newer_ones_push_it_out(tmp_path: Path, outbox: Path) -> None:
    journal = open_journal(tmp_path, outbox, mails_kept=2)
    for number in range(4):
        journal.accept(f"{number}.eml", b"mail %d" % number, [])
    assert {path.name: path.read_bytes() for path in outbox.iterdir()} == {"2.eml": b"mail 2", "3.eml": b"mail 3"}
    journal.close()


def test_a_mail_accepted_just_before_a_crash_gets_its_file_at_the_next_start(
    tmp_path: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(tmp_path, outbox)

    def crash(_self: Path, _target: Path) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", crash)
        with pytest.raises(OSError, match="full"):
            journal.accept("1.eml", b"mail", [owed(1, "sent")])
    assert not (outbox / "1.eml").exists()
    journal.close()

    restarted = open_journal(tmp_path, outbox)
    assert (outbox / "1.eml").read_bytes() == b"mail"
    assert names(restarted, 1) == ["sent"]
    restarted.close()


def test_a_mail_is_refused_so_many_times_and_then_no_more_also_over_a_restart(tmp_path: Path, outbox: Path) -> None:
    journal = open_journal(tmp_path, outbox)
    assert journal.refuse_once_more("mail", 2)
    assert not journal.refuse_once_more("other mail", 0)
    journal.close()
    restarted = open_journal(tmp_path, outbox)
    assert [restarted.refuse_once_more("mail", 2) for _ in range(3)] == [True, False, False]
    restarted.close()


def test_a_delivery_is_owed_until_it_is_noted_as_done_together_with_its_events(tmp_path: Path, outbox: Path) -> None:
    journal = open_journal(tmp_path, outbox)
    journal.accept(
        "1.eml", b"mail", [], [OwedDelivery(10, {"to": "anna"}, b"for anna"), OwedDelivery(20, {}, b"later")]
    )
    assert (journal.due_delivery(9), journal.next_delivery_at()) == (None, 10)
    journal.close()

    restarted = open_journal(tmp_path, outbox)
    due = restarted.due_delivery(10)
    assert due is not None
    assert (due.body, due.raw) == ({"to": "anna"}, b"for anna")
    with pytest.raises(TypeError):
        restarted.delivered(due, [OwedEvent(10, "topic", {"name": object()})])
    assert restarted.due_delivery(10) == due
    assert names(restarted, 10) == []
    restarted.delivered(due, [owed(10, "delivered")])
    assert restarted.due_delivery(10) is None
    assert (names(restarted, 10), restarted.next_delivery_at()) == (["delivered"], 20)
    restarted.close()


def test_a_delivery_that_was_put_off_lets_the_others_go_first(tmp_path: Path, outbox: Path) -> None:
    journal = open_journal(tmp_path, outbox)
    journal.accept("1.eml", b"mail", [], [OwedDelivery(10, {}, b"first"), OwedDelivery(10, {}, b"second")])
    first = journal.due_delivery(10)
    assert first is not None
    journal.put_off(first, 11)
    second = journal.due_delivery(11)
    assert second is not None
    assert (first.raw, second.raw) == (b"first", b"second")
    journal.close()
