"""Decides what a fault comes to: its cause, place, changes, signature and evidence, as a diagnosis."""

import hashlib
from typing import NamedTuple

import msgspec
import numpy as np

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Cause, Diagnosis
from guardian_cluster.domain.observation import DIMENSIONS, Observation
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.diagnosis.cause_places import named_for
from guardian_cluster.guardians.diagnosis.causes import posterior
from guardian_cluster.guardians.diagnosis.expectations import Rows
from guardian_cluster.guardians.diagnosis.frame import Frame
from guardian_cluster.guardians.diagnosis.localisation import Fault
from guardian_cluster.guardians.diagnosis.nearby_changes import MAX_CHANGES, Near, near
from guardian_cluster.guardians.diagnosis.patterns import Patterns
from guardian_cluster.guardians.diagnosis.populations import MIN_HARM, Populations
from guardian_cluster.guardians.diagnosis.readings import readings
from guardian_cluster.guardians.diagnosis.signatures import Signature, signature_of
from guardian_cluster.guardians.diagnosis.summary import summary_of
from guardian_cluster.guardians.evidence import MOST_RECORDS

MIN_USUAL = 30
"""Requests of the slice before the onset, for a fault to be compared with its own past."""

EARLY_SHARE = 0.02
"""Of the window: so much earlier than the estimated onset something new may have come with it."""

MAX_COMPARED = 1_500

CONFIDENT = 0.7
EVIDENT = 6.0
"""Probability and nats from which a cause is named although the fault has no place."""

GAPS = 3.0
"""Times between two requests of the slice by which the onset may be off."""


class Case(NamedTuple):
    """What all faults of a window are concluded from."""

    frame: Frame
    window: Window
    faults: tuple[Fault, ...]
    alarms: tuple[Alarm, ...]
    at: float
    patterns: Patterns


def concluded(case: Case, fault: Fault) -> Diagnosis:
    """Return the diagnosis of a fault."""
    region = fault.region
    populations = _populations(case, fault, region)
    changes = _changes(case, fault, region)
    causes = posterior(readings(populations, fault.evidence, fault.alike, changes), case.patterns)
    likeliest = next(iter(causes))
    signature = signature_of(populations.faulty, populations.usual)
    told = tuple(each for each in case.alarms if each.signal in fault.evidence)
    cause = _named(fault, likeliest, causes[likeliest])
    diagnosis = Diagnosis(
        id=_id(case.window.specialist, fault, told),
        specialist=case.window.specialist,
        at=case.at,
        onset=fault.onset,
        signal=fault.signal,
        signals=tuple(fault.evidence),
        cause=cause,
        probability=0.0 if cause is None else causes[cause],
        causes=causes,
        findings=named_for(likeliest, fault.findings, fault.alike),
        changes=tuple(each.change.id for each in changes[:MAX_CHANGES]),
        signature=signature.text,
        record_ids=_evidence(case.frame, fault, region, signature),
        alarm_ids=tuple(each.id for each in told),
    )
    return msgspec.structs.replace(diagnosis, summary=summary_of(diagnosis, changes))


def _named(fault: Fault, cause: Cause, probability: float) -> Cause | None:
    if fault.findings:
        return cause
    is_evident = max(fault.evidence.values(), default=0.0) >= EVIDENT
    return cause if is_evident and probability >= CONFIDENT else None


def _populations(case: Case, fault: Fault, region: Rows) -> Populations:
    frame = case.frame
    touched = np.logical_or.reduce([region, *(each.region for each in case.faults)])
    past = _inside(frame, fault) & (frame.times < fault.onset) & ~touched
    usual = past if past.sum() >= MIN_USUAL else ~touched
    return Populations(
        faulty=_some(frame, region),
        usual=_some(frame, usual),
        harm=max(fault.harm, MIN_HARM),
        novelty=_novelty(frame, fault, region),
    )


def _inside(frame: Frame, fault: Fault) -> Rows:
    codes = frame.codes(fault.signal)
    inside = np.ones(len(codes), dtype=np.bool_)
    for place, level in frame.places(fault.where):
        inside &= codes[:, place] == level
    return inside


def _some(frame: Frame, rows: Rows) -> list[Observation]:
    """Return these requests; of many the newest."""
    return [frame.observations[place] for place in np.flatnonzero(rows)[-MAX_COMPARED:]]


def _novelty(frame: Frame, fault: Fault, region: Rows) -> float:
    """Return which share of a fault's requests has a variant or a template that came with it."""
    before = frame.times < fault.onset - EARLY_SHARE * (frame.times[-1] - frame.times[0])
    if not before.any():
        return 0.0
    shares: list[float] = []
    for name in ("variant", "template"):
        column = frame.answered[:, DIMENSIONS.index(name)]
        new = (column >= 0) & ~np.isin(column, column[before])
        shares.append(float(new[region].mean()))
    return max(shares)


def _changes(case: Case, fault: Fault, region: Rows) -> list[Near]:
    times = case.frame.times
    inside = times[region]
    gap_s = float(inside[-1] - inside[0]) / len(inside)
    return near(
        case.window.changes,
        onset=fault.onset,
        slack_s=GAPS * gap_s,
        span_s=float(times[-1] - times[0]),
        where=fault.where,
        specialist=case.window.specialist,
    )


def _evidence(frame: Frame, fault: Fault, region: Rows, signature: Signature) -> tuple[str, ...]:
    """Return the ids of the requests that tell most: those that lost most, on most of the signals."""
    lost = np.zeros(len(frame.times))
    for signal in fault.evidence:
        lost += frame.losses[signal] * frame.known[signal]
    places = np.flatnonzero(region & (lost > 0.0))
    ids = [frame.observations[place].id for place in places]
    ranked = sorted(range(len(ids)), key=lambda n: (-lost[places[n]] - 0.5 * (ids[n] in signature.ids), n))
    return tuple(ids[n] for n in ranked[:MOST_RECORDS])


def _id(specialist: str, fault: Fault, alarms: tuple[Alarm, ...]) -> str:
    """Return the same id for the same fault while its alarm is open; without one, for the same onset."""
    since = min((each.id for each in alarms), default=f"{fault.onset:.3f}")
    place = (
        [f"{name}={value}" for name, value in fault.where] if fault.findings else ["nowhere", fault.signal]
    )
    text = "\x1f".join([specialist, since, *place])
    return f"d_{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:16]}"
