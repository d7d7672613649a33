"""Decide whether recovery could do what its section says: for whom, with which moves, by which backups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.name_checks import check_reference
from guardian_cluster.configuration.problems import Problems, dotted
from guardian_cluster.configuration.sections import Sections, SpecialistSection, TenantSection
from guardian_cluster.errors import printable

_COMPARED = 1_000_000
"""Backups times tenants: a thousand of each. Beyond them a hostile file would cost seconds."""

_REMEDY = (
    "name another; a fallback, which is chosen for each request, need not have what every tenant asks for"
)


def check_recovery(sections: Sections, problems: Problems) -> None:
    """Report specialists that are none, backups that would never be activated, and moves named twice."""
    enabled = sections.enabled_specialists()
    recovery = sections.recovery
    for key, names in (("specialists", recovery.specialists), ("backup", recovery.backup)):
        for name in names:
            path = ("recovery", key, name)
            check_reference(f"[recovery.{key}]", name, path, sections, enabled, problems)
    _check_trust(recovery.backup, enabled, sections.tenant, problems)
    for cause, moves in recovery.playbook.items():
        check_repeated(moves, ("recovery", "playbook", cause), problems)


def check_repeated(words: Iterable[str], path: KeyPath, problems: Problems) -> None:
    """Report words that a list has already."""
    seen: set[str] = set()
    for index, word in enumerate(words):
        if word in seen:
            where = (*path, index)
            message = f"{dotted(path)} names {problems.quote(where, word)}, which it has already"
            problems.add(where, "config-repeated-entry", message)
        seen.add(word)


def _check_trust(
    backups: Mapping[str, tuple[str, ...]],
    enabled: Mapping[str, SpecialistSection],
    tenants: Mapping[str, TenantSection],
    problems: Problems,
) -> None:
    """Report a backup to which a tenant does not entrust the requests that the specialist has of it.

    It would never be activated: recovery gives no request to anybody to whom its tenant has not.
    """
    demands = {_Demand.of(section): name for name, section in tenants.items()}
    labels = {name: frozenset(section.labels) for name, section in enabled.items()}
    pairs = (
        (name, index, other)
        for name, others in backups.items()
        for index, other in enumerate(others)
        if name in enabled and other in enabled
    )
    for name, index, other in islice(pairs, _COMPARED // max(len(demands), 1)):
        for demand, tenant in demands.items():
            if demand.withholds(name, labels[name]):
                continue  # the specialist has none of its requests
            if demand.withholds(other, labels[other]):
                why = demand.why(other, labels[other])
                path: KeyPath = ("recovery", "backup", name, index)
                message = f"the backup of [specialist.{printable(name)}] is {problems.quote(path, other)}"
                message += f", to which [tenant.{printable(tenant)}] entrusts no request: {why}"
                problems.add(path, "config-untrusted-backup", message, _REMEDY)


@dataclass(frozen=True, slots=True)
class _Demand:
    """What a tenant asks of whoever is given its requests; many tenants ask the same."""

    specialists: frozenset[str]
    requires: frozenset[str]

    @classmethod
    def of(cls, tenant: TenantSection) -> "_Demand":
        return cls(frozenset(tenant.specialists), frozenset(tenant.requires))

    def withholds(self, name: str, labels: frozenset[str]) -> bool:
        """Return whether a specialist with these labels is given no request."""
        return bool(self.specialists and name not in self.specialists) or not self.requires <= labels

    def why(self, name: str, labels: frozenset[str]) -> str:
        """Return why it is given none."""
        if self.specialists and name not in self.specialists:
            return "it is not among its specialists"
        return f'it has not the label "{printable(min(self.requires - labels))}"'
