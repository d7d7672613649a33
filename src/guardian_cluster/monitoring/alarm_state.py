"""Owns the form in which alarms are kept on disk: a version, and all that each specialist's watch knows."""

import msgspec

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.observation import Signal, Slice
from guardian_cluster.monitoring.alarm_open import OpenAlarm
from guardian_cluster.monitoring.alarm_places import PlacesState
from guardian_cluster.monitoring.alarm_recent import RecentState
from guardian_cluster.monitoring.alarm_traffic import Traffic
from guardian_cluster.statistics.expected_rate import RatesState

VERSION = 1


class WatchState(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one specialist."""

    specialist: str
    traffic: Traffic
    open: list[OpenAlarm]
    places: PlacesState
    room: int
    recent: RecentState
    rates: RatesState
    detectors: bytes
    known: list[tuple[Signal, Slice, float]]
    seen: list[bool]
    requests: float
    marked_by: list[int]
    excused: list[tuple[int, float]] = []


class AlarmsState(msgspec.Struct, frozen=True, kw_only=True):
    """All that alarms know."""

    version: int = VERSION
    watches: list[WatchState] = []
    taken: list[str] = []
    heard: list[str] = []
    closed: list[Alarm] = []


def encoded(state: AlarmsState) -> bytes:
    """Return a state as bytes."""
    return msgspec.msgpack.encode(state)


def decoded(data: bytes) -> AlarmsState:
    """Return the state that these bytes are. Raises ValueError for any other bytes, or another version."""
    try:
        state = msgspec.msgpack.decode(data, type=AlarmsState)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"this is no state of alarms: {error}") from None
    if state.version != VERSION:
        raise ValueError(f"this is a state of alarms of version {state.version}, not {VERSION}")
    return state
