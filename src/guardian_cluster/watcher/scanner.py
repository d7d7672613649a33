"""All rules of a policy over one growing text: the exact texts, the kinds of secrets, the personal data."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Self

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.personal_data import PersonalData
from guardian_cluster.watcher.pii.found import LOOK_BACK
from guardian_cluster.watcher.plain_words import frequent_words
from guardian_cluster.watcher.private_key import KIND as PRIVATE_KEY
from guardian_cluster.watcher.rule import Match, Scanned
from guardian_cluster.watcher.secret_scan import SecretScan
from guardian_cluster.watcher.secrets import LONGEST, WAITING_WORD, Secrets, compiled, shipped

_MOST_UNSEEN = 4_096
"""Characters; adding to a text takes time by its length now and then."""


class RuleSet:
    """The rules of a policy, compiled."""

    def __init__(
        self, exact: Patterns, secrets: Secrets | None = None, personal: PersonalData | None = None
    ) -> None:
        self.exact = exact
        self.secrets = secrets
        self.personal = personal

    def __bool__(self) -> bool:
        return bool(self.exact.rules) or self.secrets is not None or self.personal is not None

    @property
    def longest(self) -> int:
        """Characters that a rule holds back at most."""
        return max(self.exact.longest, LONGEST if self.secrets or self.personal else 0)

    def scan(self, text: str) -> Scanned:
        """Return what is found in a text by itself, and from where what follows may complete something."""
        return Scanner(self).scan(text, last=False)

    def is_open(self, text: str) -> bool:
        """Return whether the text is the beginning of what a rule names."""
        return self.scan(text)[1] == 0

    def starts_with(self, text: str) -> bool:
        """Return whether what a rule names starts with the text, or is it."""
        found, until = self.scan(text)
        return until == 0 or any(start == 0 for start, _, _ in found)

    def blocking(self) -> "RuleSet":
        """Return the rules that keep a text from leaving."""
        secrets = self.secrets.blocking if self.secrets is not None else None
        personal = self.personal.blocking() if self.personal is not None else None
        return RuleSet(self.exact.blocking(), secrets, personal)

    def plain_words(self) -> AbstractSet[str]:
        """Return the frequent words with which nothing begins but a random text."""
        if self.secrets is None or not self.secrets.holds_forms:
            return frozenset()
        return frozenset(filter(self._is_plain, frequent_words()))

    def _is_plain(self, word: str) -> bool:
        if self.exact.open_from(word) < len(word):
            return False
        if self.personal is not None and self.personal.scan(word, "", last=False)[1] < len(word):
            return False
        return self.secrets is None or self.secrets.begun_from(word, 0) == len(word)

    def without_exact(self) -> "RuleSet":
        """Return the rules that name kinds of texts."""
        return RuleSet(Patterns(()), self.secrets, self.personal)

    def beginnings(self) -> "RuleSet":
        """Return the rules of texts whose beginning tells them: others would have any word held back."""
        return RuleSet(self.exact, self.secrets.beginnings if self.secrets is not None else None)

    def as_bytes(self) -> "RuleSet":
        """Return the same rules over UTF-8 bytes, each byte written as the character of the same number."""
        secrets = self.secrets.beginnings if self.secrets is not None else None
        return RuleSet(self.exact.as_bytes(), secrets)

    def redacting(self) -> "RuleSet":
        """Return the same rules, all of which redact."""
        secrets = self.secrets.redacting if self.secrets is not None else None
        personal = self.personal.redacting() if self.personal is not None else None
        return RuleSet(self.exact.redacting(), secrets, personal)

    @classmethod
    def of(cls, policy: WatchPolicy) -> Self:
        """Compile a policy's rules.

        Raises:
            ValueError: a rule cannot be watched for; the message names it.
        """
        return cls(Patterns.of(policy), _secrets(policy), _personal(policy))


def _secrets(policy: WatchPolicy) -> Secrets | None:
    if policy.on_secret == "ignore" and not any(kind.action for kind in policy.secrets):
        return None
    own = {kind.kind for kind in policy.secrets}
    known = [kind for kind in shipped() if kind.kind not in own and kind.kind not in policy.ignored_secrets]
    if policy.on_secret == "ignore":
        chosen = tuple(kind for kind in policy.secrets if kind.action)
        return compiled(chosen, "observe", private_keys=False)
    private_keys = PRIVATE_KEY not in (*own, *policy.ignored_secrets)
    return compiled((*known, *policy.secrets), policy.on_secret, private_keys=private_keys)


def _personal(policy: WatchPolicy) -> PersonalData | None:
    return PersonalData.of(policy.personal) if policy.personal else None


class Scanner:
    """Looks for a policy's rules in one channel, which it is given as what has not passed yet and what is new."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._exact = rules.exact if rules.exact.rules else None
        self._secrets = SecretScan(rules.secrets) if rules.secrets is not None else None
        self._personal = rules.personal
        self._before = ""  # the end of what has passed
        self._unseen = ""  # what has passed at a glance, and is yet to be told to the search for secrets
        self._glances = self._secrets is not None and self._secrets.holds_words and rules.personal is None
        self.is_told = False
        """Whether a word told that what was open at the last look may be a secret."""

    def glance(self, text: str) -> int | None:
        """Return how much of a text is known to hold nothing; `None` where that takes a scan.

        To be asked of text that begins behind a blank. So far it has passed then, for no word of it holds anything;
        the last one waits for its end, as a secret may begin so, where it is not known how much of it is open.
        """
        secrets = self._secrets
        if not self._glances or secrets is None or not secrets.is_calm:
            return None
        words = text.split()
        held = 0
        if not text[-1].isspace():
            tail = words.pop()
            held = len(tail)
            if not (tail.isalnum() and held <= WAITING_WORD and tail.isascii()):
                known = secrets.quiet.get(" " + tail)
                if known is None:
                    return None
                held = known
        if not secrets.are_quiet(words):
            return None
        until = len(text) - held
        if self._exact is not None and (self._exact.find(text) or self._exact.open_from(text) < until):
            return None
        self._unseen += text[:until]
        if len(self._unseen) > _MOST_UNSEEN:
            self._catch_up()
        self.is_told = False
        return until

    def _catch_up(self) -> None:
        if self._secrets is not None and self._unseen:
            self._secrets.skip(self._unseen)
        self._unseen = ""

    def scan(self, text: str, *, last: bool) -> Scanned:
        """Return what is found in what has not passed yet, and from where something may still be completed.

        Of what is found only that counts which begins before that position.
        """
        if self._unseen:
            self._catch_up()
        found: Sequence[Match] = ()
        until = len(text)
        if self._exact is not None:
            found = self._exact.find(text)
            if not last:
                until = self._exact.open_from(text)
        if self._secrets is not None:
            secrets, opened = self._secrets.scan(text, last=last)
            self.is_told = self._secrets.is_told
            until = min(until, opened)
            if secrets:
                found = sorted((*found, *secrets), key=place)
        if self._personal is not None:
            items, opened = self._personal.scan(text, self._before, last=last)
            until = min(until, opened)
            if items:
                found = sorted((*found, *items), key=place)
        return found, until

    def is_only_opening(self, text: str) -> bool:
        """Return whether what is held is but the beginning of a head, without a character that is a secret's own."""
        secrets, personal = self._rules.secrets, self._personal
        if secrets is None or not secrets.begins_head(text):
            return False
        if self._exact is not None and self._exact.open_from(text) < len(text):
            return False
        return personal is None or personal.scan(text, self._before, last=False)[1] == len(text)

    def fork(self) -> "Scanner":
        """Return a scanner that knows the same, to go on by itself. What has not passed it has yet to see."""
        self._catch_up()
        other = Scanner(self._rules)
        other._secrets = self._secrets.fork() if self._secrets is not None else None
        other._before = self._before
        return other

    def passed(self, text: str) -> None:
        """Take note that a text, which was scanned last, has passed."""
        if self._secrets is not None:
            self._secrets.passed(text)
        if self._personal is not None:
            self._before = (self._before + text)[-LOOK_BACK:]


def place(match: Match) -> tuple[int, int, int, str]:
    """Return what matches are ordered by: leftmost first, of these the longest, of these the one known by most text."""
    start, end, rule = match
    return start, -end, -len(rule.text), rule.name
