"""How much of a planted secret leaves, and how much ordinary text is held back for it."""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.harness.report import note, percentile
from benchmarks.sets.leaks import leak
from benchmarks.sets.secrets import Kind
from benchmarks.sets.streams import Stream, cut, streams
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch

_MARK = re.compile(r"\[redacted:[a-z0-9-]{1,64}\]")
"""What the watcher puts in a secret's place; a piece of it may by chance be one of the secret."""

_SHOWN = 2
"""Leaks of each kind that are told of on standard error, with what stands before."""


def leak_figures(
    policy: CompiledPolicy, kinds: Sequence[Kind], answers: Sequence[str], count: int, rng: random.Random
) -> dict[str, Any]:
    """Return what left of `count` planted secrets, over all channels and cuttings."""
    characters = beyond = cut_off = 0
    leaky, leaked = Counter[str](), Counter[str]()
    kind_count = Counter[str]()
    places = Counter[str]()
    for stream in streams(kinds, answers, count, rng):
        kind_count[stream.kind] += 1
        places[f"{stream.channel}, {stream.chunking}"] += 1
        released, was_cut = _watched(policy, stream)
        cut_off += was_cut
        found = leak(released, stream, _MARK)
        if not found.characters:
            continue
        characters += found.characters
        beyond += found.beyond_marker
        leaky[stream.kind] += 1
        leaked[stream.kind] += found.characters
        if leaky[stream.kind] <= _SHOWN:
            around = f"{stream.before[-40:]}|{stream.secret}"
            note(
                f"{found.characters} of {stream.kind} in {stream.channel}, {stream.chunking}: {around[:120]!r}"
            )
    return {
        "leaked_characters": characters,
        "leaked_beyond_public_heads": beyond,
        "leaky_streams": leaky.total(),
        "cut_streams": cut_off,
        "leaky_kinds": dict(leaky.most_common()),
        "leaked_by_kind": dict(leaked.most_common()),
        "streams": kind_count.total(),
        "kinds": len(kind_count),
        "channel_and_cutting_pairs": len(places),
    }


def _watched(policy: CompiledPolicy, stream: Stream) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """Return what leaves, and whether the watcher ended a choice: nothing of a secret leaves where all is withheld."""
    watch = Watch(policy, ChatRequest(model="m", messages=[], n=4))
    sent = [each for chunk in stream.chunks for each in watch.feed([dict(chunk)])]
    return sent, watch.finish(may_retry=False).tripped


def held_figures(policy: CompiledPolicy, texts: Sequence[str], rng: random.Random) -> dict[str, float]:
    """Return how many characters are held back, after every piece of 1 to 8 characters."""
    held: list[int] = []
    for text in texts:
        gate, fed, left = Gate(policy.rules), 0, 0
        for piece in cut(text, "1-8", rng):
            fed += len(piece)
            left += len(gate.feed(piece))
            if not gate.hits:  # a mark is longer or shorter than what it stands for
                held.append(fed - left)
    return {"mean": sum(held) / len(held), "p99": percentile(held, 99), "max": max(held)}
