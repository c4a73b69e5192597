"""Puts measured tables into bench/README.md, each between its own two markers."""

from pathlib import Path

_README = Path(__file__).parent / "README.md"


def write_section(name: str, text: str) -> None:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = _README.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"bench/README.md has no place for {name}")
    _README.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def short(figure: float) -> str:
    """A figure with at most two decimals."""
    return f"{figure:.2f}".rstrip("0").rstrip(".")


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])
