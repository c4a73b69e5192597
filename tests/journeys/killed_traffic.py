"""Clients that send and bring mail to a system that is killed under them; what they were promised."""

import random
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.journeys.smtp_lane import bring
from tests.journeys.system import RunningSystem

SENDERS = 3
BRINGERS = 2
PAUSE_SECONDS = 0.05  # at most so long from an answer to the kill


@dataclass
class Traffic:
    """So many sends and mails, each with a subject of its own, tried once."""

    luck: random.Random
    inbox: dict[str, Any]
    recipients: tuple[str, ...]
    sends: int
    mails: int
    accepted: dict[str, str] = field(default_factory=dict)  # message id by subject: answered with 202
    taken: dict[str, str] = field(default_factory=dict)  # SES id by subject: answered with 250
    unanswered: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._to_send = iter(range(self.sends))
        self._to_bring = iter(range(self.mails))

    @property
    def answered(self) -> int:
        return len(self.accepted) + len(self.taken)

    def until_killed(self, running: RunningSystem, kills_left: int, *, alone: bool) -> None:
        """Kill it after some more answers: `kills_left` kills, this one among them, share what is left."""
        share = max(2, 2 * (self.sends + self.mails - self.answered - len(self.unanswered)) // (kills_left + 1))
        enough = self.answered + self.luck.randint(1, share - 1)
        with ThreadPoolExecutor(SENDERS + BRINGERS) as clients:
            working = self._clients(clients, running)
            while self.answered < enough and not all(client.done() for client in working):
                time.sleep(0.005)
            time.sleep(self.luck.uniform(0, PAUSE_SECONDS))
            running.kill(alone=alone)
            for client in working:
                client.result()

    def to_the_end(self, running: RunningSystem) -> None:
        with ThreadPoolExecutor(SENDERS + BRINGERS) as clients:
            for client in self._clients(clients, running):
                client.result()

    def _clients(self, clients: ThreadPoolExecutor, running: RunningSystem) -> list[Any]:
        lanes: list[Callable[[RunningSystem], None]] = [*[self._send_all] * SENDERS, *[self._bring_all] * BRINGERS]
        return [clients.submit(lane, running) for lane in lanes]

    def _send_all(self, running: RunningSystem) -> None:
        with running.client() as client:
            for number in self._numbers(self._to_send):
                subject = f"goes-{number}-"
                draft = {"to": [self.recipients[number % len(self.recipients)]], "subject": subject, "bodyText": "Hi"}
                try:
                    answer = client.post(f"/inboxes/{self.inbox['id']}/messages", json=draft)
                except httpx.TransportError:
                    self.unanswered.add(subject)
                    return
                assert answer.status_code == 202, answer.text
                self.accepted[subject] = answer.json()["id"]

    def _bring_all(self, running: RunningSystem) -> None:
        for number in self._numbers(self._to_bring):
            subject = f"comes-{number}-"
            mail = f"From: carl@example.com\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.com>\r\n\r\nHi\r\n"
            answers: list[str] = []
            with suppress(OSError, smtplib.SMTPException):  # it is gone, perhaps after its 250
                bring(running.smtp, [mail.encode()], [self.inbox["address"]], answers.append)
            if not answers:
                self.unanswered.add(subject)
                return
            self.taken[subject] = answers[0]

    def _numbers(self, left: Iterator[int]) -> Iterator[int]:
        while True:
            with self._lock:
                number = next(left, None)
            if number is None:
                return
            yield number
