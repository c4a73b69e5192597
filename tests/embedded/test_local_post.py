"""Mail between inboxes of one deployment, and the answers of the simulator's persons."""

import email
import email.policy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.arrival import MessageKind
from chalicelib.mime.parse import parse_mail
from embedded.local_post import LocalPost
from embedded.resources import EventDestination
from embedded.ses_journal import SesJournal
from embedded.ses_simulator import SendRequest, SesSimulator
from tests.embedded.inbound_fakes import Broken, FakeBucket, FakeMailboxes, FakeTopic, inbound_over

ANNA, BERT, NOBODY = "anna@agents.test", "bert+x@agents.test", "nobody@agents.test"
ALL_TYPES = frozenset({"send", "delivery", "bounce"})
RAW = (
    b"From: Anna <anna@agents.test>\r\nTo: bert+x@agents.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nmessage-id:\r\n <ours@agents.test>\r\n"
    b"References: <first@agents.test> <second@agents.test>\r\n\r\nHow are you?\r\nMessage-ID: in the body\r\n"
)


class FakeHere(FakeMailboxes):
    def is_here(self, address: str) -> bool:
        return address.endswith("@agents.test")


@dataclass
class Post:
    """A simulator with stand-ins around it; `restart` kills it and begins anew from its journal."""

    folder: Path
    bucket: FakeBucket = field(default_factory=FakeBucket)
    topic: FakeTopic = field(default_factory=FakeTopic)
    addresses: FakeHere = field(default_factory=lambda: FakeHere({ANNA, BERT}))
    events: list[tuple[str, str]] = field(default_factory=list)  # kind and recipient
    now: float = 1_700_000_000.0

    def __post_init__(self) -> None:
        (self.folder / "outbox").mkdir()
        self._open()

    def restart(self) -> None:
        self.journal.close()
        self._open()

    def _open(self) -> None:
        self.journal = SesJournal(self.folder / "journal.sqlite", self.folder / "outbox")
        self.simulator = SesSimulator(
            self.journal,
            [EventDestination("set", "arn:events", ALL_TYPES)],
            publish=self._publish,
            region="us-east-1",
            local_post=LocalPost(self.addresses, inbound_over(self.bucket, self.topic), "us-east-1"),
            clock=lambda: self.now,
        )

    def _publish(self, _topic_arn: str, message: str) -> None:
        event = json.loads(message)
        self.events.append((event["eventType"], " ".join(_recipients(event))))

    def send(self, *to: str, raw: bytes = RAW) -> str:
        return self.simulator.send(SendRequest(raw, ANNA, to, "set", {}))

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.simulator.deliver_due()
        self.simulator.publish_due()

    def mails(self) -> list[bytes]:
        return [data for data, _ in self.bucket.objects.values()]


def _recipients(event: dict[str, Any]) -> list[str]:
    if event["eventType"] == "Delivery":
        return list(event["delivery"]["recipients"])
    if event["eventType"] == "Bounce":
        return [bounced["emailAddress"] for bounced in event["bounce"]["bouncedRecipients"]]
    return []


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    post = Post(tmp_path)
    yield post
    post.journal.close()


def test_a_mail_to_an_inbox_here_is_stored_and_announced_and_then_delivered(post: Post) -> None:
    ses_message_id = post.send(BERT)
    post.after(0)
    assert (post.events, post.mails()) == ([("Send", "")], [])

    post.after(0.5)

    [notice] = post.topic.notices
    [stored] = post.mails()
    assert post.events == [("Send", ""), ("Delivery", BERT)]
    assert notice["receipt"]["recipients"] == [BERT]
    assert notice["mail"]["source"] == f"{ses_message_id}@amazonses.com"
    assert {notice["receipt"][f"{check}Verdict"]["status"] for check in ("spf", "dkim", "dmarc")} == {"PASS"}
    message_id = f"<{ses_message_id}@email.amazonses.com>"
    assert stored.endswith(RAW.replace(b"message-id:\r\n <ours@agents.test>", b"Message-ID: " + message_id.encode()))


def test_an_address_here_that_no_inbox_has_bounces_and_the_others_get_the_mail(post: Post) -> None:
    post.send(ANNA, NOBODY, BERT, "success@simulator.amazonses.com", "someone@example.com")
    post.after(0.5)

    assert post.topic.notices[0]["receipt"]["recipients"] == [ANNA, BERT]
    assert len(post.topic.notices) == 1
    assert sorted(post.events) == [
        ("Bounce", NOBODY),
        ("Delivery", ANNA),
        ("Delivery", BERT),
        ("Delivery", "success@simulator.amazonses.com"),
        ("Send", ""),
    ]
    assert NOBODY.encode() not in post.mails()[0]


def test_nobody_to_deliver_to_leaves_nothing_in_the_bucket(post: Post) -> None:
    post.send(NOBODY)
    post.after(0.5)

    assert (post.bucket.puts, post.topic.notices) == ([], [])
    assert post.events == [("Send", ""), ("Bounce", NOBODY)]


def test_a_blind_copy_stands_in_no_header(post: Post) -> None:
    post.send(ANNA, BERT, raw=b"Bcc: bert+x@agents.test,\r\n x@example.com\r\nSubject: Hi\r\n\r\nBcc: in the body\r\n")
    post.after(0.5)

    [stored] = post.mails()
    header, _, body = stored.partition(b"\r\n\r\n")
    assert b"bert" not in header
    assert b"x@example.com" not in header
    assert body == b"Bcc: in the body\r\n"


