"""What the lists cost at a hundred messages and at a million, counted on the real handlers.

`make bench` runs this on Dynoxide, writes the tables into bench/README.md and draws the curve in docs/.
"""

import math
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from bench.capacity import table
from bench.curve import DOCS, Line, draw
from bench.filled_inbox import LIMITS, FilledInbox, MessageList
from bench.late_changes import LateChanges
from bench.meter import Count
from bench.readme import markdown_table, short, write_section
from bench.rig import Rig, rig
from chalicelib.storage.cell_pages import BUCKET_CELLS
from chalicelib.storage.kept_directories import forget
from chalicelib.wiring import operations

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
SHOWN = (100, 10_000, 1_000_000)
UNFILTERED = ("messages", "threads")
PAGES = ("first page", "middle page", "last page")
READ_UNIT = 4_096  # bytes of a consistent read
BUCKET_SIZE = 1_000  # bytes of a bucket, nearly

Asked = tuple[str, int, str]
"""The name of a list, the limit, and which page, with how it was asked for."""


@dataclass
class Listing:
    """Everything counted: what each page took, and how long each list was, at each size."""

    counts: dict[Asked, dict[int, Count]] = field(default_factory=dict)
    first_counts: dict[Asked, dict[int, Count]] = field(default_factory=dict)  # in a process that has just begun
    totals: dict[str, dict[int, int]] = field(default_factory=dict)

    def measure(self, made: Rig, size: int) -> FilledInbox:
        filled = FilledInbox.make(made, size)
        lists = list(filled.lists())
        filled.write_pages(lists)
        for listed in lists:
            self.totals.setdefault(listed.name, {})[size] = len(listed.sequences)
            for asked, first, count in _pages(made, filled, listed):
                self.first_counts.setdefault(asked, {})[size] = first
                self.counts.setdefault(asked, {})[size] = count
        return filled

    def growth(self, name: str, limit: int, pages: Collection[str]) -> str:
        """By which power of the size the read units grow from 10^4 to 10^6, on that of these pages where it is most.

        Empty when the smaller list does not fill the page.
        """
        if self.totals[name][SHOWN[1]] < limit:
            return ""
        by_page = [self.counts[name, limit, page] for page in pages]
        ratio = max(by_size[SHOWN[2]].read_units / by_size[SHOWN[1]].read_units for by_size in by_page)
        return f"{math.log(ratio) / math.log(SHOWN[2] / SHOWN[1]):.3f}"

    def pages_table(self) -> str:
        heads = ["Page", *(f"RCU at {size:,}" for size in SHOWN), "calls", "the first time", "growth", "goal"]
        rows = []
        for (name, limit, page), by_size in sorted(self.counts.items(), key=lambda entry: entry[0][:2]):
            if name not in UNFILTERED:
                continue
            last = by_size[SHOWN[-1]]
            units = [short(by_size[size].read_units) if size in by_size else "" for size in SHOWN]
            first = self.first_counts[name, limit, page][SHOWN[-1]]
            figures = [*units, str(len(last.calls)), str(len(first.calls)), self.growth(name, limit, [page])]
            goal = "≤ 9 RCU, ≤ 5 calls, growth ≤ 0.05" if (name, limit) == ("messages", 20) else ""
            rows.append([f"{limit} {name}, {page}", *figures, goal])
        return markdown_table(heads, rows)

    def filters_table(self) -> str:
        heads = [
            "Filter",
            "in the list",
            *(text for limit in LIMITS for text in (f"RCU of {limit}", "calls", "the first time")),
        ]
        heads += [f"growth, {limit}" for limit in LIMITS] + ["goal"]
        rows = []
        for name, totals in self.totals.items():
            if name in UNFILTERED:
                continue
            cells = [name.removeprefix("messages "), f"{totals[SHOWN[-1]]:,}"]
            for limit in LIMITS:
                counts = [self.counts[name, limit, page][SHOWN[-1]] for page in PAGES]
                firsts = [self.first_counts[name, limit, page][SHOWN[-1]] for page in PAGES]
                cells.append(", ".join(short(count.read_units) for count in counts))
                cells += [str(max(len(count.calls) for count in group)) for group in (counts, firsts)]
            cells += [self.growth(name, limit, PAGES) for limit in LIMITS]
            rows.append([*cells, "≤ 70 RCU of 100" if name.endswith("failed") else ""])
        return markdown_table(heads, rows)

    def lines(self) -> list[Line]:
        """The curve: what was counted, and beside it what reading every bucket of an inbox would take."""
        counting = [(size, size / BUCKET_CELLS * BUCKET_SIZE / READ_UNIT + 5) for size in SIZES]
        return [
            Line("every bucket read (computed)", counting, dashed=True),
            self._line("the last 100 failed", "messages status failed", 100),
            self._line("the last 20 threads", "threads", 20),
            self._line("the last 20 messages", "messages", 20),
        ]

    def _line(self, label: str, name: str, limit: int) -> Line:
        by_size = self.counts[name, limit, "last page"]
        return Line(label, [(size, by_size[size].read_units) for size in SIZES])


def _pages(made: Rig, filled: FilledInbox, listed: MessageList) -> Iterator[tuple[Asked, Count, Count]]:
    """Each page with what it took in a process that has just begun, and in one that has read it before."""
    for limit in LIMITS:
        for page, offset in listed.offsets(limit).items():
            for by_cursor in (False, True) if offset and not listed.filter else (False,):
                asked = listed.page(offset, limit, by_cursor=by_cursor)
                forget()
                with made.meter.counting() as first:
                    filled.check(listed, asked, made.api("GET", asked.target))
                with made.meter.counting() as again:
                    filled.check(listed, asked, made.api("GET", asked.target))
                yield (listed.name, limit, f"{page} by cursor" if by_cursor else page), first, again


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
