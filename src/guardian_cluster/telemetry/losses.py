"""Counts the reports that were lost, and knows of which losses the control process was not told yet."""

from collections import Counter
from collections.abc import Mapping

from guardian_cluster.contract import link
from guardian_cluster.contract.records import GatewayEvent


class Losses:
    """What was lost, by kind: every loss is counted once, and told once."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.untold: Counter[str] = Counter()

    def add(self, lost: Mapping[str, int]) -> None:
        """Count losses."""
        self.counted.update(lost)
        self.untold.update(lost)

    def add_one(self, report: object) -> None:
        """Count the loss of a report, or of what was given for one."""
        self.add({kind_of(report): 1})

    def take_untold(self) -> Counter[str]:
        """Return what is to be told; whoever takes it tells it, or gives it back to `untold`."""
        told, self.untold = self.untold, Counter()
        return told


def events_of(lost: Mapping[str, int], now: float) -> list[GatewayEvent]:
    """Return the events that tell of losses."""
    return [GatewayEvent(kind="dropped", at=now, subject=kind, count=n) for kind, n in lost.items()]


def kind_of(report: object) -> str:
    """Return under which kind a report is counted; `unknown` for what is none."""
    return link.KINDS.get(type(report), "unknown")
