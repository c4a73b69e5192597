"""When a bucket of the message index is sealed: when it has grown quiet. Pure, apart from DynamoDB.

Sealed too early, every delivery report is a late change, at four times the price; sealed too late, every list reads the
bucket. So what counts is what still stands in it, not its age:

    -           a request is committing it, or has died
    q s u       waits for SES: three or four changes are to come
    t           waits for the news of its delivery: one change is to come, or none, ever
    the others  settled, but for one in a hundred

Time is told in messages: so many newer ones have been given to SES.
"""

from chalicelib.storage.cell_pages import BUCKET_CELLS, EMPTY

UNDER_WAY = "qsu"
AWAITING_NEWS = "t"

OPEN_CELLS = 96  # newer messages before anybody looks: below that, those under way are many in any case
FEW = BUCKET_CELLS // 20  # messages that may still change, at an acceptable price, in a bucket that is called quiet
# A hundred messages a second are the most an inbox is to take. At that rate these are the minute after which its own job gives
# up a reservation that nobody commits (and the 29 seconds that a request may live), and as much again: so sealing kills
# only those whose job is late or lost, for until that comes the list of threads counts them;
PATIENCE = 25 * BUCKET_CELLS
# a minute for the news of deliveries, in front of which at most 14 buckets are open: four read units for any list;
NEWS_PATIENCE = 12 * BUCKET_CELLS
# and far more for what has not even been sent: it is cheaper to read a long backlog than to rewrite it.
BACKLOG_PATIENCE = 128 * BUCKET_CELLS


def is_due(cells: str, newer: int) -> bool:
    """Whether a bucket with these cells is to be sealed when so many messages after its last one have been sent."""
    lower = cells.lower()
    under_way = sum(map(lower.count, UNDER_WAY))
    if newer < OPEN_CELLS or (EMPTY in cells and newer < PATIENCE):
        return False
    if under_way > FEW:
        return newer >= BACKLOG_PATIENCE
    return under_way + lower.count(AWAITING_NEWS) <= FEW or newer >= NEWS_PATIENCE
