"""What a demo tells, as values: one for people to read (screen.py), the same for machines (lines.py).

In JSON each has `event`, its kind, and `at_s`, seconds since the demo began; the keys are stable.
"""

from typing import Any, Protocol

import msgspec

from guardian_cluster.cli.demo.summary import Summary


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower):
    """The base of all."""

    at_s: float = 0.0


class Started(Event, frozen=True, kw_only=True):
    """The demo has begun, and has a folder."""

    folder: str
    kept: bool


class Simulated(Event, frozen=True, kw_only=True):
    """Something that is not what it would be in earnest."""

    what: str
    how: str


class Setting(Event, frozen=True, kw_only=True):
    """A key of the generated guardian.toml; `default` is what it would be without it, where there is one."""

    key: str
    value: str
    default: str | None


class Model(Event, frozen=True, kw_only=True):
    """A specialist that takes part; prices in US dollars for a million tokens."""

    name: str
    tier: int
    endpoints: int
    input_usd: float
    output_usd: float


class Ingested(Event, frozen=True, kw_only=True):
    """Documents are in memory, put there by `guardian ingest`."""

    documents: tuple[str, ...]
    passages: int


class Ready(Event, frozen=True, kw_only=True):
    """The gateway answers; `pid` is its supervisor's."""

    url: str
    pid: int


class Scene(Event, frozen=True, kw_only=True):
    """A scene begins."""

    number: int
    name: str
    title: str


class Asked(Event, frozen=True, kw_only=True):
    """A request is sent."""

    scene: str
    model: str
    streamed: bool
    session: str | None
    question: str


class Flowed(Event, frozen=True, kw_only=True):
    """Requests of which none is told by itself: traffic, of which guardians are to make something."""

    scene: str
    model: str
    requests: tuple[str, ...]


class Done(Event, frozen=True, kw_only=True):
    """Something is done to the world that is not a request."""

    scene: str
    what: str


class Said(Event, frozen=True, kw_only=True):
    """What a simulated model said: before any watcher has seen it."""

    scene: str
    model: str
    text: str


class Answered(Event, frozen=True, kw_only=True):
    """What the client got."""

    scene: str
    request: str
    status: int
    specialist: str
    text: str
    finish_reason: str | None
    complete: bool
    """Whether the answer ended as a complete one does, with `[DONE]` where it was streamed."""


class Reasoned(Event, frozen=True, kw_only=True):
    """Why the router decided so, in its own words, as `guardian explain` says them."""

    scene: str
    request: str
    reason: str


class Recorded(Event, frozen=True, kw_only=True):
    """What became of a request: the whole of `GET /v1/requests/{id}`."""

    scene: str
    request: str
    record: dict[str, Any]


class Found(Event, frozen=True, kw_only=True):
    """A finding in the record of a request, in words."""

    scene: str
    label: str
    text: str


class Checked(Event, frozen=True, kw_only=True):
    """Whether what a scene shows has happened, and what happened by the records."""

    scene: str
    claim: str
    held: bool
    found: str


class Summed(Event, frozen=True, kw_only=True, tag="summary"):
    """What the telemetry database says of all requests, read after the gateway has stopped."""

    summary: Summary
    missing: tuple[str, ...] = ()
    """Requests that were answered and are not in it: there should be none."""


class Ended(Event, frozen=True, kw_only=True):
    """The demo is over; `folder` is where its files are kept, if they are."""

    status: int
    seconds: float
    unmet: tuple[str, ...]
    """The scenes in which something expected did not happen."""
    folder: str | None


class Log(Protocol):
    """Where a demo tells what happens."""

    def tell(self, event: Event) -> None:
        """Tell one thing; raises BrokenPipeError where nobody reads any more."""
        ...
