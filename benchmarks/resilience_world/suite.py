"""The faults that are played: what each is, whom it strikes, and what may be asked of a gateway about it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from guardian_cluster.simulation import (
    BreakOff,
    CleanCut,
    Drip,
    Empty,
    Fault,
    GarbleHandshake,
    Giant,
    Hang,
    Malformed,
    NoFinish,
    Pace,
    Refuse,
    Repeats,
    Reset,
    Schedule,
    Slow,
    SoftError,
    Status,
    StreamError,
    TruncatedText,
    flapping,
)

Strike = Callable[[random.Random], Fault | Schedule]
"""Makes what an endpoint suffers, its places drawn at random."""

House = Literal["control_killed", "database_locked", "disk_full"]

LATEST_PLACE = 16
"""Content chunks before a fault within a stream, drawn from 1 to this: most of a short answer, half of a long one."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault of the suite."""

    name: str
    what: str
    strikes: Mapping[str, Strike] = field(default_factory=lambda: MappingProxyType({}))
    """By endpoint: `a` and `b` are equals, `fallback` is of another specialist."""
    fails_after_content: bool = False
    hangs: bool = False
    of_words: bool = False
    """Whether the fault is in the words themselves: what has left of them cannot be taken back."""
    is_unresolved: bool = False
    """Whether the name of `a` never resolves, from before the first request on: nothing can be struck or lifted."""
    has_tls: bool = False
    pace: Pace | None = None
    """How fast a struck endpoint speaks; `None` is as always."""
    house: House | None = None
    """What happens to the gateway's own house, while every endpoint is well."""

    @property
    def has_fallback(self) -> bool:
        """Whether a fallback specialist is configured."""
        return "b" in self.strikes

    @property
    def is_single(self) -> bool:
        """Whether one endpoint is struck and its equal is well."""
        return self.is_unresolved or (bool(self.strikes) and not self.has_fallback)

    @property
    def is_outage(self) -> bool:
        """Whether nobody is left who could answer."""
        return "fallback" in self.strikes


def at_places(made: Callable[[int], Fault]) -> Strike:
    """Return a strike whose place within a stream is drawn anew for each request."""

    def strike(rng: random.Random) -> Schedule:
        seed = rng.getrandbits(63)
        return Schedule(lambda number: made(random.Random(seed + number).randint(1, LATEST_PLACE)))

    return strike


def constant(fault: Fault | Schedule) -> Strike:
    """Return a strike that is always the same."""
    return lambda rng: fault


def _on_a(name: str, what: str, strike: Strike | Fault | Schedule, **facts: Any) -> Case:
    made = constant(strike) if isinstance(strike, Fault | Schedule) else strike
    return Case(name=name, what=what, strikes={"a": made}, **facts)


_BUSY = Status(503)

CASES: tuple[Case, ...] = (
    _on_a("refuse", "connections are refused, open ones reset", Refuse()),
    _on_a("reset-before-headers", "the connection is reset before any answer", Reset("request")),
    _on_a("reset-after-headers", "the connection is reset after the headers", Reset("headers")),
    _on_a(
        "reset-mid-stream",
        "the connection is reset within the answer",
        at_places(Reset),
        fails_after_content=True,
    ),
    _on_a("hang-before-headers", "nothing is ever answered", Hang("request"), hangs=True),
    _on_a("hang-after-headers", "nothing follows the headers", Hang("headers"), hangs=True),
    _on_a(
        "hang-mid-stream",
        "the answer falls silent half-way",
        at_places(Hang),
        hangs=True,
        fails_after_content=True,
    ),
    _on_a("slow-drip", "one byte comes every quarter of a second", Drip(bytes_at_once=1, every_s=0.25)),
    _on_a("rate-limited", "429 without Retry-After", Status(429, code="rate_limit_exceeded")),
    _on_a(
        "rate-limited-retry-after",
        "429 with Retry-After: 2",
        Status(429, code="rate_limit_exceeded", retry_after="2"),
    ),
    _on_a("server-error", "500 to every request", Status(500)),
    _on_a(
        "server-error-burst",
        "ten answers, then 503 to ten requests, over and over",
        flapping(_BUSY, healthy=10, failing=10),
    ),
    _on_a(
        "flapping",
        "five answers, then five resets, over and over",
        flapping(Reset("request"), healthy=5, failing=5),
    ),
    _on_a(
        "malformed-json", "JSON that does not parse: the first line of a stream, a whole body", Malformed(0)
    ),
    _on_a(
        "malformed-mid-stream",
        "a line of the stream, or a whole body, does not parse; the stream goes on",
        at_places(Malformed),
        fails_after_content=True,
    ),
    _on_a(
        "truncated-utf8",
        "half a character within the words",
        at_places(TruncatedText),
        fails_after_content=True,
    ),
    _on_a(
        "half-body", "the connection closes within the answer", at_places(BreakOff), fails_after_content=True
    ),
    _on_a(
        "clean-cut", "the answer ends in good order, half-way", at_places(CleanCut), fails_after_content=True
    ),
    _on_a("no-finish", "a stream without a finish reason, `[DONE]` all the same", NoFinish()),
    _on_a("soft-error", "status 200 with an error as its body", SoftError()),
    _on_a(
        "stream-error", "an error event within the stream", at_places(StreamError), fails_after_content=True
    ),
    _on_a("empty", "status 200, finish reason `stop`, no words", Empty()),
    _on_a("repetition", "the answer falls into a loop at its end", Repeats(), of_words=True),
    _on_a(
        "giant",
        "400 KB of words that nobody asked for, as fast as they are taken",
        Giant(400_000),
        of_words=True,
        pace=Pace(0.05, characters_per_chunk=2_000),
    ),
    _on_a("degraded-5x", "everything takes five times as long", Slow(factor=5.0)),
    _on_a("tls-failure", "the TLS handshake fails", GarbleHandshake(), has_tls=True),
    Case(name="dns-failure", what="the endpoint's name does not resolve", is_unresolved=True),
    Case(
        name="two-at-once",
        what="one endpoint resets within answers, its equal hangs; a fallback is well",
        strikes={"a": at_places(Reset), "b": constant(Hang("request"))},
    ),
    Case(
        name="both-refuse",
        what="both endpoints refuse connections; a fallback is well",
        strikes={"a": constant(Refuse()), "b": constant(Refuse())},
    ),
    Case(
        name="all-down",
        what="both endpoints and the fallback answer 503",
        strikes={"a": constant(_BUSY), "b": constant(_BUSY), "fallback": constant(_BUSY)},
    ),
    Case(
        name="control-killed", what="the control process is killed, again each second", house="control_killed"
    ),
    Case(name="database-locked", what="every database of the data folder is locked", house="database_locked"),
    Case(name="disk-full", what="the gateway's processes can write no file", house="disk_full"),
)

BY_NAME: Mapping[str, Case] = MappingProxyType({case.name: case for case in CASES})
