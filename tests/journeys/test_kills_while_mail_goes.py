"""Everything is killed while mail goes and comes: nothing answered is lost, nothing is sent twice."""

import email
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.killed_traffic import Traffic
from tests.journeys.received_mails import all_messages
from tests.journeys.storage import Storage
from tests.journeys.system import Journey, RunningSystem, until

pytestmark = pytest.mark.xdist_group("kills")


@pytest.mark.parametrize(("kills", "sends", "mails"), [(2, 24, 12), pytest.param(10, 500, 200, marks=pytest.mark.long)])
def test_what_was_answered_is_sent_and_received_once_after_kills_at_random_moments(
    tmp_path: Path, kills: int, sends: int, mails: int
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)  # noqa: T201  shown when it fails
    running = RunningSystem.start(tmp_path)
    with running.client() as client:
        ours, other = Journey(client).inbox, Journey(client).inbox
    addresses = ("success@simulator.amazonses.com", "reply+again@simulator.test", other["address"])
    traffic = Traffic(random.Random(seed), ours, addresses, sends, mails)
    for kill in range(kills):
        traffic.until_killed(running, kills - kill, alone=bool(kill % 2))
        running = RunningSystem.start(tmp_path)
    traffic.to_the_end(running)

    with running.client() as client:
        journey, neighbour = Journey(client), Journey(client)
        journey.inbox, neighbour.inbox = ours, other
        storage = Storage.of(journey)
        until(
            lambda: (
                [journey.listed(status=status)["total"] for status in ("queued", "sending", "sent")]
                + [*storage.in_queues().values(), len(storage.objects("inbound/"))]
            ),
            lambda left: not any(left),
        )
        _check(traffic, running, all_messages(journey), all_messages(neighbour))
    assert running.stop() == 0


def _check(
    traffic: Traffic, running: RunningSystem, messages: list[dict[str, Any]], there: list[dict[str, Any]]
) -> None:
    sent = Counter(str(email.message_from_bytes(raw)["Subject"]) for raw in running.outbox())
    assert set(sent.values()) <= {1}
    status = {message["id"]: message["status"] for message in messages}
    wrong = [
        (subject, status.get(key), sent[subject])
        for subject, key in traffic.accepted.items()
        if (status.get(key), sent[subject]) not in {("delivered", 1), ("failed", 0)}
    ]
    assert wrong == []
    assert set(sent) <= set(traffic.accepted) | traffic.unanswered
    counts = Counter((message["direction"], message["subject"]) for message in messages)
    assert set(counts.values()) == {1}
    assert [subject for subject in traffic.taken if counts["inbound", subject] != 1] == []
    to = {subject: int(subject.split("-")[1]) % len(traffic.recipients) for subject in sent}
    assert [subject for subject in sent if to[subject] == 1 and counts["inbound", f"Re: {subject}"] != 1] == []
    received = Counter(message["subject"] for message in there)
    assert received == Counter(subject for subject in sent if to[subject] == 2)
