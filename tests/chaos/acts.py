"""What the product does, each act on a deployment with a past: sealed lists, threads, files in use, received mail."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import Unavailable
from tests.chaos.client import Client, noise
from tests.chaos.deployment import API_KEY, SEND_QUEUE, Deployment, Snapshot
from tests.chaos.oracle import Oracle
from tests.chaos.wire import Call, Fault, Plan, ServiceError, nothing_fails
from tests.operations.incoming import make_mail, make_mail_with_files
from tests.operations.watched import Crash

DONE, BOUNCED, COMPLAINED = (f"{name}@simulator.amazonses.com" for name in ("success", "bounce", "complaint"))
GONE = "bounce+gone@simulator.amazonses.com"  # which is suppressed when it has bounced
ADA, BOB = "ada@example.com", "bob@example.net"
AGENT, OTHER = "agent@mail.example.com", "other@mail.example.com"


@dataclass
class Past:
    """A deployment that has lived a little; every run begins from its snapshot."""

    deployment: Deployment
    client: Client
    inbox_ids: dict[str, str]
    first: dict[str, Any]  # a message in a sealed thread
    reply: dict[str, Any]  # the newest of that thread
    with_file: dict[str, Any]
    received: dict[str, Any]  # with a file of its own
    spare_file: str
    known_ids: frozenset[str] = frozenset()
    snapshot: Snapshot | None = None

    @property
    def inbox(self) -> str:
        return f"/inboxes/{self.inbox_ids[AGENT]}/messages"


@dataclass
class Run:
    """One run of an act."""

    past: Past
    client: Client

    @property
    def deployment(self) -> Deployment:
        return self.past.deployment

    @property
    def inbox(self) -> str:
        return self.past.inbox


Script = dict[str, Fault]
"""What goes wrong in an act by itself: the first call whose site has this text meets this fault."""


@dataclass(frozen=True)
class Act:
    """Something the product does, to rest."""

    perform: Callable[[Run], None]
    script: tuple[tuple[str, Fault], ...] = ()
    excuses: frozenset[str] = frozenset()  # why a message of it may rightly not be sent
    is_patient: bool | None = None  # None: as the run wants it
    keeps_house: bool = False  # at its end nothing is left of what never came to be


def build_past(deployment: Deployment) -> Past:
    """A few dozen messages, so that lists in small buckets are sealed (tests/storage/small_buckets.py)."""
    deployment.operations().bootstrap(API_KEY)
    client = Client(deployment)
    inboxes = {address: client.make("/inboxes", {"address": address}).made or "" for address in (AGENT, OTHER)}
    url = f"/inboxes/{inboxes[AGENT]}/messages"
    used, spare = (client.upload(data) for data in (b"used " * 100, b"spare " * 100))
    first = client.send(url, ADA)
    client.rest()
    reply = client.send(f"/messages/{first.made}/reply")
    client.rest()
    with_file = client.send(url, DONE, files=[used.made or ""])
    client.arrives("mail0", make_mail_with_files(b"came with a mail", message_id="<0@example.com>"), AGENT)
    client.rest()
    for number in range(16):
        client.send(url, (DONE, BOUNCED, COMPLAINED)[number % 3])
    client.rest()
    listed = deployment.api("GET", f"{url}?limit=100").json["data"]
    by_id = {message["id"]: message for message in listed}
    return Past(
        deployment,
        client,
        inboxes,
        by_id[first.made],
        by_id[reply.made],
        by_id[with_file.made],
        next(message for message in listed if message["direction"] == "inbound"),
        spare.made or "",
        frozenset(by_id),
        deployment.snapshot(),
    )


def perform(
    past: Past,
    act: Act,
    plan: Plan = nothing_fails,
    *,
    is_patient: bool = True,
    is_tidied: bool = False,
    comes_again: bool = False,
) -> tuple[list[Call], Oracle]:
    """The act from that past to rest, under a plan of faults: its calls, and an oracle that has checked the end.

    `is_tidied`: dead letters are put back, and a day of housekeeping comes behind it, in which nothing fails; then nothing
    may be left of it. `comes_again`: then every record that was done is delivered once more, and may change nothing.
    """
    assert past.snapshot is not None
    past.deployment.restore(past.snapshot)
    if act.is_patient is not None or act.script:  # what its script leads to depends on whether the client comes again
        is_patient = act.is_patient is not False
    client = past.client.copy(is_patient=is_patient, redrives=is_tidied)
    past.deployment.queues.done.clear()
    left = dict(act.script)

    def scripted(call: Call) -> Fault | None:
        planned = plan(call)
        for text, fault in left.items():
            if text in call.site:
                del left[text]
                return fault
        return planned

    with past.deployment.wire.under(scripted) as calls:
        act.perform(Run(past, client))
        client.rest()
    if is_tidied:
        keep_house_for_a_day(Run(past, client))
    oracle = Oracle(
        client,
        past.inbox_ids,
        len(past.client.sends),
        past.known_ids,
        deaths=sum(call.fault in (Fault.DIES_BEFORE, Fault.DIES_AFTER) for call in calls),
        faults=sum(call.fault is not None for call in calls),
        excuses=act.excuses | ({"outcome_unknown"} if any(map(_hit_a_sender, calls)) else set()),
        is_tidied=is_tidied or act.keeps_house,
    )
    oracle.check()
    if comes_again:
        before = oracle.everything()
        past.deployment.queues.deliver_all_again()
        client.rest()
        oracle.require(oracle.everything() == before, "what was delivered again has changed something")
    return calls, oracle


def _hit_a_sender(call: Call) -> bool:
    """A fault between the mark and the record of the result leaves nobody who knows whether SES has the mail."""
    return call.fault is not None and call.path[-1].startswith("events/send_queue")


# ------------------------------------------------------------------------------------------------ the acts


def send(run: Run) -> None:
    run.client.send(run.inbox, DONE, BOUNCED, files=[run.past.spare_file])


def send_something_long(run: Run) -> None:
    run.client.send(run.inbox, COMPLAINED, bodyText=noise(700_000, 1))


def reply_in_a_sealed_thread(run: Run) -> None:
    run.client.send(f"/messages/{run.past.reply['id']}/reply", files=[run.past.with_file["attachments"][0]["id"]])


def forward_with_its_file(run: Run) -> None:
    run.client.send(f"/messages/{run.past.received['id']}/forward", DONE)


def receive_for_two(run: Run) -> None:
    mail = make_mail_with_files(b"one", b"two", message_id="<1@example.com>")
    run.client.arrives("mail1", mail, AGENT, OTHER)


def receive_an_answer(run: Run) -> None:
    header = run.past.first["messageIdHeader"]
    mail = make_mail(ADA, AGENT, message_id="<2@example.com>", in_reply_to=header)
    run.client.arrives("mail2", mail, AGENT)


def receive_from_a_program_and_answer(run: Run) -> None:
    mail = make_mail(BOB, AGENT, message_id="<3@example.com>", headers=["Auto-Submitted: auto-replied"])
    run.client.arrives("mail3", mail, AGENT, sender=BOB)
    run.client.rest()
    run.client.send(run.inbox, BOB)


def delete_the_only_user_of_a_file(run: Run) -> None:
    run.client.delete(run.past.with_file["id"])


def delete_received(run: Run) -> None:
    run.client.delete(run.past.received["id"], mail="mail0")


def delete_the_newest_of_a_sealed_thread(run: Run) -> None:
    run.client.delete(run.past.reply["id"])


def delete_while_it_is_queued(run: Run) -> None:
    wish = run.client.send(run.inbox, DONE)
    if wish.made is not None:
        run.client.delete(wish.made)


def told_late(run: Run) -> None:
    """By the time its sender tells of it, the log is far behind the place where it was accepted."""
    run.client.send(run.inbox, DONE)
    queues = run.deployment.queues
    late, queues.waiting = queues.waiting, []
    run.client.send(run.inbox, DONE, BOUNCED)
    run.client.rest()
    queues.waiting += late


def upload_both_ways_and_send(run: Run) -> None:
    data = b"direct" * 50
    begun = run.client.make(
        "/attachments/uploads", {"filename": "a.txt", "contentType": "text/plain", "size": len(data)}
    )
    made = run.client.upload(b"by form")
    run.client.rest()
    files = [wish.made for wish in (begun, made) if wish.made is not None]
    if begun.made is not None:
        run.deployment.bucket.put(f"uploads/{begun.made}", data)
    run.client.send(run.inbox, DONE, files=files)


def write_again_to_who_bounced(run: Run) -> None:
    for _ in range(2):
        run.client.send(run.inbox, DONE, GONE)
        run.client.rest()


def suppress_behind_the_acceptance(run: Run) -> None:
    run.client.send(run.inbox, DONE, GONE)
    run.client.make("/suppressions", {"address": GONE})


def throttled(run: Run) -> None:
    run.deployment.ses.refusals.append(ServiceError("TooManyRequestsException", 429))
    run.client.send(run.inbox, DONE)


def paused(run: Run) -> None:
    run.deployment.ses.refusals.append(ServiceError("SendingPausedException"))
    run.client.send(run.inbox, DONE)


def rejected(run: Run) -> None:
    run.deployment.ses.refusals.append(ServiceError("MessageRejected"))
    run.client.send(run.inbox, DONE)


def nobody_knows(run: Run) -> None:
    """SES answers 500 and has not taken it."""
    run.deployment.ses.refusals.append(ServiceError("InternalFailure", 500))
    run.client.send(run.inbox, DONE)


def nobody_knows_but_others_go(run: Run) -> None:
    """The news of another mail that was taken later comes, and none of this one."""
    nobody_knows(run)
    run.client.send(run.inbox, DONE, after=300)


def lose_the_send_queue(run: Run) -> None:
    run.client.send(run.inbox, DONE)
    run.deployment.queues.waiting = [record for record in run.deployment.queues.waiting if record.queue != SEND_QUEUE]


def a_lost_send_queue_that_nobody_noticed(run: Run) -> None:
    lose_the_send_queue(run)
    keep_house_for_a_day(run)


def a_lost_send_queue(run: Run) -> None:
    lose_the_send_queue(run)
    again(run, lambda: run.deployment.operations().requeue_unsent())


def a_lost_notice(run: Run) -> None:
    run.client.arrives("mail4", make_mail(message_id="<4@example.com>"), AGENT)
    run.deployment.queues.waiting.clear()
    again(run, lambda: run.deployment.operations().requeue_received())


def keep_house_for_a_day(run: Run) -> None:
    """Rounds begin every six hours; numbers are settled after one."""
    for _ in range(5):
        run.deployment.clock.advance(6.5 * 3_600)
        again(run, lambda: run.deployment.operations().keep_house())
        run.client.rest()


def send_and_keep_house(run: Run) -> None:
    send_something_long(run)
    run.client.send(run.inbox, DONE, files=[run.past.spare_file])
    run.client.rest()
    keep_house_for_a_day(run)


def receive_and_keep_house(run: Run) -> None:
    receive_for_two(run)
    run.client.rest()
    keep_house_for_a_day(run)


def delete_and_keep_house(run: Run) -> None:
    delete_received(run)
    run.client.rest()
    keep_house_for_a_day(run)


def again(run: Run, work: Callable[[], object]) -> None:
    """An operator's command: repeated until it comes to its end."""
    for _ in range(10):
        try:
            with run.deployment.process():
                work()
        except (Crash, Unavailable):
            continue
        except ExceptionGroup as walks:  # of housekeeping, which does the others all the same
            if walks.split(Unavailable)[1] is not None:
                raise
            continue
        return
    raise AssertionError("it never came to its end")


