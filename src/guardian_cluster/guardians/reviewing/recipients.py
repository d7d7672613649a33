"""Decides whether a change gives requests to somebody who does not get them so far."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from guardian_cluster.contract.snapshot import Base, Specialist
from guardian_cluster.domain.improvement import (
    Concern,
    Improvement,
    ParameterChange,
    SettingChange,
    VariantChange,
)
from guardian_cluster.guardians.reviewing.paths import place_of, variants_of

RULE = "recipients"

_WHERE_TO = frozenset(
    {"url", "model", "api_key", "proxy", "ca_file", "kind", "builtin", "enabled", "labels", "endpoints"}
)
"""Keys that say who is given the words, or what is promised of them."""

_KEPT_ELSEWHERE = frozenset({"store", "metadata", "user", "background", "service_tier", "prompt_cache_key"})
"""Request fields by which a vendor keeps more of a request, or gives it to another of its services."""


def new_recipients(improvement: Improvement, base: Base) -> Iterator[Concern]:
    """Yield who would be given requests, or keep them, that does not so far."""
    yield from (Concern(rule=RULE, said=said) for said in _said(improvement, base))


def _said(improvement: Improvement, base: Base) -> list[str]:
    match improvement.change:
        case SettingChange() as change:
            return _setting(change, base)
        case ParameterChange(name=name) if name in _KEPT_ELSEWHERE:
            return [f"{name} decides what the model's vendor keeps of a request"]
        case VariantChange(specialist=name, after=after):
            if any(variant.id == after for variant in variants_of(name, base)):
                return []
            return [f"nothing is deployed that tells who answers in variant {after[:40]}"]
        case _:
            return []


def _setting(change: SettingChange, base: Base) -> list[str]:
    place = place_of(change.path, base)
    head, last = place.key.partition(".")[0], place.key.rpartition(".")[2]
    if place.kind in ("specialist", "endpoint") and (head in _WHERE_TO or last in _WHERE_TO):
        return [f"{change.path[:120]} says who is given requests"]
    if place.kind == "specialist" and place.key in ("fallback", "equals"):
        return _stand_ins(place.name, change, base)
    if place.kind == "tenant" and head in ("requires", "specialists"):
        return [f"{change.path[:120]} says who may be given the tenant's requests"]
    if place.kind == "cluster" and head in ("records", "memory", "aliases", "keys", "specialists", "tenants"):
        return [f"{change.path[:120]} says who keeps or answers requests"]
    return []


def _stand_ins(name: str, change: SettingChange, base: Base) -> list[str]:
    """Say which of those added may not have what tenants ask of this specialist."""
    by_name = {each.name: each for each in base.specialists}
    before = set(change.before) if isinstance(change.before, tuple) else set[str]()
    after = change.after if isinstance(change.after, tuple) else ()
    said = list[str]()
    for each in after:
        if each in before:
            continue
        other = by_name.get(each)
        if other is None:
            said.append(f"{each[:64]} is no specialist that is deployed")
        elif missing := _missing_labels(by_name.get(name), other, base):
            said.append(f"{other.name} lacks what is promised of {name}: {', '.join(sorted(missing))}")
        elif (hosts := _new_hosts(by_name.get(name), other)) and not _is_covered(name, base):
            said.append(f"{other.name} is at {', '.join(sorted(hosts))[:120]}, where {name} has no endpoint")
    return said


def _new_hosts(own: Specialist | None, other: Specialist) -> set[str]:
    return _hosts(other) - (set[str]() if own is None else _hosts(own))


def _hosts(specialist: Specialist) -> set[str]:
    """Return who is given the words: what is built in gives them to nobody."""
    return {_host(each.url) for each in specialist.endpoints} if specialist.kind == "http" else set()


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"


def _is_covered(name: str, base: Base) -> bool:
    """Return whether every tenant that may ask a specialist has said by labels who may be given its requests.

    A stand-in that has all of those was named by the operator as one that may.
    """
    asking = [each for each in base.tenants if not each.specialists or name in each.specialists]
    unsaid = {key.tenant for key in base.keys if key.revoked is None} - {each.name for each in base.tenants}
    return bool(asking) and not unsaid and all(each.requires for each in asking)


def _missing_labels(own: Specialist | None, other: Specialist, base: Base) -> set[str]:
    """Return the labels that the specialist has, or that a tenant who may ask it requires, and the other lacks."""
    if other.kind != "http":  # what is built in passes nothing on to anybody
        return set()
    asked = {
        label
        for tenant in base.tenants
        if own is not None and (not tenant.specialists or own.name in tenant.specialists)
        for label in tenant.requires
    }
    return (asked | set(own.labels if own is not None else ())) - set(other.labels)
