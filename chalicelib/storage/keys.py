"""The keys of the table: one partition an inbox, one an account, and a few items found by a key of their own.

| partition      | sort key          | item                                                              |
|----------------|-------------------|-------------------------------------------------------------------|
| I#inbox number | F#bucket          | 480 cells of the message index                                    |
|                | F:head            | what the sealed buckets hold, by directory; what changed since    |
|                | F:inbox           | the inbox: address, status, limits, counters, next number         |
|                | D#directory       | what each of 64 sealed buckets holds                              |
|                | M#sequence        | a message's content, written once                                 |
|                | M#sequence#V      | its delivery item: recipients, timeline, what SES said            |
|                | R#SES id          | which message a received mail is                                  |
|                | H#hash            | which message has this Message-ID                                 |
|                | P#hash            | an address that wrote automatic mail, and sends to it, 30 days    |
|                | T#first sequence  | a thread and its newest members                                   |
|                | T#sequence#start  | older ones of the same thread                                     |
|                | Q                 | how far it had come when housekeeping was there                   |
| A#account      | A                 | the account                                                       |
|                | L#list            | how many places of one of its lists (inboxes, keys) are taken     |
|                | L#list#B#bucket   | 480 cells of that list                                            |
|                | L#list#E#sequence | an entry of that list                                             |
|                | H#webhook         | a webhook: URL, filters, secret                                   |
|                | O#domain          | a domain that the account has added, how many inboxes live on it  |
|                | X#address         | a suppression: an address that the account does not write to      |
|                | Y                 | how far the account's events are counted in its usage             |
|                | Y#inbox#day       | what an inbox used on a day, 400 days                             |
|                | Z#day             | the same of the whole account                                     |
| G#domain name  | H                 | who holds the name                                                |
|                | C#account         | that this account has added it                                    |
| W#webhook      | S                 | the state of an endpoint in trouble                               |
|                | D#chunk#index     | the delivery of the event at this place of the log, 30 days       |
|                | L#chunk#index     | that this delivery waits for its endpoint                         |
|                | C                 | which first calls of it are under way, a day                      |
| Y#shard        | due#webhook#place | a retry that is due later than a queue can hold it back           |
| Z#domains      | due#ms#domain     | when a domain is checked next                                     |
| Z#rules        | rule#token        | that somebody is at work on a receipt rule                        |
| E#account      | #event id         | from which chunk on an event is looked for that was told late     |
|                | chunk             | 18 to 24 events of the account's log, 31 days from its closing    |
| K#key id       | K                 | an API key: hash, scopes, status, rate window                     |
| N#address      | N                 | who owns an inbox address                                         |
| N=hash         | N                 | that an address was given out, to an inbox that is emptied        |
| S#SES id       | S                 | which message SES knows under this id                             |
| P#account#part | hash of the key   | a first request under an Idempotency-Key, 24 h                    |
| X              | kind#subject      | a deletion that goes on: a thread, an inbox, an account; what     |
|                |                   | grows old                                                         |
| U#attachment   | U                 | a file: name, type, size, how many messages use it                |
|                | U#inbox#sequence  | that a message uses it                                            |
| D              | id-key            | the secret behind message and thread ids                          |
|                | send-rate         | how fast mail goes to SES, and until when all turns are taken     |
|                | news-mark         | how far SES's news has come                                       |
|                | R#rule            | the domains that one of SES's receipt rules takes mail for        |
|                | L#accounts#…      | the list of accounts                                              |
|                | W#walk            | how far a walk of housekeeping has come                           |

Sequence and bucket numbers are decimal and padded, so that sort order is number order. A message's content and its
delivery item lie side by side: one query reads both for a whole page. So do, seen from their end, an inbox, the head of its
index and its newest buckets: one query reads the front of an inbox, which is all that most lists need.
"""

import hashlib
from dataclasses import dataclass
from datetime import date

from chalicelib.domain.ids import encode

_SEQUENCE_DIGITS = 11  # 2^36 messages an inbox
_BUCKET_DIGITS = 9
_PLACE_DIGITS = 13  # an event's index in its chunk, or a random number of 40 bits in place of one

INBOX = "F:inbox"
HEAD = "F:head"
MESSAGE_CELLS = "F#"
DIRECTORY = "D#"
ACCOUNT = "A"
DELIVERY_SUFFIX = "#V"
WEBHOOKS = "H#"
DOMAINS = "O#"
HOLDING = "H"
CLAIMS = "C#"
DUE_DOMAINS = "Z#domains"
RULE_WORK = "Z#rules"
RECEIPT_RULES = "R#"
SUPPRESSIONS = "X#"
USAGE_MARK = "Y"
ENDPOINT = "S"
CALLS_UNDER_WAY = "C"
WEBHOOK_DELIVERIES = "D#"
WEBHOOK_LINE = "L#"
ERASURES = "X"
REQUEST_PARTS = 16  # partitions of an account's requests: one takes 1,000 writes a second, a request makes three


@dataclass(frozen=True, slots=True)
class ItemKey:
    """The primary key of one item."""

    pk: str
    sk: str


def inbox_partition(inbox_number: int) -> str:
    return "I#" + encode(inbox_number, 12)