ACTS = {
    "send": Act(send),
    "send something long": Act(send_something_long),
    "reply in a sealed thread": Act(reply_in_a_sealed_thread),
    "forward with its file": Act(forward_with_its_file),
    "receive for two inboxes": Act(receive_for_two),
    "receive an answer": Act(receive_an_answer),
    "receive from a program, and answer": Act(receive_from_a_program_and_answer),
    "delete the only user of a file": Act(delete_the_only_user_of_a_file),
    "delete received mail": Act(delete_received),
    "delete the newest of a sealed thread": Act(delete_the_newest_of_a_sealed_thread),
    "tell late": Act(told_late),
    "delete while it is queued": Act(delete_while_it_is_queued),
    "upload both ways and send": Act(upload_both_ways_and_send),
    "write again to who bounced": Act(write_again_to_who_bounced),
    "suppress behind the acceptance": Act(suppress_behind_the_acceptance),
    "throttled": Act(throttled),
    "paused": Act(paused),
    "rejected": Act(rejected, excuses=frozenset({"ses_message_rejected"})),
    "nobody knows whether it went": Act(nobody_knows, excuses=frozenset({"outcome_unknown"})),
    "nobody knows whether it went, but others go": Act(nobody_knows_but_others_go, is_patient=True),
    "a lost send queue": Act(a_lost_send_queue),
    "a lost notice": Act(a_lost_notice),
    # What only housekeeping finds.
    "housekeeping behind a lost send queue": Act(a_lost_send_queue_that_nobody_noticed, keeps_house=True),
    "housekeeping behind a request that died before its job": Act(
        send_and_keep_house, (("sqs.SendMessage", Fault.DIES_BEFORE),), is_patient=False, keeps_house=True
    ),
    "housekeeping behind a request that died at the use of its file": Act(
        send_and_keep_house, (("DynamoAttachmentStore.use", Fault.DIES_AFTER),), is_patient=False, keeps_house=True
    ),
    "housekeeping behind a handler of received mail that died": Act(
        receive_and_keep_house, (("message_id_header_store", Fault.DIES_AFTER),), keeps_house=True
    ),
    "housekeeping behind a deletion that died": Act(
        delete_and_keep_house, (("DynamoMessageIndex.remove", Fault.DIES_AFTER),), is_patient=False, keeps_house=True
    ),
    # What only a first death leads to: its own calls may fail as any.
    "a request that died at its commit": Act(send, (("message_index:DynamoMessageIndex.commit", Fault.DIES_BEFORE),)),
    "a request that died and never came again": Act(
        send, (("message_index:DynamoMessageIndex.commit", Fault.DIES_BEFORE),), is_patient=False
    ),
    "a request that died behind its commit": Act(
        send, (("idempotency_store:DynamoIdempotencyStore.finish", Fault.DIES_BEFORE),)
    ),
    "a worker that died at SES": Act(send, (("sesv2.SendEmail", Fault.DIES_BEFORE),)),
    "a worker that died behind SES": Act(send, (("sesv2.SendEmail", Fault.DIES_AFTER),)),
    "a handler of received mail that died at its commit": Act(
        receive_for_two, (("message_index:DynamoMessageIndex.commit", Fault.DIES_BEFORE),)
    ),
}
