"""The contract of MessageStore (operations/ports)."""

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from chalicelib.domain.arrival import Authentication, MessageWarning, Verdict, WarningCode
from chalicelib.domain.attachment import MessageAttachment
from chalicelib.domain.delivery import EventType, MessageDelivery, Reason
from chalicelib.domain.delivery_status import DeliveryStatus
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import AttachmentId, MessageKey, ThreadKey
from chalicelib.domain.inbox import InboxStatus
from chalicelib.domain.message import DeliveryMode, Direction, MessageContent
from chalicelib.domain.reputation import UNTRIED, Reputation
from chalicelib.operations.ports import (
    CountedOutcome,
    InboxStore,
    MessageStore,
    Outcome,
    StoredMessage,
    VersionConflict,
)
from chalicelib.storage.inbox_store import DynamoInboxStore
from chalicelib.storage.message_store import DynamoMessageStore
from tests.factories.accounts import make_inbox
from tests.factories.deliveries import ADA, BOB, make_report
from tests.factories.messages import NOON, make_arrival, make_content, make_mailbox
from tests.fakes.blob_store import FakeBlobStore
from tests.fakes.inbox_store import FakeInboxStore
from tests.fakes.message_store import FakeMessageStore
from tests.storage.faults import Network
from tests.storage.parallel import at_once

KEY = MessageKey(7, 3)
BOUNCED = Outcome(bounced=True, complained=False)
COMPLAINED = Outcome(bounced=False, complained=True)
ENOUGH = 10_000_000  # a budget that no page here reaches
WHOLE = make_content(
    key=KEY,
    thread=ThreadKey(7, 1),
    direction=Direction.INBOUND,
    mode=DeliveryMode.DRY_RUN,
    sender=make_mailbox("agent@mail.example.com", "Ägent 😀"),
    to=(make_mailbox(ADA, "Ada"), make_mailbox(BOB)),
    cc=(make_mailbox("cc@example.com"),),
    bcc=(make_mailbox("bcc@example.com", "Hidden"),),
    reply_to=(make_mailbox("reply@example.com"),),
    subject="Grüße, 你好",
    body_text="Good morning\r\n\tAda \x00 😀\n",
    body_html="<p>Good morning</p>",
    headers={"X-Campaign": "one", "List-Id": "<l.example.com>"},
    metadata={"order": "42", "": ""},
    in_reply_to="<a@example.com>",
    references=("<b@example.com>", "<a@example.com>"),
    created_at=NOON + timedelta(milliseconds=1),
    attachments=(
        MessageAttachment(AttachmentId("att_1"), "résumé.pdf", "application/pdf", 5),
        MessageAttachment(AttachmentId("att_2"), "logo.png", "image/png", 7, content_id="logo@x", inline=True),
    ),
    arrival=make_arrival(
        date=NOON,
        authentication=Authentication(spf=Verdict.PASS, dkim=Verdict.GRAY, dmarc=Verdict.FAIL, virus=Verdict.PASS),
        warnings=(MessageWarning(WarningCode.HIDDEN_TEXT, "12 characters are hidden"),),
        is_sender_sure=False,
    ),
)


@dataclass(frozen=True)
class Stores:
    messages: MessageStore
    inboxes: InboxStore


@pytest.fixture
def stores(*, is_fake: bool) -> Stores:
    inboxes = FakeInboxStore() if is_fake else DynamoInboxStore()
    inboxes.create(make_inbox(bounce_count=0, complaint_count=0))
    if isinstance(inboxes, FakeInboxStore):
        return Stores(FakeMessageStore(inboxes), inboxes)
    return Stores(DynamoMessageStore(FakeBlobStore()), inboxes)


@pytest.fixture
def messages(stores: Stores) -> MessageStore:
    return stores.messages


