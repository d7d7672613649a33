"""Decides what a request of a specialist may take in time and money: what nearly all of its requests have taken."""

from collections.abc import Collection

import msgspec

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.domain.observation import Signal
from guardian_cluster.monitoring.signals import Budgets
from guardian_cluster.statistics.quantiles import SlowQuantile, check

SHARE = 0.95
SLACK = 1.25
"""A budget is so many times what 95 % stay within: where all take nearly the same, a few percent more are no loss."""

_MOVED = 0.1
"""By so much the quantile has to move before the budget does: each move changes what is usual."""

MOST_SPECIALISTS = 500
VERSION = 1

_NAMES = ("whole_ms", "first_token_ms", "cost_usd")


class _Budget(msgspec.Struct):
    """One budget, and what it is learned from."""

    quantile: SlowQuantile
    value: float | None = None

    def take(self, value: float) -> None:
        if not self.quantile.add(value):
            return
        found = self.quantile.value()
        if found is not None and (self.value is None or abs(SLACK * found / self.value - 1.0) > _MOVED):
            self.value = SLACK * found


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known, as it is kept."""

    version: int = VERSION
    specialists: dict[str, dict[str, _Budget]] = {}


class LearnedBudgets:
    """The budgets of every specialist, learned from its answers.

    A fault is not followed: an answer counts when 500 others have come after it, as one of some 20,000, and not at all
    while an alarm says that answers are slow or dear.
    """

    def __init__(self) -> None:
        self._budgets: dict[str, dict[str, _Budget]] = {}

    def take(self, record: RequestRecord, alarmed: Collection[Signal] = ()) -> None:
        """Learn from a record; `alarmed` are the signals of its specialist of which an alarm is open."""
        if record.specialist is None or record.outcome != "ok":
            return
        if record.specialist not in self._budgets and len(self._budgets) >= MOST_SPECIALISTS:
            return
        empty = {name: _Budget(SlowQuantile(SHARE)) for name in _NAMES}
        own = self._budgets.setdefault(record.specialist, empty)
        for name, value in _taken(record).items():
            if ("cost" if name == "cost_usd" else "latency") in alarmed:
                own[name].quantile.spoil()
            else:
                own[name].take(value)

    def of(self, specialist: str, caps: Budgets = Budgets()) -> Budgets:  # noqa: B008  a frozen value
        """Return the budgets of a specialist, none above `caps`: what was declared, such as its timeouts.

        Nothing is known of a specialist before some 200 answers, and then a cap alone is no budget.
        """
        own = self._budgets.get(specialist, {})
        values = {name: _capped(budget.value, getattr(caps, name)) for name, budget in own.items()}
        return Budgets(**values)

    def forget(self, specialist: str) -> None:
        """Forget a specialist that is there no more."""
        self._budgets.pop(specialist, None)

    def state(self) -> bytes:
        """Return all that is known."""
        return msgspec.msgpack.encode(_State(specialists=self._budgets))

    def restore(self, state: bytes) -> None:
        """Know what another one knew. Raises ValueError for bytes that are no such state; then nothing changes."""
        try:
            found = msgspec.msgpack.decode(state, type=_State)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"these are no learned budgets: {error}") from None
        if found.version != VERSION or len(found.specialists) > MOST_SPECIALISTS:
            raise ValueError("these are learned budgets of another version, or too many")
        for own in found.specialists.values():
            if set(own) != set(_NAMES):
                raise ValueError("a specialist has other budgets than there are")
            for budget in own.values():
                check(budget.quantile, SHARE)
                if budget.value is not None and not 0.0 < budget.value < float("inf"):
                    raise ValueError("a budget is no positive number")
        self._budgets = found.specialists


def _taken(record: RequestRecord) -> dict[str, float]:
    """Return what a request took of each budget that it has."""
    found = {"cost_usd": record.cost_usd}
    if not record.streamed:
        found["whole_ms"] = record.duration_ms
    elif record.first_token_ms is not None:
        found["first_token_ms"] = record.first_token_ms
    return found


def _capped(value: float | None, cap: float | None) -> float | None:
    return value if value is None or cap is None else min(value, cap)
