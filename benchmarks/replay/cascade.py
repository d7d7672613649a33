"""What looking at the weak model's answer is worth: recorded answers assessed, escalated where likely wrong.

Offline: five folds, each assessed by a model that has learned from the other four, one verdict after the other as
the control process does, over several divisions into folds, whose mean counts. Online: one pass over the questions
in random order from an empty model. The verdict on an answer is seen only where that answer was released: the weak
one's where it was not escalated, the strong one's where it was, never both. What is escalated is held at a target
share by a running quantile of the scores with an integral correction; the area under recovered quality over realised
share, with the ends (0, 0) and (1, 1), is the APGR.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks.replay.apgr import Curve, curve, folds
from benchmarks.replay.recordings import Recordings, Row
from guardian_cluster.request.checks.answer_model import answer_model
from guardian_cluster.request.checks.answer_words import AnswerWords
from guardian_cluster.request.checks.weights import FAULTS
from guardian_cluster.request.quality import QualityAssurance
from guardian_cluster.statistics.calibration import Evidence, OutcomeModel

GOALS = {
    "gsm8k_cascade_apgr_reviewed": 0.73,
    "cascade_cpt80_reviewed": 48.0,
    "gsm8k_cascade_apgr_recorded": 0.82,
    "cascade_online_apgr": 0.76,
    "cascade_online_apgr_after_200": 0.68,
}

FOLDS = 5
DIVISIONS = 3
"""One division into folds differs from another by 0.004 APGR (standard deviation)."""
SEEDS = 4
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Between them the curve is taken as straight, which makes the area a little too small; the fewer, the more so."""
EARLY = 200
_EXPLORED = 0.02
_REMEMBERED = 100
_OWED = 20.0
"""Calls owed that raise the due share to 1: scores drift as the model learns, and a slower correction lags behind."""
_STRONG_WEIGHT = 0.5
"""What the strong model's own doubt counts: its verdicts are fewer and its mistakes rarer, so its estimate shrinks."""
FORM = frozenset(("sizes.marked",))
"""Measurements that tell how a model was taught to end its answers: the recorded models differ in it."""
EVEN = frozenset(
    ("magnitude.part", "faults.nothing_odd", "magnitude.part_on_the_way", "magnitude.long_fraction")
)
"""Measurements that gain by the recordings' peculiarity that every right answer is a whole number."""
UNIT_FAULTS: Mapping[str, float] = dict.fromkeys(
    (
        *FAULTS,
        *("given_numbers.unsaid", "derivation.undone", "derivation.loose", "derivation.no_operation"),
    ),
    1.0,
)
"""What an empty model believes of the weak one: each failed check is a fault like any other (Dawes, 1979).
Nothing of it is fitted."""
STRONG_LEVEL = 1.5
"""What it believes of the strong one, in log-odds: four of five right."""


@dataclass(frozen=True)
class Replay:
    """The recorded answers of the weak model, assessed once."""

    names: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    rows: tuple[Row, ...]

    def labels(self, field: str) -> tuple[list[float], list[float]]:
        """Return which answers of the weak and the strong model are right by one of the recorded labels."""
        return [float(row["weak"][field]) for row in self.rows], [
            float(row["strong"][field]) for row in self.rows
        ]

    def without(self, left_out: frozenset[str]) -> "Replay":
        """Return the same without some measurements."""
        kept = [place for place, name in enumerate(self.names) if name not in left_out]
        evidence = (
            Evidence(tuple(one.values[place] for place in kept), one.buckets) for one in self.evidence
        )
        return Replay(tuple(self.names[place] for place in kept), tuple(evidence), self.rows)


