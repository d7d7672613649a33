"""Decides what is wrong with a specialist: the faults that a window shows, where, since when, why, by which records."""

from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.diagnosis.conclusion import Case, concluded
from guardian_cluster.guardians.diagnosis.frame import frame_of
from guardian_cluster.guardians.diagnosis.localisation import faults_of
from guardian_cluster.guardians.diagnosis.merging import merged
from guardian_cluster.guardians.diagnosis.patterns import NO_PATTERNS, Patterns
from guardian_cluster.guardians.diagnosis.unlocalised import unlocalised

MIN_REQUESTS = 30
"""Of a window; fewer show nothing."""

MAX_ALARMS = 16


def diagnose(window: Window, *, at: float, patterns: Patterns = NO_PATTERNS) -> DiagnosticianReport:
    """Return the diagnoses of a window: one for each fault, with most evidence first; none where nothing is wrong.

    Pure and deterministic. An open alarm that no localised fault accounts for yields one without findings. Whatever is
    in the window, it does not raise; records of others, and those without a possible time, are left out.
    """
    frame = frame_of(window)
    count = len(frame.observations)
    if count < MIN_REQUESTS:
        return DiagnosticianReport(specialist=window.specialist, requests=count)
    open_ones = (each for each in window.alarms if each.closed is None)
    alarms = [each for each in open_ones if each.specialist == window.specialist][:MAX_ALARMS]
    faults = faults_of(frame, alarms)
    case = Case(frame, window, tuple(faults), tuple(alarms), at, patterns)
    found: list[Diagnosis] = merged([concluded(case, fault) for fault in faults])
    left = unlocalised(frame, alarms, faults)
    found += [concluded(case, fault) for fault in left]
    return DiagnosticianReport(specialist=window.specialist, requests=count, diagnoses=tuple(found))
