"""Says what speaks against giving a model a text: hidden characters, injections, leaks, quotes.

What is found is a reason to look; that nothing is found is no reason not to (deployed_texts.py). Only what is new is
searched: lines that stood in the instructions before were somebody's decision then.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import get_args

from guardian_cluster.contract.snapshot import Base, PersonalKind, WatchPolicy
from guardian_cluster.domain.improvement import Concern
from guardian_cluster.guardians.reviewing.deployed_texts import lines
from guardian_cluster.watcher.invisible import InvisibleDetector
from guardian_cluster.watcher.scanner import RuleSet, Scanner
from guardian_cluster.watcher.scoring.injection import InjectionScorer, Source

MOST_CHARACTERS = 20_000
"""Of a text that a person can still read through; more are not looked at, and are a concern."""

INJECTION = 0.5
"""The score from which a prompt is held to turn the model, as where nothing was learned (docs/design/thresholds.md)."""

QUOTED_WORDS = 6
"""Words in a row that stand in a recorded text too: two people write so many alike only by quoting or by habit."""

_PROHIBITIONS = re.compile(
    r"n['’]t\b|\b(?:never|not|cannot|no|only|avoid|refrain|refuse|decline|forbidden|prohibited|confidential|secret|private|"
    r"must|always|nie|nicht|niemals|kein|keine|nur|jamais|pas|nunca|solo|sólo|mai|non)\b",
    re.IGNORECASE,
)
"""Words of rules in six languages: what a person is told of first where lines would go."""

_HARMLESS_CONTROL = frozenset("\n\t")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of Unicode that nobody sees, lines that no editor ends among them."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word; where nothing stands between words, as in Chinese and Japanese, each sign counts as one."""

_LATIN_LIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
"""Scripts with letters that look like Latin ones (Unicode TR 39)."""


def concerns_of_text(before: str, after: str, base: Base, recorded: Iterable[str] = ()) -> Iterator[Concern]:
    """Yield what speaks against giving a model `after` in place of `before`.

    `recorded` are texts of requests, answers and failures that must not find their way into instructions.
    """
    if len(after) > MOST_CHARACTERS:
        yield Concern(rule="injection", said=f"the text has more than {MOST_CHARACTERS:,} characters")
        return
    new = new_lines(before, after)
    yield from _hostile_characters(new)
    score = _scorer().score(new, Source.PROMPT) if new.strip() else 0.0
    if score >= INJECTION:
        yield Concern(rule="injection", said=f"the new text scores {score:.2f} for turning a model")
    yield from _leaks(new, base)
    if quotes(new, recorded):
        yield Concern(
            rule="leakage", said="the new text quotes what a request, an answer or an endpoint said"
        )


def new_lines(before: str, after: str) -> str:
    """Return the lines of a text that did not stand in the one before, with all that nobody sees in them."""
    known = set(lines(before))
    return "\n".join(line for line in lines(after) if line not in known)


def dropped_rules(before: str, after: str) -> list[str]:
    """Return the lines that say what must or must not be done and do not stand in the text any more."""
    kept = set(lines(after))
    return [line for line in lines(before) if line not in kept and _PROHIBITIONS.search(line)]


def quotes(text: str, recorded: Iterable[str]) -> bool:
    """Return whether some words in a row stand in a recorded text too."""
    own = _runs(text)
    return bool(own) and any(not own.isdisjoint(_runs(each[:MOST_CHARACTERS])) for each in recorded)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return {tuple(words[at : at + QUOTED_WORDS]) for at in range(len(words) - QUOTED_WORDS + 1)}


def _hostile_characters(text: str) -> Iterator[Concern]:
    hidden = any(unicodedata.category(each) in _UNSEEN and each not in _HARMLESS_CONTROL for each in text)
    if hidden or InvisibleDetector().feed(text) is not None:
        yield Concern(rule="injection", said="the new text has characters that nobody sees")
    if any(_mixes_scripts(word) for word in _WORD.findall(text)):
        yield Concern(rule="injection", said="a word of the new text mixes letters that look alike")


def _mixes_scripts(word: str) -> bool:
    if word.isascii():
        return False
    names = [unicodedata.name(each, "") for each in word if each.isalpha()]
    has_latin = any(name.startswith("LATIN") for name in names)
    return has_latin and any(name.startswith(_LATIN_LIKE) for name in names)


def _leaks(text: str, base: Base) -> Iterator[Concern]:
    for policy in (base.watch, *(tenant.watch for tenant in base.tenants if tenant.watch is not None)):
        found, _ = Scanner(_rules(_Key(policy))).scan(text, last=True)
        for kind in sorted({f"{rule.detector}/{rule.name}" for _, _, rule in found}):
            yield Concern(rule="leakage", said=f"the new text holds what must not leave: {kind}")
            return


class _Key:
    """A policy as a key of a cache: policies with tables have no hash, and are equal where they say the same."""

    def __init__(self, policy: WatchPolicy) -> None:
        self.policy = policy
        self._text = repr(policy)

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._text == other._text


@lru_cache(maxsize=16)
def _rules(key: _Key) -> RuleSet:
    """Return a policy's texts and canaries, all known kinds of secrets, and all kinds of personal data."""
    policy = key.policy
    every: tuple[PersonalKind, ...] = get_args(PersonalKind)
    looking = WatchPolicy(
        deny=policy.deny,
        secrets=policy.secrets,
        canaries=policy.canaries,
        on_secret="redact",
        personal=dict.fromkeys(every, "redact"),
    )
    return RuleSet.of(looking)


@lru_cache(maxsize=1)
def _scorer() -> InjectionScorer:
    return InjectionScorer()
