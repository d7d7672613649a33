"""From what clients saw to figures: a row for each fault, and the keys that goals are held against. Pure."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.harness.report import percentile
from benchmarks.resilience_world.stage import Attempt
from benchmarks.resilience_world.traffic import Played, Sighting
from benchmarks.resilience_world.wording import Kind, has_open_fence

MENDABLE: tuple[Kind, ...] = ("stream", "whole")
"""What somebody else can always be asked for, or go on with, but within code."""

LATE_S = 0.75
"""A request that ends, or has its first words, so much later than twice the usual has seen the fault."""

IN_A_ROW = 20
"""Requests that must have seen nothing of a fault before it counts as mitigated."""

HUNG_AFTER_S = 5.0
FAILED_OFTEN = 3


@dataclass(frozen=True, kw_only=True)
class Usual:
    """How long requests take while all is well: medians over everything that was played through one gateway."""

    first_content_s: Mapping[Kind, float]
    total_s: Mapping[Kind, float]

    def is_late(self, sighting: Sighting) -> bool:
        """Whether a request took so long that its user noticed."""
        seen, kind = sighting.seen, sighting.kind
        first_s = seen.first_content_s if seen.first_content_s is not None else seen.total_s
        return (
            seen.total_s > 2 * self.total_s.get(kind, 0.0) + LATE_S
            or first_s > 2 * self.first_content_s.get(kind, 0.0) + LATE_S
        )


def usual(of: Iterable[Played]) -> Usual:
    """Return what is usual, from the time before each fault."""
    calm = [each for played in of for each in played.calm if each.seen.is_answered]
    kinds = {each.kind for each in calm}

    def medians(figure: str) -> dict[Kind, float]:
        return {
            kind: statistics.median(getattr(each.seen, figure) or 0.0 for each in calm if each.kind == kind)
            for kind in kinds
        }

    return Usual(first_content_s=medians("first_content_s"), total_s=medians("total_s"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one fault. Shares are of the requests that were under way while it lasted, if not said otherwise."""

    requests: int
    """Those that count as mendable: whole answers, and streams of prose."""
    visible_failure_rate: float
    """Of those: the client did not get the whole right answer."""
    failed_streams: int
    """Streams of prose without their whole answer."""
    failed_whole: int
    bound_requests: int
    """JSON and tool calls as streams, and what broke off within code: what has left cannot be gone on with."""
    bound_failed: int
    verdicts: dict[str, int]
    """How those that did not get their answer ended, of all kinds."""
    silent_truncations: int
    empty_as_success: int
    altered: int
    continued: int
    """Right answers of which another endpoint was asked for the rest after words had reached the client."""
    continued_bad: int
    """Those that looked whole and were not right: spans twice or lost, broken code, another identity."""
    continued_under_another_id: int
    """Of those again: all words are right, and only `id`, `model` or `created` is another."""
    p95_s: float
    mitigation_s: float | None
    """From the strike to the start of the first 20 requests in a row that saw nothing of the fault."""
    share_of_struck: float | None
    """Of all attempts while the fault lasted, those at the struck endpoint."""
    hung_share_after_5s: float | None
    failing_share_after_3: float | None
    amplification: float
    """Attempts for each request that started while it lasted."""
    recovered_share: float | None
    """Of the requests that started after the fault had ended, those that were answered."""
    back_s: float | None
    """From the end of the fault to the first attempt at the struck endpoint; `None`: not in the time looked at."""


def row(played: Played, usually: Usual) -> Row:
    """Return what came of one fault."""
    struck = played.struck
    bound = [each for each in struck if is_bound(each)]
    mendable = [each for each in struck if not is_bound(each)]
    failed = [each for each in struck if not each.seen.is_answered]
    failed_mendable = [each for each in mendable if not each.seen.is_answered]
    verdicts = Counter(each.seen.verdict for each in failed)
    attempts = [each for each in played.attempts if each.mark and 0.0 <= each.began < played.struck_s]
    spliced = [each for each in struck if is_spliced(each, played.attempts_for(each.mark))]
    return Row(
        requests=len(mendable),
        visible_failure_rate=len(failed_mendable) / max(1, len(mendable)),
        failed_streams=sum(each.kind == "stream" for each in failed_mendable),
        failed_whole=sum(each.kind == "whole" for each in failed_mendable),
        bound_requests=len(bound),
        bound_failed=sum(not each.seen.is_answered for each in bound),
        verdicts=dict(verdicts),
        silent_truncations=verdicts["silent_truncation"],
        empty_as_success=verdicts["empty_as_success"],
        altered=verdicts["altered"],
        continued=sum(each.seen.is_answered and not is_bad_splice(each) for each in spliced),
        continued_bad=sum(is_bad_splice(each) for each in spliced),
        continued_under_another_id=sum(
            each.seen.is_answered and not each.seen.has_one_identity for each in spliced
        ),
        p95_s=percentile([each.seen.total_s for each in struck], 95) if struck else 0.0,
        mitigation_s=mitigation_s(struck, usually, played.struck_s),
        share_of_struck=_share(attempts, played.case.strikes),
        hung_share_after_5s=hung_share(attempts, played) if played.case.hangs else None,
        failing_share_after_3=failing_share(attempts, played) if played.case.fails_after_content else None,
        amplification=amplification(played),
        recovered_share=_answered_share(played.after),
        back_s=_back_s(played),
    )