def replay(rows: Sequence[Row]) -> tuple[Replay, dict[str, float]]:
    """Assess the weak model's answers, and return how long one took."""
    assurance = QualityAssurance(words=AnswerWords(b"benchmark"))
    names = answer_model().names
    evidence: list[Evidence] = []
    took: list[float] = []
    for row in rows:
        framework = assurance.derive(row["prompt"])
        begun = time.process_time_ns()
        findings = tuple(framework.examine(row["weak"]["answer"]))
        evidence.append(assurance.evidence(framework, row["weak"]["answer"], findings))
        took.append((time.process_time_ns() - begun) / 1e3)
    took.sort()
    cost = {"assess_us_p50": took[len(took) // 2], "assess_us_p99": took[len(took) * 99 // 100]}
    return Replay(names, tuple(evidence), tuple(rows)), cost


def weaker_model(given: Replay) -> OutcomeModel:
    """Return what is believed of the weak model's answers before any verdict."""
    return OutcomeModel({name: -UNIT_FAULTS.get(name, 0.0) for name in given.names})


def stronger_model(given: Replay) -> OutcomeModel:
    """Return what is believed of the strong model's answers, of which only the weak one's can be seen."""
    return OutcomeModel({name: STRONG_LEVEL * (name == "always") for name in given.names})


def score(stronger: OutcomeModel, weaker: OutcomeModel, one: Evidence) -> float:
    """Return how much is to be gained by asking the strong model."""
    return _STRONG_WEIGHT * stronger.predict("", one).probability - weaker.predict("", one).probability


def _offline(given: Replay, field: str, divisions: int) -> tuple[list[Curve], float]:
    """Return the curves of the divisions, and the error of calibration."""
    weak, strong = given.labels(field)
    curves: list[Curve] = []
    errors: list[float] = []
    for seed in range(divisions):
        scores, trusted = out_of_fold(given, weak, strong, seed)
        curves.append(curve(scores, weak, strong))
        errors.append(calibration_error(zip(trusted, (each > 0.5 for each in weak), strict=True)))
    return curves, statistics.mean(errors)


def out_of_fold(
    given: Replay, weak: Sequence[float], strong: Sequence[float], seed: int
) -> tuple[list[float], list[float]]:
    """Return for each answer the gain of asking on and how likely it is right, by models that never saw its fold."""
    fold = folds(len(weak), FOLDS, seed)
    scores, trusted = [0.0] * len(weak), [0.0] * len(weak)
    for number in range(FOLDS):
        weaker, stronger = weaker_model(given), stronger_model(given)
        known = [place for place in range(len(weak)) if fold[place] != number]
        random.Random(seed).shuffle(known)
        for place in known:
            weaker.learn("", given.evidence[place], weak[place])
            stronger.learn("", given.evidence[place], strong[place])
        for place, one in enumerate(given.evidence):
            if fold[place] == number:
                scores[place] = score(stronger, weaker, one)
                trusted[place] = weaker.predict("", one).probability
    return scores, trusted


def calibration_error(cases: Iterable[tuple[float, bool]], bins: int = 10) -> float:
    """Return by how much probabilities and frequencies differ on average, over bins of equal width (Naeini 2015)."""
    sums = [[0.0, 0.0, 0.0] for _ in range(bins)]
    for probability, happened in cases:
        cell = sums[min(bins - 1, int(probability * bins))]
        cell[0] += 1
        cell[1] += probability
        cell[2] += happened
    total = sum(cell[0] for cell in sums)
    return sum(abs(cell[1] - cell[2]) for cell in sums) / total if total else 0.0


def stream(given: Replay, field: str, share: float, seed: int) -> list[tuple[int, bool]]:
    """Play the questions in random order from an empty model; return each with whether it was escalated."""
    weak, strong = given.labels(field)
    rng = random.Random(seed)
    order = rng.sample(range(len(weak)), len(weak))
    weaker, stronger = weaker_model(given), stronger_model(given)
    played: list[tuple[int, bool]] = []
    scores: list[float] = []
    calls = 0
    for place in order:
        one = given.evidence[place]
        gain = score(stronger, weaker, one)
        due = min(1.0, max(0.0, share + (share * len(played) - calls) / _OWED))
        escalates = (
            rng.random() < share if rng.random() < _EXPLORED else gain > _quantile(scores, 1 - due, rng)
        )
        scores.append(gain)
        calls += escalates
        played.append((place, escalates))
        (stronger if escalates else weaker).learn("", one, (strong if escalates else weak)[place])
    return played


def _quantile(scores: Sequence[float], level: float, rng: random.Random) -> float:
    recent = sorted(scores[-_REMEMBERED:])
    if len(recent) < 10:
        return 0.0 if rng.random() < level else -10.0
    return recent[min(len(recent) - 1, int(level * len(recent)))]


Slice = Callable[[list[tuple[int, bool]]], list[tuple[int, bool]]]


def area(
    streams: Mapping[float, list[tuple[int, bool]]],
    weak: Sequence[float],
    strong: Sequence[float],
    part: Slice,
) -> float:
    """Return the area under recovered quality over realised share, for a part of the streams."""
    points = [(0.0, 0.0), (1.0, 1.0)]
    for played in streams.values():
        looked_at = part(played)
        low = statistics.mean(weak[place] for place, _ in looked_at)
        gap = statistics.mean(strong[place] for place, _ in looked_at) - low
        quality = statistics.mean((strong if escalated else weak)[place] for place, escalated in looked_at)
        points.append((statistics.mean(escalated for _, escalated in looked_at), (quality - low) / gap))
    points.sort()
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))