def incompressible(characters: int, seed: int = 0) -> str:
    """Text that zlib cannot make much smaller."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits + "+/", k=characters))


def numbered(sequence: int, **changes: object) -> MessageContent:
    return make_content(key=MessageKey(7, sequence), subject=f"Number {sequence}", **changes)


def begun() -> MessageDelivery:
    return MessageDelivery.begin([ADA, BOB], NOON)


# ---------------------------------------------------------------------------------------------- contents


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        make_content(key=KEY),
        make_content(key=KEY, suppressed=("a@b.example",)),
        make_content(key=KEY, body_text=None, subject=""),
    ],
)
def test_a_content_is_read_back_as_it_was_put(messages: MessageStore, content: MessageContent) -> None:
    messages.put(content)
    assert messages.get(KEY) == StoredMessage(content, None)


def test_an_unknown_message_is_none(messages: MessageStore) -> None:
    messages.put(WHOLE)
    assert messages.get(MessageKey(7, 30)) is None
    assert messages.get(MessageKey(8, 3)) is None
    assert messages.get_delivery(KEY) is None


def test_messages_of_several_inboxes_are_read_together(messages: MessageStore) -> None:
    elsewhere = make_content(key=MessageKey(8, 3), thread=ThreadKey(8, 3))
    for content in (WHOLE, elsewhere):
        messages.put(content)
    messages.save_delivery(elsewhere.key, begun())
    assert messages.get_together([KEY, elsewhere.key, MessageKey(8, 4), MessageKey(9, 3)]) == {
        KEY: StoredMessage(WHOLE, None),
        elsewhere.key: StoredMessage(elsewhere, replace(begun(), version=1)),
    }
    assert messages.get_together([]) == {}


@pytest.mark.usefixtures("table")
def test_a_message_with_bodies_in_the_bucket_is_not_read_with_others() -> None:
    messages = DynamoMessageStore(FakeBlobStore())
    long = make_content(key=MessageKey(7, 4), body_text=incompressible(600_000))
    for content in (WHOLE, long):
        messages.put(content)
    assert messages.get_together([KEY, long.key]).keys() == {KEY}


def test_putting_the_same_again_is_harmless(messages: MessageStore) -> None:
    messages.put(WHOLE)
    messages.save_delivery(KEY, begun())
    messages.put(WHOLE)
    stored = messages.get(KEY)
    assert stored == StoredMessage(WHOLE, replace(begun(), version=1))


@pytest.mark.parametrize(
    "bodies",
    [
        {"body_text": incompressible(1_000_000), "body_html": incompressible(1_000_000, 1)},
        {"body_text": None, "body_html": incompressible(600_000)},
        {"body_text": "short", "body_html": "<p>" + "long " * 200_000},
        {"body_text": "", "body_html": incompressible(600_000)},
    ],
)
def test_bodies_of_any_length_come_back_whole(messages: MessageStore, bodies: dict[str, str | None]) -> None:
    content = make_content(key=KEY, **bodies)
    messages.put(content)
    assert messages.get(KEY) == StoredMessage(content, None)
    assert messages.page([KEY], body_budget=ENOUGH) == [StoredMessage(content, None)]
    assert messages.body_urls(content) is None


def test_bodies_above_4_mb_in_an_answer_have_links(messages: MessageStore) -> None:
    long = make_content(key=KEY, body_text="😀" * 340_000)  # 12 bytes each, escaped twice
    messages.put(long)
    assert messages.get(KEY) == StoredMessage(long, None)
    urls = messages.body_urls(long)
    assert urls is not None
    assert urls.text is not None
    assert urls.html is None
    assert messages.body_urls(make_content(key=KEY, body_text="😀" * 330_000)) is None


def test_a_deleted_message_leaves_nothing(messages: MessageStore) -> None:
    messages.put(make_content(key=KEY, body_text=incompressible(600_000)))
    messages.save_delivery(KEY, begun())
    messages.delete(KEY)
    messages.delete(KEY)
    assert messages.get(KEY) is None
    assert messages.get_delivery(KEY) is None
    assert messages.page([KEY], body_budget=ENOUGH) == []


@pytest.mark.usefixtures("table")
def test_a_body_that_is_missing_in_the_bucket_is_not_taken_for_no_body(caplog: pytest.LogCaptureFixture) -> None:
    blobs = FakeBlobStore()
    messages = DynamoMessageStore(blobs)
    messages.put(make_content(key=KEY, body_text=incompressible(400_000)))
    blobs.blobs.clear()
    found = messages.get(KEY)
    assert found is not None
    assert (found.content.body_text, found.content.body_truncated) == (None, True)
    assert "a body is missing" in caplog.text


@pytest.mark.usefixtures("table")
def test_a_deleted_message_leaves_no_blobs() -> None:
    blobs = FakeBlobStore()
    messages = DynamoMessageStore(blobs)
    messages.put(make_content(key=KEY, body_text=incompressible(600_000), body_html=incompressible(600_000)))
    assert len(blobs.blobs) == 2
    messages.delete(KEY)
    assert blobs.blobs == {}


# -------------------------------------------------------------------------------------------- deliveries


def test_a_delivery_is_read_back_with_everything_known(messages: MessageStore) -> None:
    reason = Reason("bounce_permanent_general", "No such address.", diagnostic="550 5.1.1 äh", retryable=True)
    delivery, _ = begun().apply(make_report(DeliveryStatus.BOUNCED, reason=reason))
    delivery, _ = delivery.apply(make_report(None, None, type=EventType.DELAYED))
    delivery = replace(
        delivery,
        submitted_at=NOON + timedelta(microseconds=7),
        ses_message_id="ses-1",
        message_id_header="<ses-1@email.amazonses.com>",
        in_reply_to="<a@example.com>",
        references=("<a@example.com>",),
        overtaken_at=NOON + timedelta(minutes=10),
        resent_at=NOON + timedelta(minutes=15),
    )
    messages.put(WHOLE)
    saved = messages.save_delivery(KEY, delivery)
    assert saved == replace(delivery, version=1)
    assert messages.get_delivery(KEY) == saved
    assert messages.get(KEY) == StoredMessage(WHOLE, saved)


def test_a_delivery_is_saved_only_over_the_version_that_was_read(messages: MessageStore) -> None:
    first = messages.save_delivery(KEY, begun())
    with pytest.raises(VersionConflict):
        messages.save_delivery(KEY, replace(begun(), ses_message_id="late"))
    second = messages.save_delivery(KEY, replace(first, ses_message_id="ses-1"))
    with pytest.raises(VersionConflict):
        messages.save_delivery(KEY, replace(first, ses_message_id="late"))
    assert messages.get_delivery(KEY) == second
    assert second.version == 2


def test_a_delivery_that_is_gone_is_not_brought_back(messages: MessageStore) -> None:
    known = messages.save_delivery(KEY, begun())
    messages.delete(KEY)
    with pytest.raises(VersionConflict):
        messages.save_delivery(KEY, known)
    assert messages.get_delivery(KEY) is None


def test_changes_made_at_once_are_all_kept(stores: Stores) -> None:
    messages = stores.messages
    messages.save_delivery(KEY, begun())

    def add(name: str) -> None:
        while True:
            known = messages.get_delivery(KEY)
            assert known is not None
            try:
                messages.save_outcome(KEY, replace(known, references=(*known.references, name)), BOUNCED)
            except VersionConflict:
                continue
            return

    names = [f"<{number}@example.com>" for number in range(12)]
    at_once([lambda name=name: add(name) for name in names])  # type: ignore[misc]
    known = messages.get_delivery(KEY)
    assert known is not None
    assert sorted(known.references) == sorted(names)
    inbox = stores.inboxes.get(7)
    assert inbox is not None
    assert (inbox.bounce_count, inbox.complaint_count) == (12, 0)


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (BOUNCED, (1, 0)),
        (COMPLAINED, (0, 1)),
        (Outcome(bounced=True, complained=True), (1, 1)),
    ],
)
def test_an_outcome_is_counted_with_the_save_it_came_with(
    stores: Stores, outcome: Outcome, counted: tuple[int, int]
) -> None:
    saved = stores.messages.save_outcome(KEY, begun(), outcome)
    with pytest.raises(VersionConflict):
        stores.messages.save_outcome(KEY, replace(begun(), ses_message_id="late"), BOUNCED)
    assert saved == CountedOutcome(replace(begun(), version=1), is_to_be_judged=False)
    assert stores.inboxes.get(7) == make_inbox(
        bounce_count=counted[0], complaint_count=counted[1], reputation=Reputation(0, *counted)
    )


@pytest.mark.parametrize(
    ("before", "outcome", "is_bad"),
    [
        (Reputation(sends=99, bounces=50), BOUNCED, False),  # too few to judge
        (Reputation(sends=100, bounces=4), BOUNCED, False),  # 5 % and no more
        (Reputation(sends=100, bounces=5), BOUNCED, True),
        (Reputation(sends=119, bounces=5), BOUNCED, True),
        (Reputation(sends=120, bounces=5), BOUNCED, False),
        (Reputation(sends=999), COMPLAINED, True),
        (Reputation(sends=1_000), COMPLAINED, False),
        (Reputation(sends=1_000, complaints=1), COMPLAINED, True),
        (Reputation(sends=1_000, bounces=50, complaints=1), BOUNCED, True),
    ],
)
def test_the_save_says_when_its_outcome_is_one_too_many(
    stores: Stores, before: Reputation, outcome: Outcome, *, is_bad: bool
) -> None:
    stores.inboxes.create(make_inbox(number=8, address="other@mail.example.com", reputation=before))
    saved = stores.messages.save_outcome(MessageKey(8, 3), begun(), outcome)
    inbox = stores.inboxes.get(8)
    assert inbox is not None
    assert saved.is_to_be_judged is is_bad is inbox.has_lost_trust


def test_an_outcome_of_a_suspended_inbox_asks_for_no_judgement(stores: Stores) -> None:
    before = Reputation(sends=100, bounces=6)
    stores.inboxes.create(
        make_inbox(number=8, address="other@mail.example.com", status=InboxStatus.SUSPENDED, reputation=before)
    )
    assert not stores.messages.save_outcome(MessageKey(8, 3), begun(), BOUNCED).is_to_be_judged


def test_what_was_sent_before_the_inbox_was_set_to_active_counts_in_its_totals_alone(stores: Stores) -> None:
    before = Reputation(sends=100, bounces=5, since_sequence=4)
    stores.inboxes.create(make_inbox(number=8, address="other@mail.example.com", bounce_count=0, reputation=before))
    assert not stores.messages.save_outcome(MessageKey(8, 3), begun(), BOUNCED).is_to_be_judged
    inbox = stores.inboxes.get(8)
    assert inbox is not None
    assert (inbox.bounce_count, inbox.reputation) == (1, before)
    assert stores.messages.save_outcome(MessageKey(8, 4), begun(), BOUNCED).is_to_be_judged


# ------------------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("wanted", [[5, 4, 3, 2], [2, 40, 3, 9], [8], [300, 299, 1], [77]])
def test_a_page_has_the_messages_asked_for_in_that_order(messages: MessageStore, wanted: Sequence[int]) -> None:
    stored = [2, 3, 4, 5, 9, 40, 299, 300]
    for sequence in stored:
        messages.put(numbered(sequence))
    known = messages.save_delivery(MessageKey(7, 3), begun())
    page = messages.page([MessageKey(7, sequence) for sequence in wanted], body_budget=ENOUGH)
    assert page == [
        StoredMessage(numbered(sequence), known if sequence == 3 else None) for sequence in wanted if sequence in stored
    ]


def test_an_empty_page_is_empty(messages: MessageStore) -> None:
    assert messages.page([], body_budget=ENOUGH) == []


@pytest.mark.parametrize(
    ("budget", "cut"),
    [
        (1_000_000, set()),
        (700_403, set()),
        (700_402, {2}),
        (403, {2}),
        (402, {2, 4}),
        (3, {1, 2, 4}),
        (0, {1, 2, 3, 4}),
    ],
)
def test_the_longest_bodies_are_left_out_until_the_rest_fits(
    messages: MessageStore, budget: int, cut: set[int]
) -> None:
    contents = {
        1: numbered(1, body_text="ä" * 50),  # 100 bytes
        2: numbered(2, body_text=incompressible(400_000), body_html=incompressible(300_000)),
        3: numbered(3, body_text="abc"),
        4: numbered(4, body_text=None, body_html="b" * 300),
    }
    for content in contents.values():
        messages.put(content)
    page = messages.page([content.key for content in contents.values()], body_budget=budget)
    for stored in page:
        sequence = stored.content.key.sequence
        whole = contents[sequence]
        left_out = replace(whole, body_text=None, body_html=None, body_truncated=True)
        assert stored.content == (left_out if sequence in cut else whole)


# ------------------------------------------------------------------------------------------ lost replies


def test_a_save_that_the_sdk_repeats_is_one_save(network: Network) -> None:
    messages = DynamoMessageStore(FakeBlobStore())
    network.repeat("PutItem")
    assert messages.save_delivery(KEY, begun()).version == 1


@pytest.mark.parametrize("reputation", [UNTRIED, Reputation(sends=100, bounces=5)])
def test_an_outcome_whose_save_the_sdk_repeats_is_counted_once(network: Network, reputation: Reputation) -> None:
    inboxes, messages = DynamoInboxStore(), DynamoMessageStore(FakeBlobStore())
    inboxes.create(make_inbox(bounce_count=0, reputation=reputation))
    network.repeat("TransactWriteItems")
    assert messages.save_outcome(KEY, begun(), BOUNCED).delivery.version == 1
    inbox = inboxes.get(7)
    assert inbox is not None
    assert (inbox.bounce_count, inbox.reputation.bounces) == (1, reputation.bounces + 1)


def test_an_outcome_is_counted_although_the_inbox_is_busy(network: Network) -> None:
    inboxes, messages = DynamoInboxStore(), DynamoMessageStore(FakeBlobStore())
    inboxes.create(make_inbox(bounce_count=0))
    network.conflict("TransactWriteItems")
    messages.save_outcome(KEY, begun(), BOUNCED)
    inbox = inboxes.get(7)
    assert inbox is not None
    assert inbox.bounce_count == 1


def test_a_time_out_is_unavailable_and_putting_again_is_harmless(network: Network) -> None:
    messages = DynamoMessageStore(FakeBlobStore())
    network.lose_reply("PutItem")
    with pytest.raises(Unavailable):
        messages.put(WHOLE)
    messages.put(WHOLE)
    assert messages.get(KEY) == StoredMessage(WHOLE, None)


def test_a_received_message_is_stored_however_long_and_odd_its_texts_are(stores: Stores) -> None:
    """An item has room for 400 KB; what is derived from the mail gives way, the bodies do not."""
    chosen = random.Random(7)
    odd = "".join(chr(chosen.randrange(0x4E00, 0x9FFF)) for _ in range(200_000))
    name = "".join(chr(chosen.randrange(0x4E00, 0x9FFF)) for _ in range(40))
    files = tuple(MessageAttachment(AttachmentId(f"att_{number}"), name, "x/y", 1) for number in range(1_000))
    content = replace(WHOLE, body_text=odd * 3, attachments=files, arrival=make_arrival(extracted_text=odd))

    stores.messages.put(content)

    stored = stores.messages.get(KEY)
    assert stored is not None
    assert stored.content.arrival is not None
    assert odd.startswith(stored.content.arrival.extracted_text or "-")
    assert replace(stored.content, arrival=content.arrival) == content


LONG_TEXT = "".join(random.Random(8).choices(string.ascii_letters, k=900_000))


@pytest.mark.parametrize("body", ["Good morning.\n\n> Well?\n", LONG_TEXT, None, "other words"])
@pytest.mark.parametrize("extracted", ["Good morning.", LONG_TEXT[:200_000], "", None])
def test_the_new_words_are_read_back_wherever_the_text_lies(
    stores: Stores, body: str | None, extracted: str | None
) -> None:
    content = replace(WHOLE, body_text=body, arrival=make_arrival(extracted_text=extracted))

    stores.messages.put(content)

    assert stores.messages.get(KEY) == StoredMessage(content, None)
    (listed,) = stores.messages.page([KEY], body_budget=0)
    assert listed.content.arrival == content.arrival
