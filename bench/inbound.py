"""What a received mail costs, and how reading it compares with the `email` package of Python.

`make bench` runs this on Dynoxide and writes the tables into bench/README.md.
"""

import sys

from bench.inbound_costs import Arrivals, million, table
from bench.readme import write_section
from bench.rig import rig


def costs() -> str:
    with rig() as made:
        rows = list(Arrivals(made).rows())
    if "--calls" in sys.argv:
        for row in rows:
            print(f"{row.what}: {', '.join(row.counts[-1].names)}\n")
    return f"{table(rows)}\n\n{million(rows[0])}"


SECTIONS = {"inbound": costs}


def main() -> None:
    for name, measure in SECTIONS.items():
        text = measure()
        print(text)
        if "--write" in sys.argv:
            write_section(name, text)


if __name__ == "__main__":
    main()