def test_a_mail_without_a_message_id_gets_one(post: Post) -> None:
    ses_message_id = post.send(BERT, raw=b"\r\nonly a body\r\n")
    post.after(0.5)

    assert f"<{ses_message_id}@email.amazonses.com>\r\n\r\nonly".encode() in post.mails()[0]


def test_a_delivery_that_fails_is_tried_again_and_holds_up_no_other(post: Post) -> None:
    post.topic.failures = 1
    post.send(BERT)
    post.send(ANNA)
    post.after(0.5)
    assert post.events == [("Send", ""), ("Send", ""), ("Delivery", ANNA)]
    assert len(post.bucket.objects) == 1

    post.after(1.1)

    assert post.events[-1] == ("Delivery", BERT)
    assert len(post.bucket.objects) == len(post.topic.notices) == 2


def test_a_crash_before_the_delivery_loses_nothing(post: Post) -> None:
    post.send(BERT)
    post.restart()
    post.after(0.5)

    assert [notice["receipt"]["recipients"] for notice in post.topic.notices] == [[BERT]]
    assert post.events[-1] == ("Delivery", BERT)


def test_a_crash_right_after_it_repeats_the_delivery_under_the_same_id(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.send(BERT, "reply+yes@simulator.test")
    with monkeypatch.context() as dying:
        dying.setattr(post.journal, "delivered", lambda *_: (_ for _ in ()).throw(Broken("killed")))
        for _ in range(2):
            with pytest.raises(Broken):
                post.after(1)
    post.restart()
    post.after(1)

    ids = [notice["mail"]["messageId"] for notice in post.topic.notices]
    assert len(ids) > len(set(ids)) == 2
    assert set(post.bucket.objects) == {f"inbound/{known}" for known in ids}
    post.after(60)
    post.restart()
    post.after(60)
    assert len(post.topic.notices) == len(ids)


def test_recipients_that_find_no_room_together_get_the_mail_in_groups(post: Post) -> None:
    names = [f"inbox-{number:0150}@agents.test" for number in range(30)]
    post.addresses.addresses |= set(names)
    post.send(*names)
    post.after(0.5)

    groups = [notice["receipt"]["recipients"] for notice in post.topic.notices]
    assert [name for group in groups for name in group] == names
    assert 1 < len(groups) < 10
    assert all(metadata["receipt"] for _, metadata in post.bucket.objects.values())


def test_the_person_at_the_simulator_answers_in_the_same_thread(post: Post) -> None:
    ses_message_id = post.send("reply+Sounds-good-to-me@simulator.test")
    post.after(0.5)
    assert (post.events[-1][0], post.mails()) == ("Delivery", [])

    post.after(0.5)

    [notice] = post.topic.notices
    [stored] = post.mails()
    assert notice["mail"]["source"] == "reply+Sounds-good-to-me@simulator.test"
    assert notice["receipt"]["recipients"] == [ANNA]
    read = parse_mail(stored)
    assert read.sender is not None
    assert (read.sender.address, read.to[0].address) == ("reply+Sounds-good-to-me@simulator.test", ANNA)
    assert read.subject == "Re: Grüße"
    message_id = f"<{ses_message_id}@email.amazonses.com>"
    assert read.in_reply_to == (message_id,)
    assert read.references == ("<first@agents.test>", "<second@agents.test>", message_id)
    assert read.extracted_text == "Sounds good to me"
    assert "> How are you?" in (read.body_text or "")
    assert (read.kind, read.automatic, read.degraded) == (MessageKind.NORMAL, False, None)
    post.after(60)
    assert len(post.topic.notices) == 1


def test_the_answer_goes_where_the_mail_wants_it_and_says_thank_you_when_it_has_no_words(post: Post) -> None:
    post.send("reply@simulator.test", raw=b"Reply-To: bert+x@agents.test\r\nSubject: Re: Hi\r\n" + RAW)
    post.after(1)

    [stored] = post.mails()
    answer = email.message_from_bytes(stored, policy=email.policy.default)
    assert answer["To"] == BERT
    assert answer["Subject"] == "Re: Hi"
    assert answer.get_content().startswith("Thank you\r\n")


@pytest.mark.parametrize("raw", [b"", b"\r\nNo header\r\n", b"From: nobody\r\n\r\n", b"From: x@example.com\r\n\r\n"])
def test_a_mail_that_nobody_can_answer_is_sent_all_the_same(post: Post, raw: bytes) -> None:
    post.send("reply+hm@simulator.test", raw=raw)
    post.after(1)

    assert post.events == [("Send", ""), ("Delivery", "reply+hm@simulator.test")]
    assert post.topic.notices == []


def test_a_long_chain_of_references_keeps_its_first_and_newest_ones_whole(post: Post) -> None:
    chain = [f"<{number:060}@mail.example>" for number in range(40)]
    raw = b"From: anna@agents.test\r\nReferences: " + "\r\n ".join(chain).encode() + b"\r\n\r\nHi\r\n"
    ses_message_id = post.send("reply+ok@simulator.test", raw=raw)
    post.after(1)

    read = parse_mail(post.mails()[0])
    message_id = f"<{ses_message_id}@email.amazonses.com>"
    first, *newest, last = read.references
    assert (first, last) == (chain[0], message_id)
    assert len(newest) > 5
    assert newest == chain[-len(newest) :]
    assert max(len(line) for line in post.mails()[0].split(b"\r\n")) <= 998
