"""A change of a detector's threshold, as it is recorded: what was learned from which scores, and who decided on it.

The control process proposes, a person may apply or undo, and the deployment reads what is in force
(docs/design/thresholds.md).
"""

from typing import Literal, NamedTuple

from guardian_cluster.contract.snapshot import Frozen

State = Literal["proposed", "applied", "undone"]

CALIBRATOR = "calibrator"
"""Who decided where no person did."""


class Scope(NamedTuple):
    """What a threshold is for: scores of one detector on what one specialist answers one tenant."""

    detector: str
    specialist: str
    """Empty is all of them, of a detector that looks at requests."""
    tenant: str

    def __str__(self) -> str:
        return "/".join((self.detector, self.specialist or "all", self.tenant))


class DriftNote(Frozen, frozen=True, kw_only=True):
    """When scores were found to come otherwise than before."""

    change: Literal["higher", "lower", "wider", "narrower"]
    scores: int
    """Scores since it began, as far as could be told."""
    at: float
    """Unix time of the request at which it was found."""


class ThresholdEvidence(Frozen, frozen=True, kw_only=True):
    """What a threshold was learned from. Rates are shares of requests, 0 to 1."""

    examples: int
    """Scores of sound requests that it was set on."""
    since: float
    """Unix time at which the oldest of their requests began, and `until` the newest."""
    until: float
    new: int
    """Those that came since the last action of its scope."""
    left_out: int = 0
    """Scores that came since then and do not count: their requests were not sound."""
    withheld: int = 0
    """Of the examples, answers that the detector itself withheld: they stand above every score."""
    asked: float
    """The false-alarm rate of the policy."""
    expected: float
    """The rate to be expected of the new threshold, at most."""
    realised_low: float
    """Where its own rate lies, with a confidence of 95 %."""
    realised_high: float
    observed: float | None = None
    """The rate of the threshold in force, among the new ones; `None` where there was none."""
    drift: DriftNote | None = None
    """The last one found since the last action of its scope."""
    least: float
    """As low as the next recalibration may go by itself, and as high as it may propose in one step."""
    most: float
    bounded: bool = False
    """Whether the last one's `least` or `most` has cut this one's movement short."""


class ThresholdAction(Frozen, frozen=True, kw_only=True):
    """One change of one threshold, to be applied and undone from this record alone."""

    id: str
    time: float
    """When it was proposed, in Unix seconds."""
    detector: str
    specialist: str
    tenant: str
    before: float | None
    """The threshold in force when it was proposed or applied; `None` is none."""
    after: float
    """From this score on it reports."""
    evidence: ThresholdEvidence
    state: State
    who: str = CALIBRATOR
    """Who has applied or undone it last."""
    decided: float | None = None
    """When, in Unix seconds; `None` while it is only proposed."""
    improvement: str = ""
    """The improvement that it came of (docs/design/improvements.md); empty where it was learned from scores alone."""

    @property
    def scope(self) -> Scope:
        """What it is for."""
        return Scope(self.detector, self.specialist, self.tenant)
