"""The schedule's door: each event is one run of housekeeping."""

import pytest

from app import app
from chalicelib.events import housekeeping

EVENT = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": [], "time": "", "id": "1"}


def test_each_event_is_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    class Operations:
        def keep_house(self) -> int:
            runs.append("run")
            return 0

    monkeypatch.setattr(housekeeping, "operations", Operations)

    event = EVENT | {"version": "0", "account": "000000000000", "region": "us-east-1"}
    housekeeping.housekeeping(event, None)

    assert runs == ["run"]


def test_the_app_has_it_on_a_schedule() -> None:
    assert "housekeeping" in {source.name for source in app.event_sources}
