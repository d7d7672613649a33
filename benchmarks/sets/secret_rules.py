"""Rules that say whether a secret stands in a text, read from the data: what planted secrets are held against.

The rules are facts of an independent project (gitleaks). They are applied as that project applies them, apart from
what asks for a file's path: keyword, expression, least entropy, allow-lists.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.sets.given import content_of
from benchmarks.sets.regex_sampler import RegexSampler, compiled

FILE = "guards/secret_rules.json"

_WHOLE = frozenset({"jwt-base64", "microsoft-teams-webhook"})
"""Rules whose first group is a fragment of the secret: `([a-z0-9]{4}-)`, `(?P<alg>aGJHY2lPaU)`."""
_KEYWORD = re.compile(r"\[\\w\.-\]\{0,50\}\?(?P<keyword>(?:(?!\{0,50\}).)+?)\(\?:\[ \\t\\w\.-\]\{0,20\}\)")
"""Where the rules of the form `NAME = VALUE` have the part of the name that they ask for."""


@dataclass(frozen=True)
class Allowed:
    """What is no secret though the expression accepts it."""

    expressions: tuple[re.Pattern[str], ...]
    stopwords: frozenset[str]
    target: str
    """`secret`, `match` or `line`: what is looked at."""

    def allows(self, secret: str, match: str, text: str) -> bool:
        looked_at = {"match": match, "line": text}.get(self.target, secret)
        lowered = secret.lower()
        return any(expression.search(looked_at) for expression in self.expressions) or any(
            word in lowered for word in self.stopwords
        )


@dataclass(frozen=True)
class Rule:
    """One kind of secret."""

    name: str
    expression: str
    """In Go's syntax."""
    keywords: tuple[str, ...] = ()
    entropy: float = 0.0
    """Bits per character that a secret has more of."""
    group: int | None = None
    allowed: tuple[Allowed, ...] = ()

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return compiled(self.expression)

    @cached_property
    def sampler(self) -> RegexSampler:
        return RegexSampler(self.expression)

    @cached_property
    def keyword(self) -> RegexSampler | None:
        """The part of a name that has to stand before the secret; `None` where the secret is known by itself."""
        found = _KEYWORD.search(self.expression)
        return RegexSampler(found["keyword"]) if found else None

    def chosen(self, groups: Mapping[int, tuple[int, int]]) -> int:
        """Return the group that is the secret: the named one, else the first that is not empty, else all."""
        if self.group is not None:
            return self.group
        if self.name in _WHOLE:
            return 0
        return next((number for number, (start, end) in sorted(groups.items()) if number and start < end), 0)

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each secret that the rule reports in a text."""
        lowered = text.lower()
        if self.keywords and not any(word in lowered for word in self.keywords):
            return
        for match in self.compiled.finditer(text):
            start, end = match.span(self.chosen({n: match.span(n) for n in range(len(match.regs))}))
            secret = text[start:end]
            if self.entropy and entropy_bits(secret) <= self.entropy:
                continue
            if not any(allowed.allows(secret, match[0], text) for allowed in self.allowed):
                yield start, end


def entropy_bits(text: str) -> float:
    """Return Shannon's entropy of the characters of a text, in bits per character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def read_rules(path: Path) -> list[Rule]:
    """Return the rules of a file. Raises RuntimeError, naming it, where it cannot be read."""
    try:
        content = json.loads(content_of(path))
        everywhere = _allowed([content["global_allowlist"]])
        return [_rule(row, everywhere) for row in content["rules"]]
    except (OSError, EOFError, ValueError, KeyError, TypeError, re.error) as error:
        raise RuntimeError(f"cannot read the rules in {path}: {error}") from error


def _rule(row: Mapping[str, Any], everywhere: tuple[Allowed, ...]) -> Rule:
    return Rule(
        name=row["id"],
        expression=row["regex"],
        keywords=tuple(row["keywords"]),
        entropy=row["entropy"] or 0.0,
        group=row["secret_group"],
        allowed=everywhere + _allowed(row["allowlists"]),
    )


def _allowed(lists: Sequence[Mapping[str, Any]]) -> tuple[Allowed, ...]:
    return tuple(
        Allowed(
            tuple(map(compiled, each.get("regexes", ()))),
            frozenset(each.get("stopwords", ())),
            each.get("regexTarget", "secret"),
        )
        for each in lists
        if not each.get("paths")
    )
