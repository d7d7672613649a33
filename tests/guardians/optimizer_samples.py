"""A specialist, its window and needs, for the tests of the optimizer and the safety monitor."""

from collections.abc import Iterable, Sequence

import msgspec

from guardian_cluster.contract.snapshot import (
    Base,
    DetectorThreshold,
    Endpoint,
    Overlay,
    Price,
    Snapshot,
    Specialist,
    Tenant,
    Variant,
    WatchPolicy,
)
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.diagnosis import Cause, Diagnosis, Finding
from guardian_cluster.domain.improvement import Change, Improvement
from guardian_cluster.domain.monitoring import ComplianceFinding, Need, Opportunity
from guardian_cluster.domain.observation import Observation, Slice, Try
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.optimizing.proposing import proposals

NOON = 1_764_244_800.0
ONSET = NOON - 300.0
FIRST: Slice = (("endpoint", "writer/1"),)

VARIANT = Variant(
    id="variant-new", instructions="Answer briefly.\nNever name customers.", parameters={"max_tokens": 400}
)


def writer(**changes: object) -> Specialist:
    values: dict[str, object] = {
        "name": "writer",
        "endpoints": (
            Endpoint(id="writer/1", url="http://one/v1", model="m", requests_per_minute=None),
            Endpoint(id="writer/2", url="http://two/v1", model="m"),
        ),
        "variants": (VARIANT,),
        "tier": 2,
        "price": Price(input_usd=1.0, output_usd=4.0),
        "labels": ("eu",),
    }
    return Specialist(**(values | changes))  # type: ignore[arg-type]


def local(**changes: object) -> Specialist:
    values: dict[str, object] = {
        "name": "local",
        "endpoints": (Endpoint(id="local/1", url="http://three/v1", model="l"),),
        "variants": (Variant(id="variant-local"),),
        "tier": 1,
        "labels": ("eu",),
    }
    return Specialist(**(values | changes))  # type: ignore[arg-type]


def snapshot(specialist: Specialist | None = None, **changes: object) -> Snapshot:
    values: dict[str, object] = {
        "specialists": (specialist or writer(), local()),
        "tenants": (Tenant(name="acme", requires=("eu",)), Tenant(name="own", watch=WatchPolicy())),
    }
    thresholds = (DetectorThreshold(detector="harm", specialist="writer", tenant="acme", value=0.5),)
    return Snapshot(rev=7, base=Base(**(values | changes)), overlay=Overlay(thresholds=thresholds))  # type: ignore[arg-type]


def seen(number: int, **changes: object) -> Observation:
    """Return a sound request; ten come in a minute before the onset, and as many since."""
    endpoint = f"writer/{number % 2 + 1}"
    values: dict[str, object] = {
        "id": f"r{number}",
        "at": NOON - 1_200.0 + 6.0 * number,
        "specialist": "writer",
        "dimensions": {"endpoint": endpoint, "variant": "variant-new", "tenant": "acme", "template": "t1"},
        "losses": {"error": 0.0, "quality": 0.1, "format": 0.0, "refusal": 0.0},
        "tries": (tried(endpoint),),
        "finish_reason": "stop",
        "input_tokens": 100,
        "output_tokens": 100 + number % 50,
        "cost_usd": 0.0005,
        "duration_ms": 2_000.0 + number % 10,
        "first_token_ms": 400.0 + number % 10,
    }
    return Observation(**(values | changes))  # type: ignore[arg-type]


def tried(endpoint: str = "writer/1", outcome: str = "ok", **changes: object) -> Try:
    values: dict[str, object] = {"endpoint": endpoint, "outcome": outcome, "duration_ms": 2_000.0}
    if outcome == "ok":
        values["first_token_ms"] = 400.0
    return Try(**(values | changes))  # type: ignore[arg-type]


def failing(error: str, *, first: bool = True, **changes: object) -> dict[str, object]:
    """Return what makes a request of one that an endpoint failed first, and the other answered."""
    failed = tried("writer/1", "failed", error=error, **changes)
    return {"tries": (failed, tried("writer/2")) if first else (failed,)}


def window(
    *, since: dict[str, object] | None = None, changes: Sequence[ChangeEvent] = (), count: int = 200
) -> Window:
    """Return a window in which the requests at writer/1 that came since the onset are as `since` says."""
    observations = [seen(number) for number in range(count)]
    hit = [
        msgspec.structs.replace(each, **(since or {}))
        if each.at >= ONSET and each.dimensions["endpoint"] == "writer/1"
        else each
        for each in observations
    ]
    return Window(
        specialist="writer",
        since=NOON - 1_200.0,
        until=NOON,
        observations=tuple(hit),
        changes=tuple(changes),
    )


def diagnosed(cause: Cause | None, *, where: Slice = FIRST, changes: Iterable[str] = ()) -> Need:
    finding = Finding(where=where, score=20.0, requests=25, expected=0.02, observed=0.6)
    diagnosis = Diagnosis(
        id="d1",
        specialist="writer",
        at=NOON,
        onset=ONSET,
        signal="quality",
        cause=cause,
        probability=0.9,
        findings=(finding,) if where else (),
        changes=tuple(changes),
        record_ids=("r151", "r153"),
    )
    return Need(id="need", motive="quality", said="it is so", diagnosis=diagnosis)


def wished(kind: str, *, where: Slice = FIRST) -> Need:
    opportunity = Opportunity(kind=kind, motive="cost", said="it could be", where=where, record_ids=("r1",))
    return Need(id="need", motive="cost", said="it could be", opportunity=opportunity)


def forbidden(rule: str, *, where: Slice = ()) -> Need:
    finding = ComplianceFinding(rule=rule, said="it may not be", where=where, record_ids=("r2",))
    return Need(id="need", motive="safety", said="it may not be", finding=finding)


def event(subject: str, before: object, after: object, kind: str = "setting") -> ChangeEvent:
    written = ["" if each is None else msgspec.json.encode(each).decode() for each in (before, after)]
    return ChangeEvent(  # type: ignore[arg-type]
        id="c1", at=ONSET - 1.0, kind=kind, subject=subject, rev=7, before=written[0], after=written[1]
    )


def proposed(
    need: Need, seen_in: Window, specialist: Specialist | None = None, **base: object
) -> Improvement | None:
    """Return what is proposed for a need, if anything."""
    deployed = snapshot(specialist, **base)
    found = tuple(proposals(deployed.base.specialists[0], [need], seen_in, deployed, at=NOON))
    return found[0] if found else None


def improvement(change: Change, **changes: object) -> Improvement:
    """Return an improvement of writer that is as harmless as its change."""
    values: dict[str, object] = {
        "id": "i1",
        "specialist": "writer",
        "proposed": NOON,
        "proposer": "optimizer",
        "motive": "quality",
        "change": change,
        "reason": "It is better.",
        "record_ids": ("r1", "r2"),
    }
    return Improvement(**(values | changes))  # type: ignore[arg-type]
