"""Measures how well secrets are told from other texts: recall by kind, and what is taken for one that is none.

A secret counts as found when nothing of it but what all of its kind have, such as `ghp_`, leaves the release gate.
Near misses are texts that look like secrets and are none by the rules that the secrets were drawn from. False alarms
are counted by place: several kinds found at one place are one. Their upper bound is that of Clopper and Pearson (95 %,
two-sided) for the share of characters at which one begins.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.report import note
from benchmarks.sets import benign_text
from benchmarks.sets.leaks import leak
from benchmarks.sets.near_misses import near_misses
from benchmarks.sets.secrets import Kind, Planted
from guardian_cluster.statistics.intervals import share_interval
from guardian_cluster.watcher.gate import Gate, Hit
from guardian_cluster.watcher.policy import CompiledPolicy

GOAL = 0.99
_MARK = re.compile(r"\[redacted:[a-z0-9-]{1,64}\]")
_SHOWN = 20
"""False alarms that are told of on standard error."""


@dataclass(frozen=True)
class _Alone:
    """A planted secret as a stream of one channel, for which `leak` counts what has left."""

    planted: Planted

    @property
    def secret(self) -> str:
        return self.planted.secret

    @property
    def head(self) -> int:
        return self.planted.head

    @property
    def tail(self) -> int:
        return self.planted.tail

    @property
    def before(self) -> str:
        return self.planted.text_before

    @property
    def innocent(self) -> str:
        return "\0".join((self.planted.text_before, self.planted.text_after, *self.planted.written))


def recall_figures(
    policy: CompiledPolicy, kinds: Sequence[Kind], each: int, rng: random.Random
) -> dict[str, Any]:
    """Return the share of secrets that are found: of the worst kind, of all, and by kind where it is below the goal."""
    recall = {kind.name: _recall(policy, kind, each, rng) for kind in kinds}
    worst = min(recall, key=recall.__getitem__)
    return {
        "secret_recall_worst_kind": recall[worst],
        "secret_recall_mean": sum(recall.values()) / len(recall),
        "secret_recall_below_goal": {name: share for name, share in recall.items() if share < GOAL},
        "secret_kinds": len(recall),
        "secret_samples_each": each,
    }


def _recall(policy: CompiledPolicy, kind: Kind, each: int, rng: random.Random) -> float:
    missed = [
        planted for planted in (kind.sample(rng) for _ in range(each)) if not _is_found(policy, planted)
    ]
    if missed:
        note(f"{len(missed)} of {each} of {kind.name} missed: {missed[0].text[-120:]!r}")
    return 1 - len(missed) / each


def _is_found(policy: CompiledPolicy, planted: Planted) -> bool:
    released = Gate(policy.rules).feed(planted.text, last=True)
    shown = [{"choices": [{"index": 0, "delta": {"content": released}}]}]
    return leak(shown, _Alone(planted), _MARK).beyond_marker == 0


def near_miss_figures(
    policy: CompiledPolicy, kinds: Sequence[Kind], count: int, rng: random.Random
) -> dict[str, Any]:
    """Return the share of near misses that are taken for a secret, in all and by what they are."""
    of, false = Counter[str](), Counter[str]()
    taken_for = Counter[str]()
    for _ in range(count):
        text, why = near_misses(rng, kinds)
        hits = _hits(policy, text)
        of[why] += 1
        false[why] += bool(hits)
        taken_for.update({f"{why}: {rule.name}" for _, rule in hits})
    return {
        "near_misses": count,
        "near_misses_false": false.total() / count,
        "near_misses_false_by_form": {why: false[why] / of[why] for why in of},
        "near_misses_taken_for": dict(taken_for.most_common(_SHOWN)),
    }


def false_figures(policy: CompiledPolicy, characters: int, rng: random.Random) -> dict[str, Any]:
    """Return false alarms per million characters in so many of ordinary text of all kinds, and their upper bound."""
    kinds = benign_text.kinds()
    places, read = Counter[str](), Counter[str]()
    by_rule = Counter[str]()
    for kind in kinds:
        for text in benign_text.texts(kind, characters // len(kinds) + 1, rng):
            read[kind] += len(text)
            hits = _hits(policy, text)
            places[kind] += len({at for at, _ in hits})
            by_rule.update(rule.name for _, rule in hits)
            if hits and by_rule.total() <= _SHOWN:
                at, rule = hits[0]
                note(f"{rule.name} in {kind}: {text[max(0, at - 40) : at + 80]!r}")
    return {
        "false_per_million_chars": 1e6 * places.total() / read.total(),
        "false_per_million_chars_at_most": 1e6 * share_interval(places.total(), read.total()).high,
        "false_alarms": places.total(),
        "false_characters": read.total(),
        "false_by_text": {
            kind: {
                "characters": read[kind],
                "alarms": places[kind],
                "per_million_at_most": 1e6 * share_interval(places[kind], read[kind]).high,
            }
            for kind in kinds
        },
        "false_by_kind_of_secret": dict(by_rule.most_common()),
    }


def _hits(policy: CompiledPolicy, text: str) -> list[Hit]:
    gate = Gate(policy.rules)
    gate.feed(text, last=True)
    return gate.hits
