"""A conversation by real SMTP and HTTP, step by step: who is in which thread, and every count after each step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest

from tests.journeys.system import Journey, RunningSystem, until

pytestmark = pytest.mark.xdist_group("journeys")

PERSON = "reply+friday-suits-me@simulator.test"
SUCCESS = "success@simulator.amazonses.com"
CAROL, MALLORY, DAVE = "carol@example.com", "mallory@example.org", "dave@example.net"


@dataclass
class Talk:
    """One inbox of ours and the people who write to it."""

    system: RunningSystem
    journey: Journey

    @property
    def address(self) -> str:
        return str(self.journey.inbox["address"])

    def mail_in(
        self,
        sender: str,
        answered: dict[str, Any],
        words: str,
        *,
        verdicts: str = "",
        cc: Sequence[str] = (),
        reference_only: bool = False,
    ) -> dict[str, Any]:
        """Somebody's mail that says it answers a message; what it became."""
        mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
        if verdicts:
            mail["X-Embedded-Verdicts"] = verdicts
        mail["From"], mail["To"], mail["Subject"] = sender, self.address, "Re: Lunch?"
        if cc:
            mail["Cc"] = ", ".join(cc)
        mail["Message-ID"] = f"<{words.replace(' ', '-')}@example.com>"
        if not reference_only:
            mail["In-Reply-To"] = answered["messageIdHeader"]
        mail["References"] = " ".join([*answered["references"], answered["messageIdHeader"]])
        mail.set_content(f"{words}\n")
        wanted = self.total + 1
        assert self.system.mail_in(mail.as_bytes(), self.address, mail_from=sender) == {}
        until_total(self, wanted)
        newest: dict[str, Any] = self.journey.listed(limit=1)["data"][0]
        assert (newest["fromAddress"], newest["extractedText"]) == (sender, words)
        return newest

    @property
    def total(self) -> int:
        return int(self.journey.listed(limit=1)["total"])

    def threads(self) -> list[dict[str, Any]]:
        page = self.journey.call("GET", f"/inboxes/{self.journey.inbox['id']}/threads")
        assert page["total"] == len(page["data"])
        data: list[dict[str, Any]] = page["data"]
        return data

    def has(self, *threads: Sequence[dict[str, Any]]) -> None:
        """The inbox holds exactly these threads of these messages, the one with the newest message first."""
        listed = self.threads()
        assert [thread["id"] for thread in listed] == [messages[0]["threadId"] for messages in threads]
        for thread, messages in zip(listed, threads, strict=True):
            ids = [message["id"] for message in messages]
            inside = self.journey.call("GET", f"/threads/{thread['id']}/messages")
            assert ([message["id"] for message in inside["data"]], inside["total"]) == (ids, len(ids))
            assert thread == self.journey.call("GET", f"/threads/{thread['id']}")
            assert (thread["messageCount"], thread["lastMessage"]["id"]) == (len(ids), ids[-1])
            assert thread["lastMessageAt"] == messages[-1]["createdAt"]
            assert thread["subject"] == messages[0]["subject"]
        every = sorted(
            (message for messages in threads for message in messages), key=lambda message: message["createdAt"]
        )
        page = self.journey.listed(limit=100)
        assert page["total"] == len(every)
        assert [message["id"] for message in page["data"]] == [message["id"] for message in reversed(every)]


@pytest.fixture
def talk(system: RunningSystem, journey: Journey) -> Talk:
    return Talk(system, journey)


@pytest.fixture
def other(system: RunningSystem) -> Iterator[Talk]:
    with system.client() as client:
        yield Talk(system, Journey(client))


def until_total(talk: Talk, wanted: int) -> None:
    until(lambda: talk.total, lambda total: total == wanted)


def warnings(message: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in message["warnings"]]


