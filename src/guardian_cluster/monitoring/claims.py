"""Decides which of the things that guardians say are about one cause, and makes one group of them.

The strongest claim of a cause leads its group, and the others join it. Claims are looked at in an order of their
own, so that it does not matter in which order the guardians, or a guardian's claims, came.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.improvement import Motive
from guardian_cluster.domain.monitoring import ComplianceFinding, GuardianName, GuardianReports, Opportunity
from guardian_cluster.domain.observation import Slice, covers, named

Value = Diagnosis | Opportunity | ComplianceFinding

LEAST_PROBABILITY = 0.5
"""Of a cause that something is done about: a change for one that is more likely wrong than right costs more than
another cycle of waiting."""

SHARED = 0.5
"""Two claims are about the same requests when they share so much of the shorter list: lists are samples of at most
50, and those of unrelated faults in one window meet in a few by chance."""

SEVERITIES = ("critical", "error", "warning", "info")

MOTIVES: tuple[Motive, ...] = ("safety", "quality", "cost")
"""What goes first."""

_GUARDIANS: tuple[GuardianName, ...] = ("watcher", "diagnostician", "optimizer", "safety_monitor")


@dataclass(frozen=True)
class Claim:
    """One thing that one guardian says."""

    guardian: GuardianName
    value: Value
    said: str
    motive: Motive
    where: Slice
    records: frozenset[str]
    order: tuple[object, ...]
    """Stronger ones first; no two different claims are alike in it."""


@dataclass(frozen=True)
class Claims:
    """All that is said of one specialist, by what it is; each strongest first."""

    faults: list[Claim]
    """Diagnoses that name a cause likely enough to do something about it."""
    vague: list[Claim]
    """Other diagnoses."""
    wishes: list[Claim]
    """Opportunities: nothing is broken."""
    findings: list[Claim]
    """What no policy allows, but for what is only worth knowing."""


@dataclass
class Group:
    """Claims about one cause, led by the strongest."""

    lead: Claim
    others: list[Claim] = field(default_factory=list[Claim])
    is_alarmed: bool = False
    """Whether the watcher has an open alarm of it."""

    @property
    def claims(self) -> list[Claim]:
        """All claims of it, the leading one first."""
        return [self.lead, *self.others]

    @property
    def motive(self) -> Motive:
        """The one that goes first of all its claims."""
        found = {claim.motive for claim in self.claims}
        return next(motive for motive in MOTIVES if motive in found)

    @property
    def guardians(self) -> tuple[GuardianName, ...]:
        """Who says so, in their one order."""
        said = {claim.guardian for claim in self.claims} | ({"watcher"} if self.is_alarmed else set[str]())
        return tuple(name for name in _GUARDIANS if name in said)

    @property
    def findings(self) -> list[ComplianceFinding]:
        """What the safety monitor says of it."""
        return [claim.value for claim in self.claims if isinstance(claim.value, ComplianceFinding)]


_Same = Callable[[Group, Claim], bool]
"""Says whether a claim belongs to a group."""


def overlap(one: Slice, other: Slice) -> bool:
    """Return whether a request can be in both slices."""
    values = dict(other)
    return all(values.get(name, value) == value for name, value in one)


def is_same_fault(one: Claim, other: Claim) -> bool:
    """Return whether two claims name the same cause, in slices of which one holds the other."""
    is_nested = covers(one.where, other.where) or covers(other.where, one.where)
    return is_nested and _cause(one) is not None and _cause(one) == _cause(other)


def claims_of(reports: GuardianReports) -> Claims:
    """Return what the guardians say, each thing once."""
    diagnoses = _sorted(_diagnosis(each) for each in reports.diagnostician.diagnoses)
    findings = (each for each in reports.safety_monitor.findings if each.severity != "info")
    return Claims(
        faults=[claim for claim in diagnoses if _has_cause(claim)],
        vague=[claim for claim in diagnoses if not _has_cause(claim)],
        wishes=_sorted(_wish(each) for each in reports.optimizer.opportunities),
        findings=_sorted(_finding(each) for each in findings),
    )


def grouped(claims: Claims, reports: GuardianReports) -> list[Group]:
    """Return claims by cause.

    Left out are diagnoses without a cause, or with one less likely than `LEAST_PROBABILITY`, unless they are about
    the requests of a finding or of another diagnosis. Alarms that no diagnosis explains are in no group: they stay
    open, and are shown.
    """
    groups: list[Group] = []
    for claim in claims.faults:
        _put(groups, claim, _of_same_fault)
    for claim in claims.wishes:
        _put(groups, claim, _of_same_wish)
    for claim in claims.findings:
        _put(groups, claim, _of_same_finding)
    for claim in claims.vague:
        _join(groups, claim, _shares_requests)
    for group in groups:
        group.is_alarmed = any(_is_alarmed(claim.value, reports) for claim in group.claims)
    return groups


def _sorted(claims: Iterable[Claim]) -> list[Claim]:
    return sorted({claim.order: claim for claim in claims}.values(), key=lambda claim: claim.order)


def _put(groups: list[Group], claim: Claim, is_same: _Same) -> None:
    if not _join(groups, claim, is_same):
        groups.append(Group(claim))


def _join(groups: Sequence[Group], claim: Claim, is_same: _Same) -> bool:
    """Add a claim to the group it fits best: one of the very slice, else the first, which is the strongest."""
    fitting = [group for group in groups if is_same(group, claim)]
    if fitting:
        min(fitting, key=lambda group: group.lead.where != claim.where).others.append(claim)
    return bool(fitting)


def _of_same_fault(group: Group, claim: Claim) -> bool:
    return is_same_fault(group.lead, claim)


def _of_same_wish(group: Group, claim: Claim) -> bool:
    """Return whether an opportunity is of a group: of its cause, or, where it names none, the very same."""
    is_alike = _kind(group.lead) is not None and _kind(group.lead) == _kind(claim)
    return is_same_fault(group.lead, claim) or (is_alike and group.lead.where == claim.where)


def _of_same_finding(group: Group, claim: Claim) -> bool:
    """Return whether a finding is of a group: about a diagnosed fault's requests, or the same rule and slice."""
    mine, lead = claim.value, group.lead.value
    if isinstance(lead, ComplianceFinding) and isinstance(mine, ComplianceFinding):
        return (lead.rule, lead.where) == (mine.rule, mine.where)
    return _shares_requests(group, claim)


