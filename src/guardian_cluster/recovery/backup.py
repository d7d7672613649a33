"""The Backup Manager: who may and can take a specialist's requests, now."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from guardian_cluster.contract.snapshot import Base, Specialist, Tenant
from guardian_cluster.domain.monitoring import SignalReading
from guardian_cluster.domain.observation import Signal

Readings = Callable[[str], Sequence[SignalReading]]

COMPARED: tuple[Signal, ...] = ("quality", "format", "error", "refusal", "groundedness")
"""What a backup that nobody declared has to be as good at."""

AS_GOOD = 0.02
"""So much more loss of each is taken for as good."""

KNOWN_FROM = 200
"""Requests of a signal, from which on it can be compared."""


class BackupManager:
    """Knows the backups of every specialist: those declared, and those that have shown to be as good."""

    def __init__(self, readings: Readings) -> None:
        """Prepare; `readings` says how a specialist's signals stand."""
        self._readings = readings

    def ready(self, specialist: Specialist, base: Base, unwell: Collection[str] = ()) -> tuple[str, ...]:
        """Return who may take the specialist's requests now, best first.

        The declared ones go first, then its equals, then those that have shown to be as good. Nobody who is unwell,
        who can do less, sees less of a conversation, or to whom a tenant of the specialist does not entrust its
        requests; and nobody at all where the configuration says so. What one request may cost is looked at when it
        comes.
        """
        declared = base.recovery.backups_of(specialist)
        if not declared and specialist.name in base.recovery.backup:
            return ()
        served = {each.name: each for each in base.specialists}
        named = (
            *declared,
            *specialist.equals,
            *self._as_good(specialist, served),
        )
        return tuple(
            name
            for name in dict.fromkeys(named)
            if name in served
            and name != specialist.name
            and name not in unwell
            and not shortcomings(served[name], specialist, base.tenants)
        )

    def _as_good(self, specialist: Specialist, served: Mapping[str, Specialist]) -> list[str]:
        """Return those who lose no more than the specialist on what both are known by, the cheapest first."""
        own = _losses(self._readings(specialist.name))
        others = [each for each in served.values() if each.kind == "http" and each.name != specialist.name]
        good = [each for each in others if _is_as_good(_losses(self._readings(each.name)), own)]
        return [each.name for each in sorted(good, key=lambda each: (each.price.output_usd, each.name))]


def shortcomings(backup: Specialist, specialist: Specialist, tenants: Iterable[Tenant]) -> list[str]:
    """Return why one cannot take another's requests; empty where it can."""
    able, needed = backup.capabilities, specialist.capabilities
    found = [
        f"it cannot do {name}"
        for name in ("tools", "vision", "json", "embeddings")
        if getattr(needed, name) and not getattr(able, name)
    ]
    if backup.context_length is not None and backup.context_length < (specialist.context_length or 0):
        found.append(
            f"its context is {backup.context_length:,} tokens, less than {specialist.context_length:,}"
        )
    found += [
        f"tenant {tenant.name} does not entrust its requests to it"
        for tenant in tenants
        if _trusts(tenant, specialist) and not _trusts(tenant, backup)
    ]
    return found


def _trusts(tenant: Tenant, specialist: Specialist) -> bool:
    named = not tenant.specialists or specialist.name in tenant.specialists
    return named and set(tenant.requires) <= set(specialist.labels)


def _losses(readings: Sequence[SignalReading]) -> dict[Signal, float]:
    return {
        each.signal: each.observed
        for each in readings
        if each.signal in COMPARED and not each.by_callers and each.requests >= KNOWN_FROM
    }


def _is_as_good(losses: Mapping[Signal, float], own: Mapping[Signal, float]) -> bool:
    both = losses.keys() & own.keys()
    return {"quality", "error"} <= both and all(losses[name] <= own[name] + AS_GOOD for name in both)
