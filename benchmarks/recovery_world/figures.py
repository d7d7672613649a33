"""The figures of all plays together, by their keys."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.recovery_world.faults import Case
from benchmarks.recovery_world.house import ARMS, Arm
from benchmarks.recovery_world.scoring import Score

BASELINES: tuple[Arm, ...] = ("failover", "fallback")


def figures(scores: Sequence[Score], twice: Sequence[Score] = ()) -> dict[str, Any]:
    """Return the figures of single plays, and those of plays in which the fault came twice."""
    arms: dict[Arm, list[Score]] = {arm: [each for each in scores if each.arm == arm] for arm in ARMS}
    ours = arms["guarded"]
    least = min((_sum(arms[arm]) for arm in BASELINES if arms[arm]), default=None)
    soft = [_time(each) for each in ours if each.case.is_soft]
    saved = None if least is None else least - _sum(ours)
    return {
        "recovered_rate": _share([each.recovered for each in ours]),
        "recovered_rate_soft": _share([each.recovered for each in ours if each.case.is_soft]),
        "recovered_rate_where_needed": _share(
            [each.recovered for each in ours if each.case in _needing(arms)]
        ),
        "minutes_v_better_baseline": _ratio(_sum(ours), least) if ours else None,
        "quality_minutes_v_better_baseline": _against(arms, "quality_minutes"),
        "error_minutes_v_better_baseline": _against(arms, "error_minutes"),
        "detect_to_mitigate_median_s": median(soft) if soft else None,
        "detected_median_s": _median([each.detected_s for each in ours if each.case.is_soft]),
        "acted_median_s": _median([each.acted_s for each in ours if each.case.is_soft]),
        "left_undone": sum(each.left_undone for each in (*ours, *twice)) if ours else None,
        "harm_minutes": sum(each.harm_minutes for each in ours) if ours else None,
        "harm_share_of_saved": _ratio(sum(each.harm_minutes for each in ours), saved) if ours else None,
        "strayed_actions": sum(each.strayed for each in ours) if ours else None,
        "second_time_v_first": second_v_first(twice),
        "arms": {arm: _arm(arms[arm]) for arm in ARMS if arms[arm]},
        "by_fault": _by_fault(scores),
        "cpu_s_per_play": _median([each.cpu_s for each in scores]),
    }


def _needing(arms: Mapping[Arm, Sequence[Score]]) -> set[Case]:
    """Return the cases that neither of the other arms recovers from."""
    well = {each.case for arm in BASELINES for each in arms[arm] if each.recovered}
    return {each.case for arm in BASELINES for each in arms[arm]} - well


def second_v_first(twice: Sequence[Score]) -> float | None:
    """Return the median of what the second repair took as a share of the first, of faults that were noticed at all."""
    ratios = [_again(each) / each.mitigated_s for each in twice if each.mitigated_s]
    return median(ratios) if ratios else None


def _again(score: Score) -> float:
    return score.struck_s if score.again_s is None else score.again_s


def _arm(scores: Sequence[Score]) -> dict[str, Any]:
    lost: dict[str, int] = defaultdict(int)
    for each in scores:
        for loss, count in each.lost.items():
            lost[loss] += count
    return {
        "recovered_rate": _share([each.recovered for each in scores]),
        "error_minutes": sum(each.error_minutes for each in scores),
        "quality_minutes": sum(each.quality_minutes for each in scores),
        "lost_answers": dict(sorted(lost.items())),
        "pages": sum(each.pages for each in scores),
    }


def _by_fault(scores: Sequence[Score]) -> dict[str, Any]:
    """Return for each case what each arm came to: recovered cases of all, and minutes lost."""
    cases: dict[str, dict[Arm, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for each in scores:
        name = each.case.strikes[0].ill if len(each.case.strikes) == 1 else "two at once"
        cases[name][each.arm].append(each)
    return {
        name: {
            arm: {
                "recovered": sum(each.recovered for each in found),
                "of": len(found),
                "minutes": round(_sum(found), 3),
            }
            for arm, found in arms.items()
        }
        for name, arms in sorted(cases.items())
    }


def _against(arms: Mapping[Arm, Sequence[Score]], what: str) -> float | None:
    totals = {arm: sum(getattr(each, what) for each in found) for arm, found in arms.items() if found}
    least = min((totals[arm] for arm in BASELINES if arm in totals), default=None)
    return _ratio(totals["guarded"], least) if "guarded" in totals else None


def _sum(scores: Sequence[Score]) -> float:
    return sum(each.minutes for each in scores)


def _time(score: Score) -> float:
    """Return when it was mitigated; where it never was, the end of the fault, which is too soon."""
    return score.struck_s if score.mitigated_s is None else score.mitigated_s


def _share(held: Sequence[bool]) -> float | None:
    return sum(held) / len(held) if held else None


def _ratio(value: float, of: float | None) -> float | None:
    return None if of is None or of <= 0 else value / of


def _median(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return median(known) if known else None
