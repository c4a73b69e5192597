"""Draws lines over powers of ten as an SVG that can be read on a light page and on a dark one."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 60, 500, 40, 350
LOW, HIGH = (100, 1), (1_000_000, 1_000)  # the corners of the plot: messages, read units
COLOURS = (("#6b7280", "#9ca3af"), ("#b45309", "#fbbf24"), ("#7c3aed", "#c4b5fd"), ("#0369a1", "#38bdf8"))

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2937 }
  .title { font-weight: 600 }
  .grid { stroke: #d1d5db; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5 }
"""
_DARK = "text { fill: #e5e7eb } .grid { stroke: #374151 }"


@dataclass(frozen=True)
class Line:
    """A labelled row of points: messages in the inbox, read units."""

    label: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def draw(lines: Sequence[Line]) -> str:
    """The whole picture."""
    light = " ".join(f".c{n} {{ stroke: {pair[0]} }}" for n, pair in enumerate(COLOURS))
    dark = " ".join(f".c{n} {{ stroke: {pair[1]} }}" for n, pair in enumerate(COLOURS))
    body = "\n".join([*_grid(), *_drawn(lines)])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"
  aria-label="Read units of a page, by the number of messages in the inbox">
<style>{_STYLE}  {light}
  @media (prefers-color-scheme: dark) {{ {_DARK} {dark} }}
</style>
<text x="{LEFT}" y="22" class="title">DynamoDB read units of a page with its total, whole request</text>
{body}
<text x="{(LEFT + RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">messages in the inbox</text>
</svg>
"""


def _grid() -> Iterator[str]:
    for power in range(2, 7):
        x = _x(10**power)
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{BOTTOM}"/>'
        yield f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>'
    for power in range(4):
        y = _y(10**power)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>'


def _drawn(lines: Sequence[Line]) -> Iterator[str]:
    for number, line in enumerate(lines):
        path = "L".join(f"{_x(size):.1f} {_y(units):.1f}" for size, units in line.points)
        dash = ' stroke-dasharray="6 5"' if line.dashed else ""
        yield f'<path class="line c{number}"{dash} d="M{path}"/>'
        size, units = line.points[-1]
        yield f'<text x="{_x(size) + 10:.1f}" y="{_y(units) + 4:.1f}">{line.label}: {units:,.1f}</text>'


def _x(size: float) -> float:
    return LEFT + _share(size, LOW[0], HIGH[0]) * (RIGHT - LEFT)


def _y(units: float) -> float:
    return BOTTOM - _share(units, LOW[1], HIGH[1]) * (BOTTOM - TOP)


def _share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)
