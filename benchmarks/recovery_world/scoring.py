"""What a play comes to: what callers lost, until when, and whether they are served well again."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.recovery_world.faults import Case
from benchmarks.recovery_world.house import Arm
from benchmarks.recovery_world.play import Asked, Played
from benchmarks.recovery_world.wording import ERRORS

LAST = 1 / 3
"""Of the time of a fault, a minute in a full run: in which callers are to be served well."""

USUAL = 0.02
"""The mean loss that is usual at most: one answer in a hundred is wrong, and some come late."""

SIGMAS = 2.33
"""Of the bounds of what is usual: 99 % of well minutes are within them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One play, scored. Minutes are of those concerned: one in which every second answer was lost is half of one."""

    case: Case
    arm: Arm
    recovered: bool
    error_minutes: float
    quality_minutes: float
    lost: dict[str, int]
    """Answers, by what was lost of them."""
    mitigated_s: float | None
    """Since the onset; `None` where it never was. 0 is that callers never noticed."""
    struck_s: float
    """How long the fault stayed."""
    again_s: float | None = None
    """The same of the second time, where there was one."""
    harm_minutes: float = 0.0
    """Lost for what was done, and not for the fault."""
    detected_s: float | None = None
    acted_s: float | None = None
    """From the onset to the first event and the first action of recovery."""
    actions: tuple[str, ...] = ()
    left_undone: int = 0
    strayed: int = 0
    """Actions before the fault, or at a specialist that has none."""
    pages: int = 0
    cpu_s: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def minutes(self) -> float:
        """All that was lost."""
        return self.error_minutes + self.quality_minutes


def score(played: Played) -> Score:
    """Return what a play came to."""
    plan = played.plan
    first, *second = plan.strikes_at()
    struck = played.concerned(first, first + plan.struck_s)
    per_minute = 60.0 * len(struck) / plan.struck_s
    lost = [each for each in struck if each.is_lost]
    errors = sum(each.loss in ERRORS for each in lost)
    recovered = is_well(played, first + plan.struck_s)
    again = [_mitigated_s(played, at) for at in second]
    done = played.done
    return Score(
        case=played.case,
        arm=played.arm,
        recovered=recovered,
        error_minutes=errors / max(per_minute, 1.0),
        quality_minutes=(len(lost) - errors) / max(per_minute, 1.0),
        lost=dict(Counter(str(each.loss) for each in lost)),
        mitigated_s=_mitigated_s(played, first),
        struck_s=plan.struck_s,
        again_s=again[0] if again else None,
        harm_minutes=_harm_minutes(played),
        detected_s=done.first_event_s(first),
        acted_s=done.first_action_s(first),
        actions=done.said(),
        left_undone=done.left_undone,
        strayed=done.strayed(first, {each.specialist for each in played.case.strikes}),
        pages=done.pages,
        cpu_s=played.cpu_s,
    )


def is_well(played: Played, end_s: float) -> bool:
    """Return whether those concerned were served well in the last third of a fault that ends at a time."""
    before = _losses(played.concerned(0.0, played.plan.calm_s))
    last = _losses(played.concerned(end_s - LAST * played.plan.struck_s, end_s))
    if not last:
        return True
    usual = max(sum(before) / max(len(before), 1), USUAL)
    bound = usual + SIGMAS * math.sqrt(usual * (1.0 - usual) / len(last))
    return sum(last) / len(last) <= bound


def _losses(asked: Sequence[Asked]) -> list[float]:
    return [float(each.loss is not None) for each in asked]


def _mitigated_s(played: Played, onset_s: float) -> float | None:
    """Return how long after the onset losses came down to what is usual, and stayed there."""
    end_s = onset_s + played.plan.struck_s
    if not is_well(played, end_s):
        return None
    struck = played.concerned(onset_s, end_s)
    at = turn([each.is_lost for each in struck])
    return 0.0 if at == 0 else struck[at - 1].question.at - onset_s


def turn(lost: Sequence[bool], usual: float = USUAL) -> int:
    """Return how many requests came before losses were usual again: the likeliest place of the change.

    Before it they are lost at whatever rate fits best, after it at the usual one at most (maximum likelihood of one
    change in a series of 0 and 1). Single losses afterwards, as of a trial, do not move it far.
    """
    total, count = sum(lost), len(lost)
    best, at, before = -math.inf, 0, 0
    for split in range(count + 1):
        before += lost[split - 1] if split else 0
        rate = before / split if split else 0.0
        if split and rate <= usual:
            continue
        after = min((total - before) / max(count - split, 1), usual)
        likelihood = _loglikelihood(before, split, rate)
        likelihood += _loglikelihood(total - before, count - split, max(after, usual / 10))
        if likelihood > best + 1e-9:
            best, at = likelihood, split
    return at


def _loglikelihood(lost: int, of: int, rate: float) -> float:
    rate = min(max(rate, 1e-9), 1.0 - 1e-9)
    return lost * math.log(rate) + (of - lost) * math.log(1.0 - rate)


def _harm_minutes(played: Played) -> float:
    """Return what was lost by requests that actions moved and no fault struck, in minutes of their specialist."""
    plan = played.plan
    first = plan.strikes_at()[0]
    harmed = [each for each in played.asked if each.moves and each.is_lost and not each.met]
    rates = Counter(each.question.specialist for each in played.asked if each.question.at >= first)
    minutes = (plan.until_s - first) / 60.0
    return sum(
        minutes / rates[each.question.specialist] for each in harmed if rates[each.question.specialist]
    )
