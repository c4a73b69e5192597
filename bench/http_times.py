"""How long the lists take through HTTP, on a running embedded system, at a hundred messages and at a hundred thousand.

`make bench-http` runs this and writes the table into bench/README.md. The sizes are asked in turn, so that whatever else
the machine does meets all of them.
"""

import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

from bench.filled_inbox import LIMITS, FilledInbox, MessageList, Page
from bench.readme import markdown_table, write_section
from bench.rig import rig
from bench.running_system import Client, running_system
from chalicelib.wiring import forget_operations

SIZES = (100, 10_000, 100_000)
ROUNDS = 60
LISTS = ("messages", "threads", "messages status delivered")

Question = tuple[str, int, str]
"""The name of a list, the limit, and which page."""


def questions(lists: list[MessageList]) -> dict[Question, Page]:
    """What is asked of one inbox: pages that are full at every size, so that all do the same work."""
    return {
        (listed.name, limit, page): listed.page(offset, limit)
        for listed in lists
        for limit in LIMITS
        for page, offset in listed.offsets(limit).items()
        if limit == LIMITS[0] or (listed.name == "messages" and page != "middle page")
    }


def fill(folder: Path) -> dict[int, dict[Question, Page]]:
    """An inbox of each size in a system's data folder, and what to ask of it."""
    asked: dict[int, dict[Question, Page]] = {}
    with rig(folder) as made:
        for size in SIZES:
            filled = FilledInbox.make(made, size)
            lists = [listed for listed in filled.lists() if listed.name in LISTS]
            filled.write_pages(lists)
            asked[size] = questions(lists)
            for listed in lists:
                page = listed.page(listed.offsets(LIMITS[0])["last page"], LIMITS[0])
                filled.check(listed, page, made.api("GET", page.target))
        forget_operations()
    return asked


def measure(client: Client, asked: dict[int, dict[Question, Page]]) -> dict[Question, dict[int, list[float]]]:
    """Milliseconds of each question at each size."""
    times: dict[Question, dict[int, list[float]]] = {}
    for turn in range(ROUNDS):
        for question in asked[SIZES[0]]:
            for step in range(len(SIZES)):  # each size comes first as often as the others
                size = SIZES[(turn + step) % len(SIZES)]
                page = asked[size][question]
                began = time.perf_counter()
                answer = client.json("GET", page.target)
                spent = (time.perf_counter() - began) * 1_000
                if (answer["total"], len(answer["data"])) != (page.total, len(page.sequences)):
                    raise RuntimeError(f"{page.target} did not answer what was asked for")
                times.setdefault(question, {}).setdefault(size, []).append(spent)
    return times


def times_table(times: dict[Question, dict[int, list[float]]]) -> str:
    heads = ["Page", *(f"ms at {size:,}" for size in SIZES)]
    heads += [f"{later:,} : {earlier:,}" for earlier, later in pairwise(SIZES)]
    heads.append(f"middle half of the times at {SIZES[-1]:,}")
    rows = []
    for (name, limit, page), by_size in times.items():
        medians = [median(by_size[size]) for size in SIZES]
        low, _, high = quantiles(by_size[SIZES[-1]], n=4)
        figures = [f"{figure:.1f}" for figure in medians]
        ratios = [f"{later / earlier:.2f}" for earlier, later in pairwise(medians)]
        noise = f"{low / medians[-1]:.2f} … {high / medians[-1]:.2f}"
        rows.append([f"{limit} {name}, {page}", *figures, *ratios, noise])
    return markdown_table(heads, rows)


def main() -> None:
    environment = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        asked = fill(Path(folder))
        with running_system(Path(folder), environment) as netloc:
            client = Client(netloc)
            measure(client, asked)  # a first time for connections, caches and imports
            text = times_table(measure(client, asked))
    print(text)
    if "--write" in sys.argv:
        write_section("http", text)


if __name__ == "__main__":
    main()
