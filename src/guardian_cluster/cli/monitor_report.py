"""What a monitoring cycle found, as a page for people: how it does, why, what to do, and how sure that is."""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from guardian_cluster.cli.columns import aligned
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.improvement import Improvement, QueueState, SafetyReview
from guardian_cluster.domain.monitoring import (
    GuardianScore,
    MetaAnalysis,
    MonitoringCycleResult,
    SafetyReport,
    SignalReading,
)
from guardian_cluster.domain.observation import named
from guardian_cluster.errors import printable
from guardian_cluster.improvement.describing import described

_SHOWN_RECORDS = 5
_SHOWN_CAUSES = 3
_WIDTH = 100


_BECAME: Mapping[QueueState, str] = {
    "approved": "it is approved already, and waits to be tried",
    "taken": "it is being tried already",
    "applied": "it is in force already",
    "rejected": "it was rejected already",
    "blocked": "it was found unsafe already",
    "undone": "it was in force, and was undone",
}
"""What there is to say of a proposal that nobody has to decide about any more."""


def report_of(result: MonitoringCycleResult, states: Mapping[str, QueueState] | None = None) -> str:
    """Return the page. All that others have written on it is made printable, and short.

    `states` says what became of improvements, by their ids: what was proposed may have been decided about before.
    """
    reports = result.guardian_reports
    sections = [
        _how(result),
        _section("WHY", map(_diagnosis, reports.diagnostician.diagnoses), _no_diagnosis(result)),
        _section("ALLOWED?", _findings(reports.safety_monitor), ""),
        _section("COULD BE BETTER", _opportunities(result), ""),
        _section("WHAT TO DO", _improvements(result, states or {}), ""),
        _section("WHOSE VIEW LOST", _conflicts(result), ""),
        _section("THE GUARDIANS THEMSELVES", _guardians(result.meta_analysis), ""),
    ]
    return "\n\n".join(section for section in sections if section)


def _section(head: str, entries: Iterable[str], otherwise: str) -> str:
    found = list(entries)
    if not found and not otherwise:
        return ""
    return "\n".join([head, *(_indented(entry) for entry in found or [otherwise])])


def _how(result: MonitoringCycleResult) -> str:
    watcher = result.guardian_reports.watcher
    head = f"{printable(result.specialist_id)}: {watcher.requests:,} requests"
    if watcher.requests:
        head += f", {_time(watcher.since)} to {_time(watcher.until)}"
    rows = [("SIGNAL", "KNOWN OF", "LOST", "", "EXPECTED"), *map(_reading, watcher.signals)]
    table = [aligned(rows)] if watcher.signals else []
    alarms = [_alarm(alarm) for alarm in watcher.alarms]
    return "\n".join([head, *([""] if table else []), *table, *([""] if alarms else []), *alarms])


def _reading(reading: SignalReading) -> tuple[str, ...]:
    interval = f"[{_share(reading.low)}, {_share(reading.high)}]"
    expected = "not known yet" if reading.expected is None else _share(reading.expected)
    name = f"{reading.signal} (callers)" if reading.by_callers else reading.signal
    return name, f"{reading.requests:,}", _share(reading.observed), interval, expected


def _alarm(alarm: Alarm) -> str:
    """Return an alarm with its bound: evidence of e^x would come by chance once in so many requests at most."""
    where = f" in {_where(alarm.where)}" if alarm.where else ""
    seen = f"{_share(alarm.observed)} of {alarm.requests:,} requests lost, {_share(alarm.expected)} expected"
    sure = f"e^{alarm.evidence:.1f} against e^{math.log(alarm.bound):.1f} needed"
    said = (
        f"ALARM {printable(alarm.id, 40)}  {alarm.signal}{where} since {_time(alarm.onset)}: {seen}; {sure}"
    )
    return f"{said}\n  {_usual(alarm)}"


def _usual(alarm: Alarm) -> str:
    """Return how to say that it is usual from now on, or who has said so."""
    if alarm.acceptance is not None:
        return f"accepted by {printable(alarm.acceptance.who, 40)}; it is closed once that is learned"
    name, id = printable(alarm.specialist, 40), printable(alarm.id, 40)
    return f"usual from now on? guardian monitor {name} --accept {id}"