def _online(given: Replay, seeds: int, shares: Sequence[float]) -> dict[str, float]:
    weak, strong = given.labels("correct_recorded")
    parts: dict[str, Slice] = {
        "cascade_online_apgr": lambda played: played,
        "cascade_online_apgr_after_200": lambda played: played[EARLY:],
        "cascade_online_apgr_first_200": lambda played: played[:EARLY],
    }
    found: dict[str, list[float]] = {name: [] for name in parts}
    for seed in range(seeds):
        streams = {share: stream(given, "correct_recorded", share, seed) for share in shares}
        for name, part in parts.items():
            found[name].append(area(streams, weak, strong, part))
    return {name: statistics.mean(values) for name, values in found.items()}


def shipped_calibration(given: Replay, cases: Sequence[int]) -> float:
    """Return the error of the shipped weights on answers that they were not fitted on."""
    model = answer_model()
    weak, _ = given.labels("correct_reviewed")
    return calibration_error(
        (model.predict("", given.evidence[place]).probability, weak[place] > 0.5) for place in cases
    )


def figures(data: Recordings, *, quick: bool) -> dict[str, Any]:
    """Return the cascade's figures."""
    given, cost = replay(data.gsm8k)
    divisions, seeds = (1, 1) if quick else (DIVISIONS, SEEDS)
    reviewed, error = _offline(given, "correct_reviewed", divisions)
    recorded, _ = _offline(given, "correct_recorded", divisions)
    plain, _ = _offline(given.without(FORM), "correct_reviewed", divisions)
    uneven, _ = _offline(given.without(FORM | EVEN), "correct_reviewed", 1)
    left_out = [place for place, row in enumerate(data.gsm8k) if not is_fitted_on(row["id"])]
    return {
        "gsm8k_cascade_apgr_reviewed": _mean_apgr(reviewed),
        "cascade_cpt80_reviewed": statistics.mean(each.cpt(0.8) for each in reviewed),
        "gsm8k_cascade_apgr_reviewed_without_form": _mean_apgr(plain),
        "gsm8k_cascade_apgr_reviewed_without_form_and_fractions": _mean_apgr(uneven),
        "gsm8k_cascade_apgr_recorded": _mean_apgr(recorded),
        "cascade_calibration_error": error,
        "cascade_shipped_calibration_error": shipped_calibration(given, left_out),
        **_online(given, seeds, SHARES[::2] if quick else SHARES),
        **cost,
    }


def _mean_apgr(curves: Sequence[Curve]) -> float:
    return statistics.mean(each.apgr for each in curves)


def is_fitted_on(identity: str) -> bool:
    """Return whether a recorded answer was among those that the shipped weights were fitted on: the even numbers."""
    digits = "".join(filter(str.isdigit, identity.rpartition("-")[2]))
    return bool(digits) and int(digits) % 2 == 0
