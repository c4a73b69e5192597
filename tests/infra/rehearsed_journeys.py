"""What is rehearsed: each journey goes through the deployed system alone, and says on its way what has happened."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from typing import Any

from embedded.ses_behaviour import Outcome
from embedded.ses_events import AcceptedMail, outcome_event
from infra.redrive import DeadLetters
from tests.infra.deployed_system import ON_SCHEDULE, DeployedSystem, now, schedule_event, until
from tests.journeys.receiver import Receiver

FAILED = ("Traceback", "a walk of housekeeping stopped", "a repair failed")  # in the log of a function
BOB, EVE = "bob@example.org", "eve@example.net"


@dataclass
class Rehearsal:
    """The journeys, in their order: a later one goes on with what an earlier one has left."""

    system: DeployedSystem
    receiver: Receiver
    waits_for_clock: bool  # for EventBridge's own, a minute; else what it would do is done at once
    inbox: Any = None
    sent: Any = None
    ses_ids: set[str] = field(default_factory=set)

    def say(self, line: str) -> None:
        self.system.say(line)

    def api(self, method: str, path: str, body: object = None, **how: Any) -> Any:
        return self.system.api(method, path, body, **how)

    def status(self, message: Any) -> str:
        return str(self.api("GET", f"/messages/{message['id']}")["status"])

    def told(self, message: Any, event: str) -> None:
        until(partial(self.receiver.types, message["id"]), lambda seen: event in seen)
        self.say(f"webhook: {event} came, signed")

    def letters(self, queue: str) -> Callable[[], list[str]]:
        return partial(self.system.letters, queue)

    def send_and_bounce(self) -> None:
        """API → send queue → sender → SES; SES's bounce → topic → queue → status, suppression and webhook."""
        # The endpoint refuses the first call: what is told again goes by the slow queue.
        self.receiver.answers, self.receiver.refuses_once = [500], True
        self.receiver.secret = self.api("POST", "/webhooks", {"url": self.receiver.url})["secret"]
        self.inbox = self.api("POST", "/inboxes", {"address": "ada"})
        wish = {"to": [BOB], "subject": "Hello", "bodyText": "Hello."}
        path = f"/inboxes/{self.inbox['id']}/messages"
        self.sent = self.api("POST", path, wish, once="first", status=202)
        assert self.api("POST", path, wish, once="first", status=202)["id"] == self.sent["id"]
        self.say("POST …/messages: 202, and the same again for the same Idempotency-Key")
        until(partial(self.status, self.sent), lambda seen: seen == "sent")
        self.say("the sender has handed it to SES: sent")
        self.told(self.sent, "message.sent")
        assert len(self.receiver.refused) == 1
        self.say("webhook: the call that was refused came once more, by the slow queue")
        self.news(self.sent, BOB, Outcome.BOUNCE_UNKNOWN_USER)
        until(partial(self.status, self.sent), lambda seen: seen == "bounced")
        self.say("SES's bounce came by its topic: bounced")
        self.told(self.sent, "message.bounced")
        self.api("POST", path, wish, once="second", status=403)
        self.say("the address that bounced is suppressed: the next mail to it is refused")
        assert self.receiver.problems == []

    def news(self, message: Any, recipient: str, outcome: Outcome) -> None:
        """What SES publishes, twice: SNS delivers at least once."""
        ses_id = self.system.ses_message_id(self.ses_ids)
        self.ses_ids.add(ses_id)
        mail = AcceptedMail(ses_id, b"Subject: Hello\r\n\r\n", self.inbox["address"], (recipient,), {}, now())
        event = json.dumps(outcome_event(mail, recipient, outcome, now()))
        for _ in range(2):
            self.system.publish(self.system.names["DeliveryNotificationTopic"], event)

    def receive(self) -> None:
        """SES's object and notice → topic → queue → inbox, thread, files and webhook."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = EVE, self.inbox["address"], "Re: Hello"
        mail["Message-ID"] = "<1@example.net>"
        mail.set_content("Good morning.")
        mail.add_attachment(b"a,b\n", maintype="text", subtype="csv", filename="numbers.csv")
        for _ in range(2):  # SNS delivers at least once
            self.system.arrive(mail.as_bytes(), "received", EVE, self.inbox["address"])
        path = f"/inboxes/{self.inbox['id']}/messages?direction=inbound"
        (received,) = until(partial(self.api, "GET", path), lambda seen: seen["total"])["data"]
        self.say("a mail came by bucket, notice and topic: it is in its inbox, once, though announced twice")
        assert received["subject"] == "Re: Hello"
        (file,) = self.api("GET", f"/messages/{received['id']}")["attachments"]
        assert file["filename"] == "numbers.csv"
        self.told(received, "message.received")
        answer = self.api("POST", f"/messages/{received['id']}/reply", {"bodyText": "Thanks."}, status=202)
        assert answer["threadId"] == received["threadId"]
        until(partial(self.status, answer), lambda seen: seen == "sent")
        self.news(answer, EVE, Outcome.DELIVERY)
        until(partial(self.status, answer), lambda seen: seen == "delivered")
        self.say("the answer to it went out in its thread: sent, then delivered")
        until(partial(self.system.objects, "inbound/"), lambda seen: not seen)
        assert self.letters("InboundNotificationDeadLetters")() == []

    def schedules(self) -> None:
        """EventBridge's rules → functions: a purge is carried out, and what is due is looked for."""
        system, events = self.system, self.system.account.connect("events")
        assert system.objects()
        self.api("DELETE", f"/inboxes/{self.inbox['id']}?purge=true", status=204)
        before = {function: system.runs(function) for function in ON_SCHEDULE}
        for function in ON_SCHEDULE:
            rule = events.describe_rule(Name=system.names[f"{function}{function}Event"])
            (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            assert (rule["State"], target["Arn"].rpartition(":")[2]) == ("ENABLED", system.names[function])
            self.say(f"rule of {function}: {rule['ScheduleExpression']}")
            if self.waits_for_clock:
                # The same rule, more often: nobody waits a quarter of an hour for it.
                events.put_rule(Name=rule["Name"], ScheduleExpression="rate(1 minute)", State="ENABLED")
            else:
                system.account.connect("lambda").invoke(
                    FunctionName=target["Arn"], InvocationType="Event", Payload=schedule_event(system, rule["Arn"])
                )
        for function in ON_SCHEDULE:
            until(partial(system.runs, function), before[function].__lt__)
            assert [line for line in system.log(function) if any(word in line for word in FAILED)] == []
            self.say(f"{function} has run, without an error")
        until(system.objects, lambda seen: not seen)
        self.say("the purged inbox has nothing left in the bucket")
        assert self.letters("ScheduleDeadLetters")() == []

    def dead_letters(self) -> None:
        """A record that no handler can read, and a run that fails: both are found among the dead letters."""
        system, sqs = self.system, self.system.account.connect("sqs")
        queue = system.names["SendQueue"]
        shown = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})  # it is not waited for
        sqs.send_message(QueueUrl=queue, MessageBody="no job")
        assert until(self.letters("SendDeadLetters"), bool) == ["no job"]
        self.say("a record that cannot be read went back five times, and is a dead letter")
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=shown)
        assert DeadLetters.of(sqs, queue).move() == 1
        self.say("make redrive has put it back")

        system.set("Erasing", TABLE_NAME="no-such-table")
        rule = f"rule/{system.names['ErasingErasingEvent']}"
        system.account.connect("lambda").invoke(
            FunctionName=system.names["Erasing"], InvocationType="Event", Payload=schedule_event(system, rule)
        )
        letter = until(self.letters("ScheduleDeadLetters"), bool)[0]
        assert json.loads(letter)["requestContext"]["functionArn"].endswith(system.names["Erasing"])
        self.say("a run of a schedule that failed is a dead letter")


JOURNEYS = ("send_and_bounce", "receive", "schedules", "dead_letters")