def _shares_requests(group: Group, claim: Claim) -> bool:
    if isinstance(group.lead.value, Opportunity):
        return False  # that a cost could be cut and a rule is broken for the same requests is a conflict
    mine, theirs = claim.records, group.lead.records
    shorter = min(len(mine), len(theirs))
    return shorter > 0 and len(mine & theirs) >= SHARED * shorter


def _cause(claim: Claim) -> str | None:
    return None if isinstance(claim.value, ComplianceFinding) else claim.value.cause


def _kind(claim: Claim) -> str | None:
    """Return the kind of an opportunity that names no cause; `None` for every other claim."""
    return claim.value.kind if isinstance(claim.value, Opportunity) and claim.value.cause is None else None


def _has_cause(claim: Claim) -> bool:
    value = claim.value
    return isinstance(value, Diagnosis) and value.cause is not None and value.probability >= LEAST_PROBABILITY


def _is_alarmed(value: Value, reports: GuardianReports) -> bool:
    return isinstance(value, Diagnosis) and any(
        alarm.id in value.alarm_ids or (alarm.signal in value.signals and overlap(alarm.where, value.where))
        for alarm in reports.watcher.alarms
    )


def _diagnosis(value: Diagnosis) -> Claim:
    motive: Motive = "cost" if value.cause == "cost_blowup" else "quality"
    motive = "safety" if value.signal == "leak" else motive
    lost = sum((found.observed - found.expected) * found.requests for found in value.findings[:1])
    said = value.summary or f"{value.cause or 'something unknown'} in {named(value.where)}"
    return _claim("diagnostician", value, said, motive, (-value.probability, -lost))


def _wish(value: Opportunity) -> Claim:
    strength = (MOTIVES.index(value.motive), -len(value.record_ids))
    return _claim("optimizer", value, f"{value.kind}: {value.said}", value.motive, strength)


def _finding(value: ComplianceFinding) -> Claim:
    strength = (SEVERITIES.index(value.severity), -value.requests)
    return _claim("safety_monitor", value, f"{value.rule}: {value.said}", "safety", strength)


def _claim(
    guardian: GuardianName, value: Value, said: str, motive: Motive, strength: tuple[float, float]
) -> Claim:
    order = (*strength, msgspec.json.encode(value, order="deterministic"))
    return Claim(guardian, value, said, motive, value.where, frozenset(value.record_ids), order)
