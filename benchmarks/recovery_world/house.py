"""The cluster as it is configured: the same in each arm but for what the arm goes without."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from benchmarks.recovery_world.callers import CLERK, EDITOR, TENANTS, UNDERSTUDY, WRITER
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    BalancingPolicy,
    Base,
    Endpoint,
    MemoryPolicy,
    RecoveryPolicy,
    RoutingPolicy,
    Sink,
    Specialist,
    Tenant,
    Timeouts,
    Variant,
)

Arm = Literal["failover", "fallback", "guarded"]
"""What the request path does by itself over a specialist's own endpoints; that, a static fallback and the breaker; all
that, guardians and recovery."""

ARMS: tuple[Arm, ...] = ("failover", "fallback", "guarded")

MODEL_ENDPOINTS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        WRITER: {"large-1": (f"{WRITER}/1", f"{WRITER}/2"), "large-2": (f"{WRITER}/3",)},
        CLERK: {"small-1": (f"{CLERK}/1", f"{CLERK}/2")},
        EDITOR: {"large-3": (f"{EDITOR}/1",)},
        UNDERSTUDY: {"large-4": (f"{UNDERSTUDY}/1", f"{UNDERSTUDY}/2")},
    }
)

NEW_INSTRUCTIONS = "Be brief and plain."
"""Of the writer's variant in force: by these its requests are told apart at a server."""

ENDPOINTS: tuple[str, ...] = tuple(
    id for models in MODEL_ENDPOINTS.values() for ids in models.values() for id in ids
)

PAGER = Sink(
    kind="webhook",
    url=Secret("http://127.0.0.1:1/page", "http://127.0.0.1:1/page"),
    key=Secret("a key", "a key"),
)
"""Where people are called; nobody answers there, and what is on its way to them is counted."""

_TIMEOUTS = Timeouts(connect_s=2.0, first_token_s=5.0, between_chunks_s=5.0, total_s=20.0)
_VARIANTS = {
    WRITER: (Variant(id="v2", instructions=NEW_INSTRUCTIONS), Variant(id="v1", share=0.0)),
}
"""The first is served; the other is what it took the place of, to which one can go back."""


def base(urls: Mapping[str, str], arm: Arm) -> Base:
    """Return what is served, with models at these addresses."""
    has_fallback = arm != "failover"
    return Base(
        specialists=tuple(_specialist(name, urls, has_fallback=has_fallback) for name in MODEL_ENDPOINTS),
        tenants=(Tenant(name="default"), *(Tenant(name=name) for name in TENANTS)),
        memory=MemoryPolicy(conversations="off"),
        routing=RoutingPolicy(decompose=False),
        balancing=BalancingPolicy(breaker=has_fallback),
        alerts=AlertPolicy(sinks={"oncall": PAGER}),
        recovery=RecoveryPolicy(backup={WRITER: (UNDERSTUDY,)}),
    )


def _specialist(name: str, urls: Mapping[str, str], *, has_fallback: bool) -> Specialist:
    endpoints = tuple(
        Endpoint(id=id, url=urls[id], model=model)
        for model, ids in MODEL_ENDPOINTS[name].items()
        for id in ids
    )
    return Specialist(
        name=name,
        endpoints=endpoints,
        variants=_VARIANTS.get(name, (Variant(id="v1"),)),
        timeouts=_TIMEOUTS,
        fallback=(EDITOR,) if has_fallback and name in (WRITER, CLERK) else (),
    )