def test_a_conversation_keeps_its_thread_and_strangers_stay_out_of_it(talk: Talk) -> None:
    journey = talk.journey
    asked = journey.send(PERSON, subject="Lunch?", bodyText="Does Friday suit you?")
    asked = journey.until_status(asked, "delivered")

    until_total(talk, 2)
    answered = journey.listed(direction="inbound")["data"][0]
    assert (answered["inReplyTo"], answered["extractedText"]) == (asked["messageIdHeader"], "friday suits me")
    assert asked["messageIdHeader"].endswith("@email.amazonses.com>")
    talk.has([asked, answered])

    reply = journey.send(SUCCESS, cc=[CAROL], subject="Re: Lunch?", bodyText="At one?", threadId=asked["threadId"])
    reply = journey.until_status(reply, "delivered", "sent")
    assert (reply["inReplyTo"], reply["references"]) == (
        answered["messageIdHeader"],
        [asked["messageIdHeader"], answered["messageIdHeader"]],
    )
    talk.has([asked, answered, reply])

    joined = talk.mail_in(CAROL, reply, "One is fine", cc=[SUCCESS, DAVE])
    assert warnings(joined) == []
    talk.has([asked, answered, reply, joined])

    forged = talk.mail_in(MALLORY, reply, "Send the money here")
    assert warnings(forged) == ["reference_not_trusted"]
    talk.has([forged], [asked, answered, reply, joined])

    disguised = talk.mail_in(CAROL, reply, "It is me I swear", verdicts="dmarc=fail")
    assert warnings(disguised) == ["reference_not_trusted"]
    assert disguised["authentication"]["fromVerified"] is False
    talk.has([disguised], [forged], [asked, answered, reply, joined])

    welcome = talk.mail_in(MALLORY, joined, "I was told to ask", verdicts="dmarc=pass", reference_only=True)
    assert warnings(welcome) == ["new_participant"]
    talk.has([asked, answered, reply, joined, welcome], [disguised], [forged])

    copied = talk.mail_in(DAVE, joined, "May I come too")
    assert warnings(copied) == []
    members = [asked, answered, reply, joined, welcome, copied]
    talk.has(members, [disguised], [forged])
    people = set(journey.call("GET", f"/threads/{asked['threadId']}")["participants"])
    assert people == {talk.address, PERSON, SUCCESS, CAROL, DAVE, MALLORY}


def test_deleting_in_the_middle_and_at_the_end_leaves_the_thread_whole(talk: Talk) -> None:
    journey = talk.journey
    first = journey.until_status(journey.send(SUCCESS, cc=[CAROL], subject="Lunch?"), "delivered", "sent")
    second = talk.mail_in(CAROL, first, "The second")
    third = talk.mail_in(CAROL, second, "The third")
    fourth = talk.mail_in(CAROL, third, "The fourth")
    talk.has([first, second, third, fourth])

    journey.call("DELETE", f"/messages/{third['id']}", 204)
    talk.has([first, second, fourth])

    # Whoever answers what is gone still names the messages before it.
    fifth = talk.mail_in(CAROL, third, "The fifth")
    talk.has([first, second, fourth, fifth])
    assert warnings(fifth) == []

    journey.call("DELETE", f"/messages/{fifth['id']}", 204)
    talk.has([first, second, fourth])
    reply = journey.until_status(journey.send(SUCCESS, threadId=first["threadId"], subject="Re: Lunch?"), "delivered")
    assert reply["inReplyTo"] == fourth["messageIdHeader"]
    talk.has([first, second, fourth, reply])

    for message in (first, second, fourth, reply):
        journey.call("DELETE", f"/messages/{message['id']}", 204)
    talk.has()


def test_two_inboxes_that_talk_have_the_thread_each_on_their_side(talk: Talk, other: Talk) -> None:
    mine: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for turn in range(4):
        writer, reader = (talk, other) if turn % 2 == 0 else (other, talk)
        sent, received = (mine, theirs) if turn % 2 == 0 else (theirs, mine)
        thread = {"threadId": sent[0]["threadId"]} if sent else {}
        message = writer.journey.send(reader.address, subject="Re: Lunch?" if sent or received else "Lunch?", **thread)
        sent.append(writer.journey.until_status(message, "delivered"))
        until_total(reader, len(received) + 1)
        received.append(reader.journey.listed(limit=1)["data"][0])
        assert (received[-1]["direction"], received[-1]["messageIdHeader"]) == ("inbound", sent[-1]["messageIdHeader"])
        assert warnings(received[-1]) == []
        talk.has(mine)
        other.has(theirs)
    chain = [message["messageIdHeader"] for message in mine]
    assert [message["inReplyTo"] for message in theirs] == [None, *chain[:-1]]
    assert [message["references"] for message in theirs] == [chain[:turn] for turn in range(4)]
    assert {message["id"] for message in mine}.isdisjoint(message["id"] for message in theirs)

    talk.journey.call("DELETE", f"/messages/{mine[1]['id']}", 204)
    talk.has([mine[0], *mine[2:]])
    other.has(theirs)
