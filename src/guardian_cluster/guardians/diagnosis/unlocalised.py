"""Decides what is left of alarms that no localised fault accounts for."""

import math
from collections.abc import Sequence

import numpy as np

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.observation import Signal
from guardian_cluster.guardians.diagnosis.frame import Frame
from guardian_cluster.guardians.diagnosis.localisation import Fault

MIN_SINCE = 5
"""Requests since an alarm's onset, for anything to be read off them."""


def unlocalised(frame: Frame, alarms: Sequence[Alarm], faults: Sequence[Fault]) -> list[Fault]:
    """Return a fault without a place for each signal with an open alarm that no fault explains."""
    explained = {signal for fault in faults for signal in fault.evidence}
    found: dict[Signal, Fault] = {}
    for alarm in alarms:
        if alarm.signal not in explained and alarm.signal not in found:
            found[alarm.signal] = _fault(frame, alarm)
    return list(found.values())


def _fault(frame: Frame, alarm: Alarm) -> Fault:
    onset = alarm.onset if math.isfinite(alarm.onset) else float(frame.times[-1])
    region = frame.times >= onset
    if region.sum() < MIN_SINCE:
        region = np.arange(len(frame.times)) >= len(frame.times) - MIN_SINCE
    known = frame.known[alarm.signal] > 0
    now, usual = frame.losses[alarm.signal][known & region], frame.losses[alarm.signal][known & ~region]
    risen = float(now.mean()) - float(usual.mean()) if len(now) and len(usual) else 0.0
    error = math.sqrt(0.25 / max(len(now), 1))
    return Fault(
        signal=alarm.signal,
        evidence={alarm.signal: max(0.5 * (risen / error) ** 2, 0.0) if risen > 0 else 0.0},
        findings=(),
        onset=onset,
        harm=max(risen, 0.0),
        regions=(region,),
        alike=(),
    )