def is_bound(sighting: Sighting) -> bool:
    """Whether nobody could have gone on with it: it is JSON or a tool call, or broke off within code."""
    if sighting.kind not in MENDABLE:
        return True
    return not sighting.seen.is_answered and has_open_fence(sighting.seen.heard.text)


def is_spliced(sighting: Sighting, attempts: Sequence[Attempt]) -> bool:
    """Whether an endpoint was asked after words of another had reached the client: what came then goes on with them."""
    first_s = sighting.seen.first_content_s
    if sighting.kind != "stream" or first_s is None:
        return False
    return any(each.began > sighting.started_s + first_s for each in attempts)


def is_bad_splice(sighting: Sighting) -> bool:
    """Whether an answer that another endpoint went on with looked whole and is not, or changed its identity."""
    seen = sighting.seen
    return seen.verdict in ("altered", "silent_truncation") or not seen.has_one_identity


def mitigation_s(struck: Sequence[Sighting], usually: Usual, lasted_s: float) -> float:
    """Return when, counted from the strike, requests began to see no more of it; if never, how long it lasted."""
    clear = 0
    for at, sighting in enumerate(struck):
        clear = 0 if has_seen(sighting, usually) else clear + 1
        if clear == min(IN_A_ROW, len(struck)):
            first = at - clear + 1
            return max(0.0, struck[first].started_s) if first else 0.0
    return lasted_s


def has_seen(sighting: Sighting, usually: Usual) -> bool:
    """Whether a request saw something of the fault: it was not answered, or late."""
    return not sighting.seen.is_answered or usually.is_late(sighting)


def amplification(played: Played) -> float:
    """Return how many attempts reached an endpoint for each request that started while the fault lasted."""
    marks = {each.mark for each in played.struck if each.started_s >= 0.0}
    return sum(each.mark in marks for each in played.attempts) / max(1, len(marks))


def hung_share(attempts: Sequence[Attempt], played: Played) -> float | None:
    """Return the share of the attempts begun 5 s after the strike or later that went to the hung endpoint."""
    return _share([each for each in attempts if each.began >= HUNG_AFTER_S], played.case.strikes)


def failing_share(attempts: Sequence[Attempt], played: Played) -> float | None:
    """Return the share of the attempts at an endpoint begun once it had failed three times after content.

    One that falls silent has failed when it was left.
    """
    ended = [each.ended for each in attempts if each.met and each.after_content and each.ended is not None]
    failures = sorted(at for at in played.left_a if at > 0) if played.case.hangs else sorted(ended)
    if len(failures) < FAILED_OFTEN:
        return None
    return _share([each for each in attempts if each.began > failures[FAILED_OFTEN - 1]], ("a",))


def keys(rows: Mapping[str, Row], played: Mapping[str, Played]) -> dict[str, Any]:
    """Return the figures that goals are held against."""
    single = [rows[name] for name, of in played.items() if of.case.is_single and not of.case.of_words]
    of_words = [rows[name] for name, of in played.items() if of.case.of_words]
    every = list(rows.values())
    return {
        "visible_failure_rate_worst": max((each.visible_failure_rate for each in single), default=None),
        "visible_failures_continuable": sum(each.failed_streams for each in single),
        "visible_failures_whole": sum(each.failed_whole for each in single),
        "visible_failure_rate_worst_of_words": max(
            (each.visible_failure_rate for each in of_words), default=None
        ),
        "bound_failure_rate": _ratio(
            sum(each.bound_failed for each in single), sum(each.bound_requests for each in single)
        ),
        "house_failure_rate_worst": max(
            (rows[name].visible_failure_rate for name, of in played.items() if of.case.house), default=None
        ),
        "continued": sum(each.continued for each in every),
        "continued_bad": sum(each.continued_bad for each in every),
        "continued_under_another_id": sum(each.continued_under_another_id for each in every),
        "hung_share_after_5s": _worst(each.hung_share_after_5s for each in every),
        "failing_share_after_3": _worst(each.failing_share_after_3 for each in every),
        "mitigation_median_s": statistics.median(each.mitigation_s or 0.0 for each in single)
        if single
        else None,
        "mitigation_worst_s": _worst(each.mitigation_s for each in single),
        "amplification": _worst(each.amplification for each in every),
        "silent_truncations": sum(each.silent_truncations for each in every),
        "empty_as_success": sum(each.empty_as_success for each in every),
        "altered": sum(each.altered for each in every),
        "recovered_share_worst": min(
            (each.recovered_share for each in every if each.recovered_share is not None), default=None
        ),
        "calm_p95_s": percentile(
            [each.seen.total_s for of in played.values() for each in of.calm] or [0.0], 95
        ),
        "client_lag_s": percentile([each.late_s for of in played.values() for each in of.sightings], 99),
        "requests": sum(len(of.sightings) for of in played.values()),
        "faults": {name: asdict(each) for name, each in rows.items()},
    }


def _share(attempts: Sequence[Attempt], endpoints: Iterable[str]) -> float | None:
    """Return the share of attempts that were at these endpoints."""
    struck = set(endpoints)
    return _ratio(sum(each.endpoint in struck for each in attempts), len(attempts)) if struck else None


def _answered_share(sightings: Sequence[Sighting]) -> float | None:
    return _ratio(sum(each.seen.is_answered for each in sightings), len(sightings))


def _back_s(played: Played) -> float | None:
    back = [
        each.began - played.struck_s
        for each in played.attempts
        if each.mark and each.endpoint in played.case.strikes and each.began >= played.struck_s
    ]
    return min(back, default=None)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
