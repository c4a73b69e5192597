"""Sets of words, written as people write them."""


def words(text: str) -> frozenset[str]:
    """The words of a text that are apart by spaces."""
    return frozenset(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text that are apart by upright strokes."""
    return tuple(text.split("|"))
