"""Puts measured tables into bench/README.md, each between its own two markers."""

import re
from collections.abc import Mapping
from pathlib import Path

_README = Path(__file__).parent / "README.md"
_SECTION = re.compile(r"<!-- (?P<name>[^>]*?): begin -->\n(?P<text>.*?)\n?<!-- (?P=name): end -->", re.DOTALL)


def write_section(name: str, text: str) -> None:
    _README.write_text(with_sections(_README.read_text(encoding="utf-8"), {name: text}), encoding="utf-8")


def with_sections(document: str, texts: Mapping[str, str]) -> str:
    """The document with these texts between their markers."""
    for name, text in texts.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, found, rest = document.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"the document has no place for {name}")
        document = f"{before}{begin}\n{text}\n{end}{after}"
    return document


def sections(document: str) -> dict[str, str]:
    """What stands between markers, by name."""
    return {found["name"]: found["text"] for found in _SECTION.finditer(document)}


def short(figure: float) -> str:
    """A figure with at most two decimals."""
    return f"{figure:.2f}".rstrip("0").rstrip(".")


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])
