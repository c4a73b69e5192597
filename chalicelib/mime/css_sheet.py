"""Which rules of a mail's style sheets apply to an element."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from chalicelib.mime.css_rules import Rule, cascaded, declarations, rules

# More than any mail needs. One that was written to keep us busy would have every rule looked at for every element.
_MOST_LOOKS = 500_000
_MOST_RULES = 5_000


class StyleSheet:
    """The rules read so far; asked for one element after the other, with what is open around it."""

    def __init__(self) -> None:
        self._rules: dict[str, list[tuple[int, Rule]]] = {}  # by one part of the element that each needs
        self._count = 0
        self._known: dict[tuple[str, str, str], Sequence[Rule]] = {}
        self._looks = 0
        self._around: Counter[str] = Counter()  # parts of the elements that are open

    @property
    def exhausted(self) -> bool:
        """Whether this is more than is looked at: which rules apply is not known any longer."""
        return self._looks >= _MOST_LOOKS or self._count >= _MOST_RULES

    def add(self, sheet: str) -> None:
        for rule in rules(sheet):
            if self.exhausted:
                break
            self._count += 1
            self._rules.setdefault(min(rule.own - {"*"}, default="*"), []).append((self._count, rule))
        self._known.clear()

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        self._around.update(set(parts(name, attributes)))

    def closed(self, name: str, attributes: Mapping[str, str]) -> None:
        self._around.subtract(set(parts(name, attributes)))

    def style(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str]:
        """The values that hold for an element, from the rules and from its style attribute."""
        matching = self._matching(name, attributes) if self._rules else ()
        self._looks += len(matching)
        layers = [rule.declared for rule in matching if self._stands_within(rule)]
        if inline := attributes.get("style"):
            layers.append(declarations(inline))
        return cascaded(layers)

    def _matching(self, name: str, attributes: Mapping[str, str]) -> Sequence[Rule]:
        key = (name, attributes.get("class", ""), attributes.get("id", ""))
        if key not in self._known:
            own = {*parts(name, attributes), "*"}
            found = [(rule.rank, number, rule) for number, rule in self._candidates(own) if self._is(rule, own)]
            self._known[key] = tuple(rule for _, _, rule in sorted(found, key=lambda entry: entry[:2]))
        return self._known[key]

    def _candidates(self, own: Iterable[str]) -> Iterator[tuple[int, Rule]]:
        for part in own:
            for entry in self._rules.get(part, ()):
                if self.exhausted:
                    return
                yield entry

    def _is(self, rule: Rule, own: set[str]) -> bool:
        self._looks += len(rule.own)
        return rule.own <= own

    def _stands_within(self, rule: Rule) -> bool:
        self._looks += len(rule.ancestors)
        return all(self._around[part] > 0 for part in rule.ancestors)


def parts(name: str, attributes: Mapping[str, str]) -> Iterator[str]:
    """How selectors may call an element."""
    yield name
    if classes := attributes.get("class"):
        yield from ("." + word for word in classes.split())
    if identifier := attributes.get("id"):
        yield "#" + identifier
