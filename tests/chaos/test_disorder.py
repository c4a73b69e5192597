"""News in every order and any number of times ends in the status of the lattice, and each change is told once.

`make chaos` shuffles 100,000 sequences from CHAOS_SEED; `make test` some thousands.
"""

import os
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from chalicelib.domain.delivery import DeliveryReport, EventType, MessageDelivery, StatusChange, event_type
from chalicelib.domain.delivery_status import DeliveryStatus, message_status
from tests.chaos.progress import Progress
from tests.factories.deliveries import ACCEPTED_AT, RECIPIENTS, REPORTED_AT, make_report

QUEUED, SENDING, FAILED_LOCALLY, SENT, FAILED_SOFTLY, DELIVERED, FAILED, BOUNCED, COMPLAINED = DeliveryStatus
SES_ID = "010f019a1c2d3e4f-5b7c1d20-000000"
OF_SES = (SENT, FAILED_SOFTLY, DELIVERED, FAILED, BOUNCED, COMPLAINED)
FEW, MANY = 3_000, 100_000
LONGEST = 5  # permutations


def about_one(status: DeliveryStatus | None, recipient: str | None, seconds: int = 0) -> DeliveryReport:
    """What SES says; its id proves that it took the mail."""
    at = REPORTED_AT + timedelta(seconds=seconds)
    return make_report(status, recipient, ses_message_id=SES_ID, occurred_at=at)


def about_all(status: DeliveryStatus, seconds: int = 0) -> DeliveryReport:
    """What we find out ourselves."""
    type_ = EventType.SENDING if status is SENDING else event_type(status.shown)
    at = REPORTED_AT + timedelta(seconds=seconds)
    return make_report(status, None, every_recipient=True, type=type_, occurred_at=at)


class Story:
    """A message whose news comes one by one; what it told of each change, and what must be true of it."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.delivery = MessageDelivery.begin(addresses, ACCEPTED_AT)
        self.told: tuple[StatusChange, ...] = ()
        self.learned: tuple[DeliveryReport, ...] = ()

    def after(self, report: DeliveryReport) -> "Story":
        story = Story(())
        story.delivery, changes = self.delivery.apply(report)
        story.told = (*self.told, *changes)
        story.learned = (*self.learned, report)
        return story

    def expected(self, address: str) -> DeliveryStatus:
        """The highest rank that any of the news proves, by docs/statuses.md."""
        ranks = [QUEUED]
        for report in self.learned:
            if report.ses_message_id is not None:
                ranks.append(SENT)
            if report.status is not None and (report.every_recipient or report.recipient == address):
                ranks.append(report.status)
        return max(ranks)

    def check(self) -> None:
        ends = {known.address: known.status for known in self.delivery.recipients}
        assert ends == {address: self.expected(address) for address in ends}
        assert self.delivery.message_status is message_status(ends.values())
        raised = [(change.recipient, change.after) for change in self.told]
        assert len(raised) == len(set(raised)), "a change was told twice"
        for address, end in ends.items():
            steps = [change for change in self.told if change.recipient == address]
            assert [change.before for change in steps] == [QUEUED, *(change.after for change in steps)][
                :-1
            ] or not steps
            assert (steps[-1].after if steps else QUEUED) is end, "the last change told is where it stands"
        entries = [entry.id for entry in self.delivery.timeline]
        assert len(entries) == len(set(entries))

    def check_repetition(self) -> None:
        for report in self.learned:
            assert self.delivery.apply(report) == (self.delivery, ())


# ----------------------------------------------------------------------------------------- every permutation


def permuted(story: Story, left: Sequence[DeliveryReport], longest: int) -> Iterator[Story]:
    """The story after each sequence of some of the news; every beginning is told once."""
    for place, report in enumerate(left):
        after = story.after(report)
        yield after
        if longest > 1:
            yield from permuted(after, (*left[:place], *left[place + 1 :]), longest - 1)


ONE, TWO = RECIPIENTS[:1], RECIPIENTS[:2]
OF_ONE = (
    about_all(SENDING),
    about_all(FAILED_LOCALLY, 1),
    about_one(None, None, 2),
    *(about_one(status, ONE[0], number) for number, status in enumerate(OF_SES, 3)),
)
OF_TWO = (
    about_all(FAILED_LOCALLY),
    *(about_one(status, address, int(status)) for status in (SENT, DELIVERED, BOUNCED) for address in TWO),
)


@pytest.mark.parametrize(("addresses", "news"), [(ONE, OF_ONE), (TWO, OF_TWO)], ids=["one", "two"])
def test_every_permutation_of_up_to_five_events_ends_as_the_lattice_says(
    addresses: Sequence[str], news: Sequence[DeliveryReport]
) -> None:
    checked = 0
    for story in permuted(Story(addresses), news, LONGEST):
        story.check()
        checked += 1
    assert checked == sum(arrangements(len(news), length) for length in range(1, LONGEST + 1))


def arrangements(of: int, length: int) -> int:
    return 1 if length == 0 else of * arrangements(of - 1, length - 1)


# ------------------------------------------------------------------------------------------------- at random


def shuffled(luck: random.Random) -> Story:
    """News of up to five recipients, some of it several times, in any order."""
    addresses = RECIPIENTS[: luck.randint(1, 5)]
    news = [about_all(luck.choice([SENDING, FAILED_LOCALLY, SENT]), number) for number in range(luck.randint(0, 2))]
    for number in range(luck.randint(1, 9)):
        status = luck.choice([*OF_SES, None])
        news.append(
            about_one(status, None if status is None else luck.choice(addresses), luck.randrange(3 * number + 1))
        )
    arrival = news + luck.choices(news, k=luck.randint(0, 8))
    luck.shuffle(arrival)
    story = Story(addresses)
    for report in arrival:
        story = story.after(report)
    return story


def check_shuffled(luck: random.Random) -> None:
    story = shuffled(luck)
    story.check()
    story.check_repetition()


def test_shuffled_and_repeated_news_ends_as_the_lattice_says() -> None:
    seed = random.randrange(2**32)
    print("CHAOS_SEED", seed)  # noqa: T201  shown when it fails
    luck = random.Random(seed)
    for _ in range(FEW):
        check_shuffled(luck)


@pytest.mark.long
def test_a_hundred_thousand_shuffled_sequences(progress: Progress) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(2**32)))
    for number in progress(f"shuffled news from CHAOS_SEED={seed}", range(MANY)):
        check_shuffled(random.Random(f"{seed} {number}"))
    progress.say(f"{MANY:,} shuffled sequences from CHAOS_SEED={seed}: 0 violations")
