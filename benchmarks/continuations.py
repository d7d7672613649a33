"""What becomes of answers that break off and are gone on with by another model, whatever way it goes on.

Long answers of known facts break off at every kind of place; simulated models go on in every manner, drawn by seed; a
judge that knows the facts, and nothing of the splice, reads what a client would have. The answers are made from
templates that are kept for this measurement alone. docs/design/continuation.md describes every figure.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.offline import Measured, conduct_offline
from benchmarks.harness.report import note
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.continuation.asking import Manner
from guardian_cluster.request.continuation.fences import ends_in_fence
from guardian_cluster.request.continuation.splice import Splice
from guardian_cluster.simulation.continuing import GOING, break_of, drawn_manner
from guardian_cluster.simulation.continuing import Manner as Going
from guardian_cluster.simulation.held_out_templates import HELD_OUT
from guardian_cluster.simulation.long_answers import LongAnswer, long_answers, verdict_of

SEED = 2_027
ANSWERS = 240
BREAKS, QUICK_BREAKS = 6_000, 600
BETWEEN_TOKENS = 3
"""Of so many breaks, as many more are measured as one: those where a stream breaks off between two tokens."""
AS_ASKED = frozenset({"prompt anchor", "prompt anchored reworded", "prefill exactly", "prefill double space"})
"""What a model does that does as it is asked: repeats the last words and goes on, or goes on from the last sign."""
AT_LEAST = {"breaks": 2_000}
AT_MOST = {"continued_bad": 0}
_SHOWN = 5
_BETWEEN = (
    "breaks",
    "continued_bad",
    "continued_error_share",
    "as_asked_error_share",
    "error_share_by_manner",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one answer."""

    how: str
    """In which manner it was asked to be gone on with, and how it was."""
    is_plain: bool
    """Whether that was without a preface, a fence or other liberties."""
    result: str
    """`sound`, `bad` or `error`."""


def figures(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the figures of many outcomes."""
    found = list(outcomes)
    results = Counter(outcome.result for outcome in found)
    asked = [outcome for outcome in found if outcome.how in AS_ASKED and outcome.is_plain]
    return {
        "breaks": len(found),
        "continued_bad": results["bad"],
        "continued_error_share": results["error"] / max(len(found), 1),
        "as_asked_error_share": sum(each.result == "error" for each in asked) / max(len(asked), 1),
        "error_share_by_manner": {
            f"{manner} {going}": _share(found, f"{manner} {going}")
            for manner in ("prompt", "prefill")
            for going in GOING
        },
        "bad_by_manner": dict(Counter(each.how for each in found if each.result == "bad")),
    }


def outcomes(count: int, seed: int, *, held_out: bool = True, between_tokens: bool = False) -> list[Outcome]:
    """Return what became of so many answers that broke off, at any character or only `between_tokens`."""
    rng = random.Random(seed)
    answers = long_answers(ANSWERS, seed, templates=HELD_OUT) if held_out else long_answers(ANSWERS, seed)
    found: list[Outcome] = []
    shown = 0
    while len(found) < count:
        answer, manner, going = rng.choice(answers), rng.choice(_MANNERS), drawn_manner(rng)
        text = answer.text(rng.randint(0, 2))
        said = text[: _token_end(text, rng) if between_tokens else rng.randint(1, len(text) - 1)]
        if ends_in_fence(said) or not said.strip():
            continue
        result, after = _continued(answer, said, manner, going, rng)
        is_plain = going.altered == "as it stands" and not going.preface and not going.is_fenced
        found.append(Outcome(f"{manner} {going.going}", is_plain, result))
        if result == "bad" and shown < _SHOWN:
            shown += 1
            note(f"bad: {manner}, {going}: {said[-60:]!r} | {after[:100]!r}")
    return found


_TOKEN = re.compile(r" ?[^\W\d_]{1,6}| ?\d{1,3}| ?[^\w\s]+|\s+|.", re.DOTALL)
"""About what models put out at once: a space belongs to the word after it, and a long word is put out in pieces."""


def _token_end(text: str, rng: random.Random) -> int:
    return rng.choice([match.end() for match in _TOKEN.finditer(text)][:-1] or [len(text) - 1])


_MANNERS: tuple[Manner, ...] = ("prompt", "prefill")


def _continued(
    answer: LongAnswer, said: str, manner: Manner, going: Going, rng: random.Random
) -> tuple[str, str]:
    """Return what became of one answer, and what its client read after the break."""
    words = going.words(break_of(answer, said.rstrip()), rng)
    splice = Splice(said, manner)
    out: list[str] = []
    place = 0
    try:
        while place < len(words):
            size = rng.choice((1, 3, 8, 40))
            out.append(splice.take(words[place : place + size]))
            place += size
        out.append(splice.finish())
    except AttemptFailed:
        return "error", ""
    after = "".join(out)
    return ("bad" if verdict_of(answer, said + after).is_bad else "sound"), after


def _share(found: list[Outcome], how: str) -> float | None:
    of = [each.result == "error" for each in found if each.how == how]
    return sum(of) / len(of) if of else None


def measure(quick: bool) -> Measured:
    """Return the figures, and what they were measured on."""
    count = QUICK_BREAKS if quick else BREAKS
    note(f"{count} answers break off")
    found = figures(outcomes(count, SEED))
    between = figures(outcomes(count // BETWEEN_TOKENS, SEED + 1, between_tokens=True))
    found["between_tokens"] = {name: between[name] for name in _BETWEEN}
    found["continued_bad"] += between["continued_bad"]
    return found, {"seed": SEED, "answers": ANSWERS, "templates": "held out"}


if __name__ == "__main__":
    conduct_offline("continuations", __doc__, measure, at_least=AT_LEAST, at_most=AT_MOST)
