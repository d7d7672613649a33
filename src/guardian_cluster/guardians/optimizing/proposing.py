"""Decides which improvement a need leads to: the first rule that fits, with an id that stays and its evidence."""

import hashlib
from collections.abc import Collection, Iterator, Sequence

import msgspec

from guardian_cluster.contract.snapshot import Snapshot, Specialist
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.improvement import (
    Change,
    DocumentChange,
    Improvement,
    InstructionChange,
    Motive,
    ParameterChange,
    SettingChange,
    ThresholdChange,
    VariantChange,
)
from guardian_cluster.domain.monitoring import ComplianceFinding, Need, Opportunity
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.evidence import MOST_RECORDS
from guardian_cluster.guardians.optimizing.idea import Idea, Rule
from guardian_cluster.guardians.optimizing.situation import About, Situation
from guardian_cluster.guardians.optimizing.table import BY_CAUSE, BY_FINDING, BY_OPPORTUNITY
from guardian_cluster.guardians.reviewing.reach import blast_radius

PROPOSER = "optimizer"


def proposals(
    specialist: Specialist,
    needs: Sequence[Need],
    window: Window,
    snapshot: Snapshot,
    *,
    at: float,
    refused: Collection[str] = (),
) -> Iterator[Improvement]:
    """Yield an improvement for each need that a rule fits: the most urgent first, and no two of the same thing.

    What was turned down, by the ids in `refused`, is passed over, so that the next rule comes.
    """
    touched = set[str]()
    for need in needs:
        found = _first(specialist, need, window, snapshot, refused)
        if found is not None and knob(found[1].change) not in touched:
            touched.add(knob(found[1].change))
            yield _improvement(*found, need.motive, snapshot.rev, at)


def rules_for(about: About) -> tuple[Rule, ...]:
    """Return the rules for a cause, for what could be better, or for what is not allowed; none for what is unknown."""
    match about:
        case Diagnosis(cause=cause):
            return () if cause is None else BY_CAUSE.get(cause, ())
        case Opportunity(kind=kind):
            return BY_OPPORTUNITY.get(kind, ())
        case ComplianceFinding(rule=rule):
            return BY_FINDING.get(rule.partition("/")[0], ())


def knob(change: Change) -> str:
    """Return the name of what a change changes, whatever it changes it to."""
    match change:
        case ThresholdChange():
            return f"thresholds.{change.detector}/{change.specialist}/{change.tenant}"
        case ParameterChange():
            return f"specialists.{change.specialist}.parameters.{change.name}"
        case InstructionChange():
            return f"specialists.{change.specialist}.instructions"
        case VariantChange():
            return f"specialists.{change.specialist}.variant"
        case SettingChange():
            return change.path
        case DocumentChange():
            return f"specialists.{change.specialist}.documents"


def improvement_id(specialist: str, change: Change, why: str) -> str:
    """Return the id of this change of a specialist for this reason: 64 bits, the same in every process."""
    content = msgspec.json.encode([specialist, change, why], order="deterministic")
    return f"i{hashlib.sha256(content).hexdigest()[:16]}"


def _first(
    specialist: Specialist, need: Need, window: Window, snapshot: Snapshot, refused: Collection[str]
) -> tuple[Situation, Idea] | None:
    for about in _said(need):
        situation = Situation(specialist, snapshot.base, window, about)
        for rule in rules_for(about):
            idea = rule(situation)
            if idea is not None and _id(situation, idea) not in refused:
                return situation, idea
    return None


def _said(need: Need) -> Iterator[About]:
    """Yield what was said of a need: first what is not allowed, then what is broken, then what could be better."""
    for about in (need.finding, need.diagnosis, need.opportunity):
        if about is not None:
            yield about


def _id(situation: Situation, idea: Idea) -> str:
    return improvement_id(situation.specialist.name, idea.change, reason_of(situation.about))


def _improvement(situation: Situation, idea: Idea, motive: Motive, rev: int, at: float) -> Improvement:
    about, change, name = situation.about, idea.change, situation.specialist.name
    diagnosis = situation.diagnosis
    is_of_variant = isinstance(change, VariantChange | InstructionChange | ParameterChange)
    return Improvement(
        id=_id(situation, idea),
        specialist=name,
        proposed=at,
        proposer=PROPOSER,
        motive=motive,
        change=change,
        reason=idea.reason,
        cause=None if isinstance(about, ComplianceFinding) else about.cause,
        signal=None if diagnosis is None else diagnosis.signal,
        where=about.where,
        diagnosis_id="" if diagnosis is None else diagnosis.id,
        parent=situation.variant.id if is_of_variant else str(rev),
        record_ids=about.record_ids[:MOST_RECORDS],
        blast_radius=blast_radius(change, situation.window, situation.base),
        cost_ratio=idea.cost_ratio,
    )


def reason_of(about: About) -> str:
    """Return why, in a word that stays the same from cycle to cycle: where a fault is estimated to be may not."""
    match about:
        case Diagnosis(cause=cause):
            return str(cause)
        case Opportunity(kind=kind):
            return kind
        case ComplianceFinding(rule=rule):
            return rule
