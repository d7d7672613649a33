"""Finds what a policy's rules name in a text that is there as a whole, slice by slice, and puts something in its place.

What is found does not depend on the slices: it is the scanner of the release gate (gate.py), over a text that ends.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from guardian_cluster.watcher.rule import Rule, before_chain
from guardian_cluster.watcher.scanner import RuleSet, Scanner
from guardian_cluster.watcher.turns import Turns

_AT_ONCE = 50
"""Findings that are put together without letting others run."""


class Span(NamedTuple):
    """Where a rule's text stands."""

    start: int
    end: int
    rule: Rule


async def search(rules: RuleSet, text: str, turns: Turns) -> list[Span]:
    """Return what rules find, leftmost first, the longest first where several start."""
    scanner = Scanner(rules)
    found: list[Span] = []
    passed = read = 0
    while read < len(text):
        read = min(len(text), read + turns.characters)
        window = text[passed:read]
        matches, until = scanner.scan(window, last=read == len(text))
        if matches:
            until = before_chain(matches, until)
            found += [
                Span(passed + start, passed + end, rule) for start, end, rule in matches if start < until
            ]
        scanner.passed(window[:until])
        passed += until
        await turns.rest()
    return found


async def replaced(
    text: str, found: Sequence[Span], instead: Callable[[Rule, str], str], turns: Turns
) -> str:
    """Return a text in which something else stands for what was found; what overlaps is one, named by the first."""
    pieces: list[str] = []
    done = at = 0
    while at < len(found):
        start, end, rule = found[at]
        end = max(end, rule.run_on(text, end)[0])
        at += 1
        while at < len(found) and found[at].start < end:
            if found[at].end > end:
                end = max(found[at].end, found[at].rule.run_on(text, found[at].end)[0])
            at += 1
            if at % _AT_ONCE == 0:
                await turns.rest()
        pieces += (text[done:start], instead(rule, text[start:end]))
        done = end
        if len(pieces) % _AT_ONCE == 0:
            await turns.rest()
    pieces.append(text[done:])
    return "".join(pieces)
