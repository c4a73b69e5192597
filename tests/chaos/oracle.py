"""What must hold at rest, by what was promised and by what SES knows, whatever went wrong on the way."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain.ids import inbox_number
from chalicelib.storage import keys
from chalicelib.storage.tables import query
from tests.chaos.client import Client, Wish
from tests.chaos.feed_oracle import feed_violations
from tests.fakes.blob_store import FakeBlobStore
from tests.storage.index_oracle import assert_counted

WORST_FIRST = ("complained", "bounced", "failed", "queued", "sending", "sent", "delivered")
TOLD = {"success": "delivered", "ooto": "delivered", "bounce": "bounced", "complaint": "complained"}


def status_by_ses(address: str) -> str:
    """Where a recipient stands once all news of SES has come."""
    local, _, domain = address.partition("@")
    return TOLD.get(local.partition("+")[0], "sent") if domain.startswith("simulator.") else "sent"


@dataclass
class Oracle:
    """Reads everything through the API and compares; `violations` are sentences."""

    client: Client
    inbox_ids: dict[str, str]  # address → id
    known: int = 0  # so many of the first wishes were looked at closely before
    known_ids: frozenset[str] = frozenset()  # and these messages
    deaths: int = 0  # so many processes died on the way
    faults: int = 0  # so many calls went wrong, deaths among them
    excuses: frozenset[str] = frozenset()  # why a message may rightly not have been sent
    is_tidied: bool = False  # nothing may be left of what is not there
    violations: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def check(self) -> list[str]:
        self._queues()
        for inbox_id in self.inbox_ids.values():
            self._lists(inbox_id)
            self._threads(inbox_id)
            self._counters(inbox_id)
            assert_counted(keys.inbox_partition(inbox_number(inbox_id)))
        self._sends()
        self._mails()
        self._deletions()
        self._files()
        self._usage()
        self.violations += feed_violations(
            self.get, self.by_id, self.known_ids, FakeBlobStore(), in_order=self.deaths < 2
        )
        return self.violations

    def everything(self) -> object:
        """What can be read of all messages, and what SES has taken."""
        lists = [list(self._walk(f"/inboxes/{inbox}/messages", 100)) for inbox in self.inbox_ids.values()]
        inboxes = [self.get(f"/inboxes/{inbox}") for inbox in self.inbox_ids.values()]
        feed = self.get("/events?limit=100")["data"]
        return lists, inboxes, feed, len(self.client.deployment.ses.accepted)

    @cached_property
    def messages(self) -> dict[str, list[dict[str, Any]]]:
        """Every inbox's messages, newest first."""
        return {inbox: list(self._walk(f"/inboxes/{inbox}/messages", 100)) for inbox in self.inbox_ids.values()}

    @cached_property
    def by_id(self) -> dict[str, dict[str, Any]]:
        return {message["id"]: message for messages in self.messages.values() for message in messages}

    def require(self, holds: object, sentence: str) -> None:
        if not holds:
            self.violations.append(sentence)

    def get(self, url: str) -> Any:
        answer = self.client.deployment.api("GET", url)
        self.require(answer.status == 200, f"GET {url}: {answer.status} {answer.body[:200]}")
        return answer.json

    def _walk(self, url: str, limit: int) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(f"{url}?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
            yield from page["data"]
            cursor = page["nextCursor"]

    # ------------------------------------------------------------------------------------------ the parts

    def _queues(self) -> None:
        queues = self.client.deployment.queues
        self.require(not queues.waiting, f"left in the queues: {queues.waiting}")
        self.require(not queues.dead, f"dead letters: {queues.dead}")
        unanswered = [wish.name for _, wish in self.client.again]
        self.require(not unanswered, f"never answered: {unanswered}")

    def _lists(self, inbox_id: str) -> None:
        """Total, pages, filters and single messages say the same."""
        messages = self.messages[inbox_id]
        url = f"/inboxes/{inbox_id}/messages"
        by_number = self.get(f"{url}?limit=7&offset=3")
        ids = [message["id"] for message in messages]
        self.require(len(ids) == len(set(ids)), f"{inbox_id}: a message is listed twice")
        self.require(by_number["total"] == len(ids), f"{inbox_id}: total {by_number['total']}, but {len(ids)} listed")
        self.require([each["id"] for each in by_number["data"]] == ids[3:10], f"{inbox_id}: a page differs")
        if not messages:
            return
        for status, count in Counter(message["status"] for message in messages).most_common()[-2:]:  # the rarest
            total = self.get(f"{url}?limit=1&status={status}")["total"]
            self.require(total == count, f"{inbox_id}: {total} {status} in total, but {count} listed")

    def _threads(self, inbox_id: str) -> None:
        wanted: dict[str, list[str]] = defaultdict(list)
        for message in reversed(self.messages[inbox_id]):
            wanted[message["threadId"]].append(message["id"])
        page = self.get(f"/inboxes/{inbox_id}/threads?limit=100")
        shown = {thread["id"]: thread for thread in page["data"]}
        self.require(
            sorted(thread["id"] for thread in page["data"]) == sorted(wanted) and page["total"] == len(wanted),
            f"{inbox_id}: threads {page['total']} {sorted(shown)}, but messages are in {sorted(wanted)}",
        )
        for thread_id, members in wanted.items():
            thread = shown.get(thread_id, {})
            self.require(
                thread.get("messageCount") == len(members),
                f"{thread_id}: {thread.get('messageCount')} ≠ {len(members)}",
            )
            self.require(thread.get("lastMessage", {}).get("id") == members[-1], f"{thread_id}: another last message")
            if len(members) > 1:
                in_thread = [each["id"] for each in self._walk(f"/threads/{thread_id}/messages", 100)]
                self.require(in_thread == members, f"{thread_id}: holds {in_thread}, but {members} say they are in it")

    def _counters(self, inbox_id: str) -> None:
        """Bounces and complaints are counted once a message; those of deleted messages stay counted."""
        inbox = self.get(f"/inboxes/{inbox_id}")
        statuses = [{recipient["status"] for recipient in message["recipients"]} for message in self.messages[inbox_id]]
        for status, counter in (("bounced", "bounceCount"), ("complained", "complaintCount")):
            least = sum(status in known for known in statuses)
            most = least + len(self.client.deletions)
            self.require(least <= inbox[counter] <= most, f"{inbox_id}: {counter} {inbox[counter]}, but {least}")
        # A request that died before its commit stays counted (docs/guarantees.md).
        least = sum(message["direction"] == "outbound" for message in self.messages[inbox_id])
        lost = sum(wish.tries for wish in self.client.sends) - len(self.client.sends) + self.faults
        most = least + len(self.client.deletions) + (lost if self.faults else 0)
        self.require(least <= inbox["totalSent"] <= most, f"{inbox_id}: totalSent {inbox['totalSent']}, but {least}")
        self.require(inbox["sendsToday"] <= inbox["totalSent"], f"{inbox_id}: {inbox['sendsToday']} sent today")

    def _sends(self) -> None:
        """Each 202 has one acceptance of SES or a truthful failure; nothing else was sent."""
        accepted: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for mail in self.client.deployment.ses.accepted:
            (tag,) = [values[0] for name, values in mail.tags.items() if values[0].startswith("msg_")]
            accepted[tag].append(tuple(mail.recipients))
        by_wish: dict[str, list[str]] = defaultdict(list)
        for message in self.by_id.values():
            if message["direction"] == "outbound":
                by_wish[message["metadata"]["wish"]].append(message["id"])
        for wish in self.client.sends:
            self._wish(wish, by_wish.pop(wish.name, []), accepted)
        self.require(not by_wish, f"messages nobody wished for: {dict(by_wish)}")
        strangers = set(accepted) - set(self.by_id) - set(self.client.deletions)
        self.require(not strangers, f"sent, but in no list: {strangers}")

    def _wish(self, wish: Wish, made: list[str], accepted: dict[str, list[tuple[str, ...]]]) -> None:
        deleted = [wish.made] if wish.made in self.client.deletions else []
        self.require(len(made) <= 1, f"{wish.name} made several messages: {made}")
        if wish.answer is not None and not deleted:
            self.require(wish.answer.status == 202, f"{wish.name}: {wish.answer.status} {wish.answer.body[:300]}")
            self.require(made == [wish.made], f"{wish.name} was answered {wish.made}, but there is {made}")
        for message_id in {*made, *deleted} - {None}:
            times = len(accepted.get(str(message_id), []))
            self.figures["sent"] += times > 0
            self.require(times <= 1, f"{wish.name} ({message_id}) was sent {times} times")
        for message_id in made:
            self._status(wish, self.by_id[message_id], accepted.get(message_id, []))

    def _status(self, wish: Wish, message: dict[str, Any], accepted: list[tuple[str, ...]]) -> None:
        shown = {recipient["address"]: recipient["status"] for recipient in message["recipients"]}
        suppressed = {
            each["address"] for each in message["recipients"] if (each["reason"] or {}).get("code") == "suppressed"
        }
        if accepted:
            wanted = {address: "failed" if address in suppressed else status_by_ses(address) for address in shown}
            written = sorted(shown.keys() - suppressed)
            self.require(sorted(accepted[0]) == written, f"{wish.name} went to {accepted[0]}, not to {written}")
            for address in shown:
                if "+" in address and (address in suppressed or wanted[address] in ("bounced", "complained")):
                    self.get(f"/suppressions/{address}")  # and it is there
            self.require(shown == wanted, f"{wish.name}: shown {shown}, but SES told {wanted}")
            overall = min(wanted.values(), key=WORST_FIRST.index)
            self.require(message["status"] == overall, f"{wish.name} is {message['status']}, not {overall}")
        else:
            code = (message["failureReason"] or {}).get("code")
            self.require(
                message["status"] == "failed" and code in self.excuses,
                f"{wish.name} was not sent and is {message['status']} ({code})",
            )
            self.figures[f"failed: {code}"] += 1
        if int(wish.name.removeprefix("wish ")) >= self.known:
            self._timeline(wish, message)

    def _timeline(self, wish: Wish, message: dict[str, Any]) -> None:
        timeline = self.get(f"/messages/{message['id']}/events")["data"]
        ids = [entry["id"] for entry in timeline]
        self.require(len(ids) == len(set(ids)), f"{wish.name}: its timeline says something twice")
        times = [entry["createdAt"] for entry in timeline]
        self.require(times == sorted(times), f"{wish.name}: its timeline is not in order")

    def _mails(self) -> None:
        """Each notice is one message in each inbox, byte for byte."""
        found: Counter[tuple[str, bytes]] = Counter()
        for address, inbox_id in self.inbox_ids.items():
            for message in self.messages[inbox_id]:
                if message["direction"] == "inbound":
                    answer = self.client.deployment.api("GET", f"/messages/{message['id']}/raw")
                    found[address, answer.content] += 1
        for ses_id, mail in self.client.mails.items():
            for address in mail.inboxes:
                times = found.pop((address, mail.raw), 0)
                gone = self.client.deleted_mails.get(ses_id)
                allowed = {1} if gone is None else {0} if gone.is_answered else {0, 1}
                self.require(times in allowed, f"mail {ses_id} is {times} times in {address}")
        self.require(not found, f"received, but never arrived: {[place for place, _ in found]}")

    def _deletions(self) -> None:
        for message_id, wish in self.client.deletions.items():
            if wish.answer is not None:
                self.require(wish.answer.status in (204, 404), f"{wish.name}: {wish.answer.status}")
                self.require(message_id not in self.by_id, f"{message_id} was deleted and is listed")
                answer = self.client.deployment.api("GET", f"/messages/{message_id}")
                self.require(answer.status == 404, f"{message_id} was deleted and is read: {answer.status}")

    def _files(self) -> None:
        """Every file of a message can be read; what no message uses is in no message's place."""
        blobs = self.client.deployment.bucket.blobs
        used = set()
        for message in self.by_id.values():
            for attachment in message["attachments"]:
                shown = self.get(f"/attachments/{attachment['id']}")
                name = urlsplit(shown["url"] or "").path.partition("/mail/")[2]
                self.require(name in blobs, f"{attachment['id']} of {message['id']} has no bytes ({name})")
                self.require(name in blobs and len(blobs[name].data) == attachment["size"], f"{name}: another size")
                used.add(name)
        orphans = {name for name in blobs if name.startswith("attachments/")} - used
        self.figures["orphaned files"] += len(orphans)
        sources = sum(message["direction"] == "inbound" for message in self.by_id.values())
        kept = sum(name.startswith("raw/") for name in blobs)
        self.require(kept >= sources, f"{kept} sources for {sources} received messages")
        self.figures["orphaned sources"] += kept - sources
        if self.is_tidied:
            self.require(not orphans, f"housekeeping left {orphans}")
            self.require(kept == sources, f"housekeeping left {kept} sources of {sources} received messages")
            self._nothing_left()

    def _usage(self) -> None:
        """Every message counts once; those of deleted messages may be counted or not."""
        used = self.get("/account/usage")["total"]
        for name, direction in (("sends", "outbound"), ("inbound", "inbound")):
            least = sum(message["direction"] == direction for message in self.by_id.values())
            most = least + len(self.client.deletions)
            self.require(least <= used[name] <= most, f"{name}: {used[name]}, but there are {least}")

    def _nothing_left(self) -> None:
        """As many contents as messages, as many threads as are listed; nothing waits in the bucket."""
        for inbox_id in self.inbox_ids.values():
            items = query(keys.inbox_partition(inbox_number(inbox_id)), "sk > :first", {":first": {"S": " "}})
            kinds = Counter(sk.partition("#")[0] for item in items if (sk := item["sk"]["S"]).count("#") == 1)
            messages = self.messages[inbox_id]
            threads = {message["threadId"] for message in messages}
            self.require(kinds["M"] == len(messages), f"{inbox_id}: {kinds['M']} contents of {len(messages)} messages")
            self.require(kinds["T"] == len(threads), f"{inbox_id}: {kinds['T']} threads, but {len(threads)} are shown")
        blobs = self.client.deployment.bucket.blobs
        waiting = [name for name in blobs if name.startswith("inbound/")]
        self.require(not waiting, f"mail still waits: {waiting}")