def account_partition(account_id: str) -> str:
    return "A#" + account_id


def log_partition(account_id: str) -> str:
    return "E#" + account_id


def log_chunk(number: int) -> str:
    return f"{number:0{_SEQUENCE_DIGITS}}"


def late_event(event_id: str) -> str:
    """It sorts before every chunk, so whoever reads chunks does not meet it."""
    return "#" + event_id


DEPLOYMENT_PARTITION = "D"
ID_KEY = "id-key"
SEND_RATE = "send-rate"
NEWS_MARK = "news-mark"
SEQUENCE_MARK = "Q"


def walk(name: str) -> ItemKey:
    return ItemKey(DEPLOYMENT_PARTITION, "W#" + name)


def message(sequence: int) -> str:
    return f"M#{sequence:0{_SEQUENCE_DIGITS}}"


def delivery(sequence: int) -> str:
    return message(sequence) + DELIVERY_SUFFIX


def filing(ses_id: str) -> str:
    return "R#" + ses_id


def message_id_header(text: str) -> str:
    """A Message-ID by its hash: a stranger's may be longer than a key."""
    return "H#" + hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def peer(address: str) -> str:
    """An address by its hash: a stranger's may be longer than a key."""
    return "P#" + hashlib.blake2b(address.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def thread(first_sequence: int) -> str:
    return f"T#{first_sequence:0{_SEQUENCE_DIGITS}}"


def thread_chunk(first_sequence: int, start: int) -> str:
    return f"{thread(first_sequence)}#{start:0{_SEQUENCE_DIGITS}}"


def bucket(prefix: str, number: int) -> str:
    return f"{prefix}{number:0{_BUCKET_DIGITS}}"


def directory(number: int) -> str:
    return f"{DIRECTORY}{number:0{_BUCKET_DIGITS}}"


def bucket_number(sort_key: str) -> int:
    return int(sort_key.rpartition("#")[2])


def list_prefix(name: str) -> str:
    return f"L#{name}#"


def list_cells(name: str) -> str:
    """What the buckets of a list begin with."""
    return f"{list_prefix(name)}B#"


def list_counter(name: str) -> str:
    return f"L#{name}"


def entry(name: str, sequence: int) -> str:
    return f"{list_prefix(name)}E#{sequence:0{_SEQUENCE_DIGITS}}"


def suppression(name: str) -> str:
    return SUPPRESSIONS + name


def usage_of_account(day: date) -> str:
    return f"Z#{day.isoformat()}"


def usage_of_inbox(inbox_number: int, day: date) -> str:
    return f"Y#{encode(inbox_number, 12)}#{day.isoformat()}"


def webhook(webhook_id: str) -> str:
    return WEBHOOKS + webhook_id


def domain(domain_id: str) -> str:
    return DOMAINS + domain_id


def domain_name(name: str) -> str:
    return "G#" + name


def claim(account_id: str) -> str:
    return CLAIMS + account_id


def receipt_rule(number: int) -> str:
    return f"{RECEIPT_RULES}{number:04}"


def webhook_partition(webhook_id: str) -> str:
    return "W#" + webhook_id


def log_place(chunk: int, index: int) -> str:
    return f"{chunk:0{_SEQUENCE_DIGITS}}#{index:0{_PLACE_DIGITS}}"


def due_partition(shard: int) -> str:
    return f"Y#{shard}"


def due_time(seconds: int) -> str:
    """Sort keys of what is due before this time, in seconds since the epoch, are smaller."""
    return f"{seconds:0{_SEQUENCE_DIGITS}}"


def api_key(key_id: str) -> ItemKey:
    return ItemKey("K#" + key_id, "K")


def address(text: str) -> ItemKey:
    return ItemKey("N#" + text, "N")


def ses_message_id(text: str) -> ItemKey:
    return ItemKey("S#" + text, "S")


def forgotten_address(text: str, secret: bytes) -> ItemKey:
    """An address by its hash under the deployment's own key: whoever has not both cannot even try."""
    digest = hashlib.blake2b(text.encode(), key=secret[:64], person=b"address", digest_size=20).hexdigest()
    return ItemKey("N=" + digest, "N")


def idempotency(text: str) -> ItemKey:
    """By the account that `text` begins with, so that its records can be found; of the rest, which a client chose, the hash."""
    digest = hashlib.blake2b(text.encode(), digest_size=20).hexdigest()
    part = int(digest[-2:], 16) % REQUEST_PARTS
    return ItemKey(request_partition(text.partition(" ")[0], part), digest)


def request_partition(account_id: str, part: int) -> str:
    return f"P#{account_id}#{part}"


def erasure(kind: str, subject: str) -> ItemKey:
    return ItemKey(ERASURES, f"{kind}#{subject}")


def attachment(attachment_id: str) -> ItemKey:
    return ItemKey("U#" + attachment_id, "U")


def attachment_use(attachment_id: str, inbox_number: int, sequence: int) -> ItemKey:
    return ItemKey("U#" + attachment_id, f"U#{encode(inbox_number, 12)}#{sequence:0{_SEQUENCE_DIGITS}}")
