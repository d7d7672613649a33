"""What differs between two revisions of the configuration, and what gateways noticed: events that may explain a fault.

Paths are those by which guardians name values: `specialists.NAME.KEY`, `endpoints.ID.KEY`, `tenants.NAME.KEY`,
`keys.ID.KEY`, `thresholds.DETECTOR/SPECIALIST/TENANT`, `moves.ID.KIND`, and the sections of the base, as in
`watch.on_refusal`. No secret is in an event, nor a text that must not leave: that it changed is all that is told.
"""

import math
from collections.abc import Mapping
from hashlib import blake2b
from itertools import islice

import msgspec

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.domain.change import ChangeEvent, ChangeKind
from guardian_cluster.errors import printable
from guardian_cluster.monitoring.differences import Difference, differences, written

MAX_EVENTS = 200
"""Of one revision; a configuration that was written anew differs in everything, and says no more with each event."""

MAX_TOLD = 200
"""Characters of what a gateway said of itself."""

HAPPENED: frozenset[str] = frozenset(
    {"endpoint_ejected", "endpoint_readmitted", "overloaded", "worker_restarted"}
)
"""Kinds of gateways' events that may explain a fault, or belong to one."""

_ROUTING = frozenset({"routing", "balancing", "aliases", "router_model", "router_salt"})
_OF_MOVES: Mapping[str, ChangeKind] = {
    "reroute": "routing",
    "shed": "routing",
    "variant": "variant",
    "timeouts": "setting",
}
"""What a move changes, where that is more than how an endpoint is used."""

_OF_VARIANTS = frozenset({"instructions", "variant", "variants"})


def changes_between(before: Snapshot, after: Snapshot, at: float) -> tuple[ChangeEvent, ...]:
    """Return what differs between two snapshots, one event for each thing, in the order of their paths.

    Equal snapshots, and those that differ in nothing but their number, give none. The same two always give the same
    ids, whenever they are compared.
    """
    found = differences(before, after)
    events = [_event(each, after.rev, at) for each in islice(found, MAX_EVENTS)]
    left_out = sum(1 for _ in found)
    if left_out:
        rest = Difference(holder="configuration", after=written(f"{left_out} further differences"))
        events.append(_event(rest, after.rev, at))
    return tuple(events)


def change_of(event: GatewayEvent) -> ChangeEvent | None:
    """Return what a gateway noticed as a change; `None` where it explains nothing."""
    if event.kind not in HAPPENED or not math.isfinite(event.at):
        return None
    name = printable(event.subject, MAX_TOLD)
    endpoint = name if event.kind.startswith("endpoint_") else ""
    specialist = endpoint.rpartition("/")[0] if endpoint else name if event.kind == "overloaded" else ""
    holder = "endpoints" if endpoint else "specialists" if specialist else "workers"
    after = written(printable(event.detail, MAX_TOLD)) if event.detail else ""
    return ChangeEvent(
        id=_id(event.kind, repr(event.at), name, after),
        at=event.at,
        kind=msgspec.convert(event.kind, ChangeKind),
        subject=f"{holder}.{name}",
        specialist=specialist,
        endpoint=endpoint,
        after=after,
    )


def _event(difference: Difference, rev: int, at: float) -> ChangeEvent:
    return ChangeEvent(
        id=_id(str(rev), difference.path, difference.before, difference.after),
        at=at,
        kind=_kind(difference),
        subject=difference.path,
        specialist=difference.specialist,
        endpoint=difference.endpoint,
        tenant=difference.tenant,
        rev=rev,
        before=difference.before,
        after=difference.after,
    )


def _kind(of: Difference) -> ChangeKind:
    keys = of.key.split(".")
    match of.holder:
        case "thresholds":
            return "threshold"
        case "moves":
            return _OF_MOVES.get(of.key, "endpoint")
        case "endpoints":
            return "model" if of.key == "model" else "endpoint"
        case "specialists":
            return "variant" if keys[0] in _OF_VARIANTS else "setting"
        case "tenants" | "keys" if keys[0] == "limits":
            return "limits"
        case "watch":
            return "watch"
        case "tenants" if keys[0] == "watch":
            return "watch"
        case _:
            return "routing" if of.holder in _ROUTING else "setting"


def _id(*parts: str) -> str:
    data = "\x1f".join(parts).encode("utf-8", "replace")
    return f"chg_{blake2b(data, digest_size=8).hexdigest()}"
