"""The guardian network: every specialist that is deployed with its four guardians, and what watches those."""

from collections.abc import Callable
from dataclasses import dataclass

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.monitoring.ports import (
    Diagnostician,
    MetaGuardian,
    Optimizer,
    SafetyMonitor,
    Watcher,
    WindowSource,
)
from guardian_cluster.monitoring.windows import OneWindow


@dataclass(frozen=True, slots=True)
class GuardianSet:
    """The guardians of one specialist, looking at one window."""

    watcher: Watcher
    diagnostician: Diagnostician
    optimizer: Optimizer
    safety_monitor: SafetyMonitor


class GuardianNetwork:
    """Looks up specialists among those deployed at the moment, and makes the guardians of each."""

    def __init__(
        self,
        specialists: Callable[[], tuple[Specialist, ...]],
        source: WindowSource,
        make: Callable[[WindowSource], GuardianSet],
        meta_guardian: MetaGuardian,
    ) -> None:
        self._specialists = specialists
        self._source = source
        self._make = make
        self.meta_guardian = meta_guardian

    def get_specialist(self, specialist_id: str) -> Specialist:
        """Return the specialist as it is deployed now. Raises KeyError where it is not, or not any more."""
        for specialist in self._specialists():
            if specialist.name == specialist_id:
                return specialist
        raise KeyError(f"no specialist {specialist_id!r} is deployed")

    def get_guardians_for_specialist(self, specialist_id: str) -> GuardianSet:
        """Return four guardians that look at one window together, read when the first of them asks for it."""
        return self._make(OneWindow(self._source))

    @property
    def specialists(self) -> tuple[str, ...]:
        """The names of all that are deployed."""
        return tuple(specialist.name for specialist in self._specialists())
