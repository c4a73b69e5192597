"""What the lists cost at a hundred messages and at a million, counted on the real handlers.

`make bench` runs this on Dynoxide, writes the tables into bench/README.md and draws the curve in docs/.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.capacity import table
from bench.curve import DOCS, Line, draw
from bench.filled_inbox import LIMITS, FilledInbox, MessageList
from bench.late_changes import LateChanges
from bench.meter import Count
from bench.readme import markdown_table, short, write_section
from bench.rig import Rig, rig
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.wiring import operations

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
SHOWN = (100, 10_000, 1_000_000)
READ_UNIT = 4_096  # bytes of a consistent read
BUCKET_SIZE = 1_000  # bytes of a bucket, nearly

Asked = tuple[str, int, str, str]
"""The name of a list, the limit, which page, and how it was asked for."""


@dataclass
class Listing:
    """Everything counted: what each page took at each size."""

    counts: dict[Asked, dict[int, Count]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)  # at the last size

    def measure(self, made: Rig, size: int) -> FilledInbox:
        filled = FilledInbox.make(made, size)
        lists = list(filled.lists())
        filled.write_pages(lists)
        for listed in lists:
            self.totals[listed.name] = len(listed.sequences)
            for asked, count in _pages(made, filled, listed):
                self.counts.setdefault(asked, {})[size] = count
        return filled

    def growth(self, asked: Asked) -> float:
        """By which power of the size the read units grow from 10^4 to 10^6."""
        small, large = (self.counts[asked][size].read_units for size in (10_000, 1_000_000))
        return math.log(large / small) / math.log(1_000_000 / 10_000)

    def pages_table(self) -> str:
        heads = ["Page", *(f"RCU at {size:,}" for size in SHOWN), "calls", "round trips", "growth", "goal"]
        rows = []
        for asked, by_size in self.counts.items():
            name, limit, place, way = asked
            if name not in ("messages", "threads"):
                continue
            last = by_size[SHOWN[-1]]
            goal = "≤ 9 RCU, ≤ 5 calls, growth ≤ 0.05" if name == "messages" and limit == LIMITS[0] else ""
            units = [short(by_size[size].read_units) if size in by_size else "" for size in SHOWN]
            figures = [*units, str(len(last.calls)), str(last.round_trips), f"{self.growth(asked):.3f}"]
            rows.append([f"{limit} {name}, {place} page{way}", *figures, goal])
        return markdown_table(heads, rows)

    def filters_table(self) -> str:
        size = SHOWN[-1]
        heads = ["Filter", "in the list"]
        heads += [f"{limit}: {what}" for limit in LIMITS for what in ("first, middle, last page", "calls")]
        heads += ["growth", "goal"]
        rows = []
        for name, total in self.totals.items():
            if name in ("messages", "threads"):
                continue
            cells = [name.removeprefix("messages "), f"{total:,}"]
            for limit in LIMITS:
                counts = [self.counts[name, limit, place, ""][size] for place in ("first", "middle", "last")]
                cells.append(", ".join(short(count.read_units) for count in counts))
                cells.append(str(max(len(count.calls) for count in counts)))
            goal = "≤ 70 RCU for 100" if name.endswith("failed") else ""
            worst = max(self.growth((name, LIMITS[0], place, "")) for place in ("first", "middle", "last"))
            rows.append([*cells, f"{worst:.3f}", goal])
        return markdown_table(heads, rows)

    def lines(self) -> list[Line]:
        """The curve: what was counted, and beside it what reading every bucket of an inbox would take."""
        counting = [(size, size / BUCKET_CELLS * BUCKET_SIZE / READ_UNIT + 5) for size in SIZES]
        return [
            Line("every bucket read to count (computed)", counting, dashed=True),
            self._line("the last 100 failed", "messages status failed", 100),
            self._line("the last 20 threads", "threads", 20),
            self._line("the last 20 messages", "messages", 20),
        ]

    def _line(self, label: str, name: str, limit: int) -> Line:
        by_size = self.counts[name, limit, "last", ""]
        return Line(label, [(size, by_size[size].read_units) for size in SIZES])


def _pages(made: Rig, filled: FilledInbox, listed: MessageList) -> Iterator[tuple[Asked, Count]]:
    for limit in LIMITS:
        for place, offset in listed.offsets(limit).items():
            for way in ("", " by cursor"):
                if way and (listed.filter or not offset):
                    continue
                page = listed.page(offset, limit, by_cursor=bool(way))
                with made.meter.counting() as count:
                    answer = made.api("GET", page.target)
                filled.check(listed, page, answer)
                yield (listed.name, limit, place, way), count


def main() -> None:
    listing = Listing()
    with rig() as made:
        operations().public_ids()  # read once a process, not once a request
        for size in SIZES:
            largest = listing.measure(made, size)
        late = list(LateChanges(made, largest).rows())
    sections = {"pages": listing.pages_table(), "filters": listing.filters_table(), "late": table(late)}
    for name, text in sections.items():
        print(f"{text}\n")
        if "--write" in sys.argv:
            write_section(name, text)
    if "--write" in sys.argv:
        (DOCS / "list-cost.svg").write_text(draw(listing.lines()), encoding="utf-8")


if __name__ == "__main__":
    main()
