"""How requests of several parts are treated: which parts are found, for whom, and what is taken apart wrongly.

Compound requests are made from templates with known parts; ordinary ones are recorded prompts that ask for one
thing. docs/benchmarks.md describes every figure.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.harness.offline import Measured, conduct_offline
from benchmarks.harness.report import note, percentile
from benchmarks.sets.compound import DEVELOPED, HELD_OUT, Compound, KnownPart, compounds
from benchmarks.sets.ordinary import ordinary
from benchmarks.sets.served import serving
from guardian_cluster.request.decomposition import Part, decompose
from guardian_cluster.specialists.solver import is_solvable

AT_LEAST = {"parts_found": 0.97, "right_specialist": 0.97, "all_parts_in_answer": 0.97}
AT_MOST = {"false_decompositions": 0.01, "decompose_us_ordinary_p50": 100.0}

SEED = 20_26
COMPOUND = 200
ORDINARY = 500


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often each thing is measured; the requests are the same."""

    timings: int


QUICK = Plan(timings=3)
FULL = Plan(timings=15)


@dataclass(frozen=True)
class Asked:
    """What one specialist was asked in the course of a request."""

    kind: str
    """`exact`, `retrieval`, `code` or `general`: what the specialist is there for."""
    text: str


@dataclass(frozen=True)
class Served:
    """What a cluster did with a request."""

    answer: str
    asked: tuple[Asked, ...]


@dataclass
class Score:
    """Known parts, and how many of them were found and given to the right specialist."""

    parts: int = 0
    found: int = 0
    right: int = 0

    def figures(self) -> dict[str, float]:
        """Return the shares; 0 of nothing."""
        of = max(self.parts, 1)
        return {"parts_found": self.found / of, "right_specialist": self.right / of}


def plain(text: str) -> str:
    """Return a text without the differences of writing that make no other question of it."""
    return re.sub(r"[\s.?!;:,=]+\Z", "", " ".join(text.lower().split()))


def holds(text: str, known: KnownPart, others: Sequence[KnownPart]) -> bool:
    """Return whether a text asks for a known part and for none of the others."""
    asked = plain(text)
    return plain(known.text) in asked and not any(plain(other.text) in asked for other in others)


def score(request: Compound, parts: Sequence[Part], into: Score) -> None:
    """Count what was found of a request. A part counts as found when exactly one holds it, and holds no other."""
    for known in request.parts:
        others = [other for other in request.parts if other is not known]
        holding = [part for part in parts if holds(part.text, known, others)]
        into.parts += 1
        into.found += len(holding) == 1
        into.right += len(holding) == 1 and holding[0].requirement == known.kind


def compound_figures(requests: Sequence[Compound]) -> dict[str, Any]:
    """Return which parts are found, over all requests and for each half of the templates."""
    scores = {"all": Score(), "developed": Score(), "held_out": Score()}
    for request in requests:
        parts = decompose(request.text, is_solvable)
        score(request, parts, scores["all"])
        score(request, parts, scores["held_out" if request.held_out else "developed"])
    return {
        **scores["all"].figures(),
        "developed_templates": scores["developed"].figures(),
        "held_out_templates": scores["held_out"].figures(),
        "compound_requests": len(requests),
        "known_parts": scores["all"].parts,
    }


def ordinary_figures(requests: Sequence[str]) -> dict[str, Any]:
    """Return how many requests that ask for one thing are taken apart."""
    taken_apart = [text for text in requests if decompose(text, is_solvable)]
    for text in taken_apart:
        note(f"taken apart: {text[:200]!r}")
    return {
        "false_decompositions": len(taken_apart) / max(len(requests), 1),
        "ordinary_requests": len(requests),
    }


def timing_figures(name: str, requests: Sequence[str], timings: int) -> dict[str, float]:
    """Return the microseconds of processor time that one decision takes, each the least of several."""
    least_us = [min(_decision_us(text) for _ in range(timings)) for text in requests]
    return {
        f"decompose_us_{name}_p50": percentile(least_us, 50),
        f"decompose_us_{name}_p99": percentile(least_us, 99),
    }


def _decision_us(text: str) -> float:
    start_ns = time.thread_time_ns()
    decompose(text, is_solvable)
    return (time.thread_time_ns() - start_ns) / 1e3


async def answered(
    requests: Sequence[Compound],
    ask: Callable[[str], Awaitable[Served]],
    evidence: Callable[[KnownPart], str],
) -> dict[str, float]:
    """Return what a whole cluster makes of compound requests.

    `ask` puts one request to it as `auto` and says whom it asked what. `evidence` is what must be in the answer for
    a part to count as answered: the solver's own result, and for simulated specialists the word they say for it.
    """
    total = Score()
    present = 0
    for request in requests:
        served = await ask(request.text)
        present += all(evidence(known) in served.answer for known in request.parts)
        for known in request.parts:
            others = [other for other in request.parts if other is not known]
            holding = [asked for asked in served.asked if holds(asked.text, known, others)]
            total.parts += 1
            total.found += bool(holding)
            total.right += any(asked.kind == known.kind for asked in holding)
    return {**total.figures(), "all_parts_in_answer": present / max(len(requests), 1)}


async def cluster_figures(requests: Sequence[Compound]) -> dict[str, float]:
    """Return what a whole cluster makes of compound requests."""
    async with serving(requests) as cluster:

        async def ask(text: str) -> Served:
            answer, asked = await cluster.ask(text)
            return Served(answer, tuple(Asked(kind, question) for kind, question in asked))

        return await answered(requests, ask, cluster.evidence)


def measure(quick: bool) -> Measured:
    """Return all figures, and what they were measured on."""
    plan = QUICK if quick else FULL
    note("compound requests")
    made = compounds(COMPOUND, SEED)
    figures = compound_figures(made)
    note("compound requests through a cluster")
    figures |= asyncio.run(cluster_figures(made))
    note("ordinary requests")
    plain_requests, origin = ordinary(ORDINARY, SEED)
    figures |= ordinary_figures(plain_requests)
    note("timing")
    figures |= timing_figures("compound", [request.text for request in made], plan.timings)
    figures |= timing_figures("ordinary", plain_requests, plan.timings)
    run = {
        "plan": asdict(plan),
        "seed": SEED,
        "data": origin,
        "templates": {"developed": len(DEVELOPED), "held_out": len(HELD_OUT)},
        "held_out": "templates and words of every second request",
    }
    return figures, run


if __name__ == "__main__":
    conduct_offline("requests", __doc__, measure, at_least=AT_LEAST, at_most=AT_MOST)
