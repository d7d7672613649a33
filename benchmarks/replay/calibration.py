"""Measures whether thresholds realise the false-alarm rate that was asked, on kinds of traffic that differ.

Of each kind 400 harmless texts are drawn and the threshold is set on their scores. `..._split_within` is the share of
splits in which it alarms on as many of the kind's other texts as was asked, to within two points;
`..._split_expected` is that share for any scores without ties, since the order of 400 and the others is all that
decides it: where the others are few, they cannot tell. `..._within` therefore takes all texts of the kind for its
traffic and draws 400 requests from it, a text more than once at times: then the threshold's own rate is known exactly.
`..._within_expected` is that for any scores without ties: at 10 % asked, 400 examples cannot reach 90 %; 610 do.
`..._by_chance` is how much of the rate, in points, is chance among texts of the threshold's very score: a detector that
says the same of all texts realises any rate so, and is worth nothing. Beside it stands the threshold of the first kind,
used on the others.
"""

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from benchmarks.sets.traffic import Traffic
from guardian_cluster.statistics.conformal import Threshold, calibrated, chance_within, rank_for

Score = Callable[[str], float]

EXAMPLES = 400
ASKED = (0.01, 0.05, 0.10)
POINTS = 0.02
ROUNDING = 1e-9
MEANS = ("_mean", "_split_mean")
FULL_SPLITS, QUICK_SPLITS = 500, 100
SEED = 4

PHRASES = ("ignore", "instead", "pretend", "you are", "system", "never", "must", "act as", "secret", "only")


def stand_in(text: str) -> float:
    """Return a score made by hand: phrases that attacks have too, and the length. It is no good detector."""
    lowered = text[:20_000].lower()
    return sum(lowered.count(phrase) for phrase in PHRASES) + math.log1p(len(text)) / 4.0


def figures(data: Traffic, score: Score = stand_in, *, quick: bool) -> dict[str, float | int]:
    """Return for each asked rate and kind what was realised in percent, how often that was near, and the baseline."""
    scores = {kind: sorted(map(score, texts)) for kind, texts in data.kinds.items()}
    splits = QUICK_SPLITS if quick else FULL_SPLITS
    found: dict[str, float | int] = {"calibration_splits": splits, "calibration_kinds": len(scores)}
    for asked in ASKED:
        name = f"calibration_{100 * asked:.0f}"
        cells = {kind: _cell(kind, own, asked, splits) for kind, own in scores.items()}
        found |= {f"{name}_{kind}{key}": value for kind, cell in cells.items() for key, value in cell.items()}
        for key in ("_by_chance", "_within", "_split_within", "_split_expected"):
            found[name + key] = fmean(cell[key] for cell in cells.values())
        found[f"{name}_within_expected"] = chance_within(EXAMPLES, asked, POINTS)
        found[f"{name}_off"] = max(abs(cell[key] - 100.0 * asked) for cell in cells.values() for key in MEANS)
        found |= _baseline(scores, asked, splits, name)
    names = [f"calibration_{100 * asked:.0f}" for asked in ASKED]
    found["calibration_off_points"] = max(found[f"{name}_off"] for name in names)
    found["calibration_within"] = fmean(found[f"{name}_within"] for name in names)
    return found


def _cell(kind: str, scores: Sequence[float], asked: float, splits: int) -> dict[str, float]:
    """Return the figures of one kind: `_mean` and `_within` of independent draws, and the same of splits."""
    drawn: list[float] = []
    certain: list[float] = []
    split: list[float] = []
    for number in range(splits):
        rng = random.Random(f"{SEED} {kind} {number}")
        limit = calibrated(rng.choices(scores, k=EXAMPLES), asked)
        drawn.append(alarm_rate(limit, scores))
        certain.append(alarm_rate(limit._replace(tie_share=0.0), scores))
        mixed = rng.sample(scores, len(scores))
        split.append(alarm_rate(calibrated(mixed[:EXAMPLES], asked), sorted(mixed[EXAMPLES:])))
    return {
        "_mean": 100.0 * fmean(drawn),
        "_by_chance": 100.0 * (fmean(drawn) - fmean(certain)),
        "_within": near(drawn, asked),
        "_split_mean": 100.0 * fmean(split),
        "_split_within": near(split, asked),
        "_split_expected": expected_within(EXAMPLES, len(scores) - EXAMPLES, asked),
    }


def near(rates: Sequence[float], asked: float) -> float:
    """Return the share of rates that are at most two points off."""
    return fmean(abs(rate - asked) <= POINTS + ROUNDING for rate in rates)


def alarm_rate(limit: Threshold, ordered: Sequence[float]) -> float:
    """Return the share of scores, in order, that alarm; of ties the share that chance would let alarm."""
    above = bisect_right(ordered, limit.value)
    ties = above - bisect_left(ordered, limit.value)
    return (len(ordered) - above + ties * limit.tie_share) / len(ordered)


def expected_within(examples: int, others: int, asked: float) -> float:
    """Return how likely a split is near, for scores without ties.

    The number of the others above the threshold is negative hypergeometric: every order of all is equally likely.
    """
    rank = rank_for(examples, asked)
    whole = _log_choose(examples + others, others)
    return math.fsum(
        math.exp(
            _log_choose(alarms + rank - 1, alarms)
            + _log_choose(others - alarms + examples - rank, others - alarms)
            - whole
        )
        for alarms in range(others + 1)
        if abs(alarms / others - asked) <= POINTS + ROUNDING
    )


def _log_choose(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)


def _baseline(
    scores: Mapping[str, Sequence[float]], asked: float, splits: int, name: str
) -> dict[str, float]:
    """Return what the other kinds realise, in percent, under thresholds of the first one."""
    first, *others = scores
    rng = random.Random(SEED)
    limits = [calibrated(rng.choices(scores[first], k=EXAMPLES), asked) for _ in range(splits)]
    rates = {kind: 100.0 * fmean(alarm_rate(limit, scores[kind]) for limit in limits) for kind in others}
    found = {f"{name}_{kind}_fixed": rate for kind, rate in rates.items()}
    return found | {f"{name}_fixed_worst": max(rates.values())}