def _diagnosis(diagnosis: Diagnosis) -> str:
    likely = sorted(diagnosis.causes.items(), key=lambda each: -each[1])[:_SHOWN_CAUSES]
    others = ", ".join(f"{name} {_share(p)}" for name, p in likely if name != diagnosis.cause)
    cause = "nothing localisable" if diagnosis.cause is None else _words(diagnosis.cause)
    lines = [
        f"{cause} ({_share(diagnosis.probability)}{f'; else {others}' if others else ''})",
        f"  in {_where(diagnosis.where)}, since {_time(diagnosis.onset)}; shows in {', '.join(diagnosis.signals)}",
    ]
    lines += [f"  {printable(diagnosis.summary, 400)}"] if diagnosis.summary else []
    lines += [f"  failures say: {printable(diagnosis.signature, 160)}"] if diagnosis.signature else []
    lines += [f"  changed near it: {', '.join(_ids(diagnosis.changes))}"] if diagnosis.changes else []
    lines += [f"  records: {', '.join(_ids(diagnosis.record_ids))}"] if diagnosis.record_ids else []
    lines += [f"  in words: {printable(diagnosis.narrative, 1_000)}"] if diagnosis.narrative else []
    return "\n".join(lines)


def _no_diagnosis(result: MonitoringCycleResult) -> str:
    if result.guardian_reports.watcher.alarms:
        return "something is worse than expected, and nothing tells why"
    return "nothing is worse than expected"


def _findings(report: SafetyReport) -> Iterator[str]:
    for found in report.findings:
        yield f"{found.severity}: {printable(found.said, 300)} ({found.requests:,} requests; {_where(found.where)})"


def _opportunities(result: MonitoringCycleResult) -> Iterator[str]:
    for each in result.guardian_reports.optimizer.opportunities:
        yield f"{_words(each.kind)}: {printable(each.said, 300)}"


def _improvements(result: MonitoringCycleResult, states: Mapping[str, QueueState]) -> Iterator[str]:
    reviews = {review.improvement_id: review for review in result.reviews}
    proposal = result.meta_analysis.proposal
    for each in (*result.improvements, *([] if proposal is None else [proposal])):
        yield _improvement(each, reviews.get(each.id), states.get(each.id))


def _improvement(improvement: Improvement, review: SafetyReview | None, state: QueueState | None) -> str:
    lines = [
        f"{improvement.id}: {printable(str(described(improvement.change)), 300)}",
        f"  {printable(improvement.reason, 300)}",
    ]
    if state is not None and state in _BECAME:
        lines += [f"  {_BECAME[state]}", f"  guardian improvement show {improvement.id}"]
    elif state != "queued" and review is not None and review.concerns:
        held = "; ".join(f"{concern.rule}: {printable(concern.said, 200)}" for concern in review.concerns)
        lines += [f"  not before somebody has looked: {held}", f"  guardian safety show {improvement.id}"]
    else:
        lines += [f"  guardian improvement approve {improvement.id}"]
    return "\n".join(lines)


def _conflicts(result: MonitoringCycleResult) -> Iterator[str]:
    for each in result.coordination_result.conflicts:
        lost, won = printable(each.lost, 200), printable(each.won, 200)
        yield f"{each.loser}: {lost}\n  {each.winner} went first: {won} ({printable(each.why, 200)})"


def _guardians(meta: MetaAnalysis) -> Iterator[str]:
    yield from map(_score, meta.scores)
    for each in meta.bottlenecks:
        yield f"{_words(each.what)}: {printable(each.said, 300)}"


def _score(score: GuardianScore) -> str:
    told = f"{score.claims:,} claims, {score.false_alarms:,} false alarms, {score.misses:,} misses"
    return f"{printable(score.guardian, 60)}: {told} among {score.audited:,} that somebody judged"


def _where(where: tuple[tuple[str, str], ...]) -> str:
    return printable(named(where), _WIDTH)  # type: ignore[arg-type]


def _ids(ids: tuple[str, ...]) -> list[str]:
    shown = [printable(each, 60) for each in ids[:_SHOWN_RECORDS]]
    return [*shown, f"and {len(ids) - len(shown):,} more"] if len(ids) > len(shown) else shown


def _words(name: str) -> str:
    return printable(name.replace("_", " ").replace("-", " "))


def _indented(entry: str) -> str:
    return "\n".join(f"  {line}" for line in entry.splitlines())


def _share(value: float) -> str:
    return f"{value:.1%}"


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
