"""Ways through tokens and their alternatives, one of each entry: what any of them spells is a text of the model."""

from guardian_cluster.watcher.harmless import HarmlessTexts
from guardian_cluster.watcher.rule import Rule
from guardian_cluster.watcher.scanner import RuleSet

_MAX_WAYS = 64
"""Ways held open at once. Beyond, all that they run through is withheld, and they are given up."""

WITHHELD = Rule("unknown-field", "withheld", "", "redact")

Find = tuple[int, Rule]
"""Number of the entry at which a way begins that spells a rule, and which."""


class Ways:
    """The ways through the entries so far that end in the beginning of a rule."""

    def __init__(self, rules: RuleSet, harmless: HarmlessTexts) -> None:
        self._rules = rules
        self._harmless = harmless
        self._open: dict[str, int] = {}  # what a way spells of a rule -> the entry it begins at, the earliest
        self._running: list[Rule] = []  # what was spelled by a way, and may go on

    def earliest(self, number: int) -> int:
        """Return the first entry that an open way runs through; `number` where none is open."""
        return min(self._open.values(), default=number)

    def step(self, number: int, texts: set[str]) -> list[Find]:
        """Go on through one more entry, by each of its texts; return what was spelled."""
        found = self._run_on(number, texts) if self._running else []
        following: dict[str, int] = {}
        leading = {head: self._leading_to(head) for head in {text[:1] for text in texts}}
        for text in texts:
            for spelled, start in leading[text[:1]]:
                self._follow(spelled, text, start, following, found)
            if text not in self._harmless:
                self._begin(text, number, following, found)
        if len(following) > _MAX_WAYS:
            found += [(start, WITHHELD) for start in following.values()]
            following = {}
        self._open = following
        return found

    def _run_on(self, number: int, texts: set[str]) -> list[Find]:
        """Go on with what was spelled before, for as long as any text may belong to it."""
        found: list[Find] = []
        running, self._running = self._running, []
        for rule in running:
            runs = [rule.run_on(text, 0) for text in texts]
            if any(stop for stop, _ in runs):
                found.append((number, rule))
            if any(goes_on for _, goes_on in runs):
                self._running.append(rule)
        return found

    def _leading_to(self, head: str) -> list[tuple[str, int]]:
        """Return the open ways that go on with a character."""
        return [way for way in self._open.items() if self._rules.starts_with(way[0] + head)]

    def _follow(
        self, spelled: str, text: str, start: int, following: dict[str, int], found: list[Find]
    ) -> None:
        whole = spelled + text
        matches, until = self._rules.scan(whole)
        if until == 0:
            following[whole] = min(start, following.get(whole, start))
        for first, end, rule in matches:
            if first == 0 and end > len(spelled):
                found.append((start, rule))
                self._spelled(whole, end, rule)

    def _begin(self, text: str, number: int, following: dict[str, int], found: list[Find]) -> None:
        matches, first = self._rules.scan(text)
        for _, end, rule in matches:
            found.append((number, rule))
            self._spelled(text, end, rule)
        for ending in (text[n:] for n in range(first, len(text))):
            if self._rules.is_open(ending):
                following.setdefault(ending, number)
        if not matches and first == len(text):
            self._harmless.remember(text)

    def _spelled(self, text: str, end: int, rule: Rule) -> None:
        if rule.run_on(text, end)[1] and rule not in self._running:
            self._running.append(rule)
