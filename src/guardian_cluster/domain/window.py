"""What the guardians of one specialist look at together: its recent requests, open alarms, and what was changed."""

import msgspec

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.observation import Observation


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time before `until`, long enough to know what is usual as well as what is new."""

    specialist: str
    since: float
    until: float
    """Unix time in seconds."""
    observations: tuple[Observation, ...] = ()
    """Oldest first; of many the newest."""
    alarms: tuple[Alarm, ...] = ()
    """Open ones of the specialist."""
    changes: tuple[ChangeEvent, ...] = ()
    """Of the whole stretch, oldest first; those of other specialists are left out."""
