"""Decides what a request's outcome says of its detectors, and how good that makes each: precision and recall.

Three sources speak of a detector, each for itself: what callers say by its name, their marks, and the deterministic
checks of the answer. Callers speak where they please, which is no random audit; checks look at every answer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.learning.labels import is_about
from guardian_cluster.learning.sound_scores import GOOD_MARK, detector_of
from guardian_cluster.statistics.precision import Audit, AuditedOutcomes, Estimate

Source = Literal["labels", "marks", "checks"]

DENIED = "no-"
"""Before a detector's name, as in `no-harm`: what it looks for was not there."""

ABOUT_WORTH = frozenset({"answer", "ungrounded", "validation"})
"""Detectors whose alarm says that an answer is of little worth: a mark is the word on them."""

CHECKED: Mapping[str, frozenset[str]] = {"ungrounded": frozenset({"citations"})}
"""Detector -> checks that prove, where they fail, that there was what it looks for. Where they hold it may be there
all the same, so they say what is missed, and nothing of the alarms."""


class Said(NamedTuple):
    """What one source says of one detector and request."""

    detector: str
    source: Source
    audit: Audit


class DetectorQuality(NamedTuple):
    """How good a detector is, as far as one source can tell."""

    detector: str
    source: Source
    audited: int
    alarmed: int
    """Of the audited ones."""
    precision: Estimate | None
    """`None` where the source says nothing of it."""
    recall: Estimate


def said_of(record: RequestRecord, feedback: Sequence[Feedback], detectors: Iterable[str]) -> Iterator[Said]:
    """Yield what is known of the detectors of these names; feedback of other tenants is passed over."""
    alarmed = {detector_of(verdict) for verdict in record.verdicts}
    own = [each for each in feedback if each.tenant == record.tenant]
    labels = [(each.label or "").strip().lower() for each in own]
    marks = [each.score or 0.0 for each in own if is_about(each, record)]
    failed = {
        check for each in record.assessments if each.specialist == record.specialist for check in each.failed
    }
    for detector in detectors:
        named = [label == detector for label in labels if label in (detector, DENIED + detector)]
        if named:
            yield _said(detector, "labels", alarmed, is_real=named[-1])
        if marks and detector in ABOUT_WORTH:
            yield _said(detector, "marks", alarmed, is_real=marks[-1] < GOOD_MARK)
        if failed & CHECKED.get(detector, frozenset[str]()):
            yield _said(detector, "checks", alarmed, is_real=True)


def _said(detector: str, source: Source, alarmed: set[str], *, is_real: bool) -> Said:
    return Said(detector, source, Audit(detector in alarmed, is_real, probability=1.0))


class DetectorAudits:
    """Sums up what is said of detectors, one source apart from another."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, Source], AuditedOutcomes] = {}
        self._alarmed: dict[tuple[str, Source], list[int]] = {}

    def add(self, said: Said) -> None:
        """Take in what a source says of one request."""
        key = (said.detector, said.source)
        if key not in self._outcomes:
            self._outcomes[key] = AuditedOutcomes(least_of_alarms=1.0, least_of_others=1.0)
            self._alarmed[key] = [0, 0]
        self._outcomes[key].add(said.audit)
        self._alarmed[key][0] += 1
        self._alarmed[key][1] += said.audit.alarmed

    def qualities(self) -> list[DetectorQuality]:
        """Return how good each detector is, by its name and source."""
        return [self._quality(*key, outcomes) for key, outcomes in sorted(self._outcomes.items())]

    def _quality(self, detector: str, source: Source, outcomes: AuditedOutcomes) -> DetectorQuality:
        audited, alarmed = self._alarmed[detector, source]
        precision = None if source == "checks" else outcomes.precision()
        return DetectorQuality(detector, source, audited, alarmed, precision, outcomes.recall())
