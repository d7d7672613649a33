"""One answered request as guardians see it: what it was about, and how much it lost on each signal."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

Signal = Literal[
    "quality",
    "intent_alignment",
    "error",
    "latency",
    "refusal",
    "format",
    "groundedness",
    "cost",
    "leak",
]
"""What is watched of every specialist. On each signal a request loses between 0 (well) and 1 (as bad as can be)."""

SIGNALS: tuple[Signal, ...] = get_args(Signal)

Dimension = Literal[
    "model",
    "endpoint",
    "variant",
    "tenant",
    "topic",
    "language",
    "template",
    "revision",
]
"""By what requests are told apart when the place of a fault is searched. `template` is the hash of the instructions,
`revision` that of the configuration in force."""

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

Slice = tuple[tuple[Dimension, str], ...]
"""The requests that have all these values, in the order of `DIMENSIONS`; `()` is all requests."""


class Try(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One try at one endpoint, as far as it tells about causes."""

    endpoint: str
    outcome: str
    """`ok`, `failed`, `cut` or `cancelled`."""
    error: str = ""
    """The stable code of the failure, such as `upstream_timeout`."""
    said: str = ""
    """The template of what the endpoint said of it: numbers and names masked; hostile text all the same."""
    duration_ms: float = 0.0
    first_token_ms: float | None = None


TRIED = ":trial"
"""Follows an action's id in the record of a request that tried the old way, so that it is seen whether the action is
still needed."""


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One request of one specialist. Numbers are of all its attempts together."""

    id: str
    """Of its record, which it can be traced to."""
    at: float
    """Unix time in seconds at which it began."""
    specialist: str
    dimensions: Mapping[Dimension, str]
    """What is not known of it is not in here."""
    losses: Mapping[Signal, float]
    """0 to 1. A signal that does not apply, or of which nobody has said anything yet, is not in here."""
    outcome: str = "ok"
    """`ok`, `cut`, `error`, `cancelled` or `refused`."""
    error: str = ""
    """The stable code of what its caller was told went wrong."""
    finish_reason: str = ""
    tries: tuple[Try, ...] = ()
    verdicts: tuple[str, ...] = ()
    """What watchers found, as `detector/rule`, each once."""
    done: Mapping[str, str] = {}
    """What was done about it then, by the same names: of several the mildest, so `observe` is that some got out."""
    scores: Mapping[str, float] = {}
    """What detectors suspected, 0 to 1, by detector."""
    feedback: float | None = None
    """The caller's own last mark: 0 is useless, 1 is perfect."""
    fingerprint: tuple[int, ...] = ()
    """Hashes of an answer that something was found in: bad answers of one kind share most. Empty for sound ones."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    duration_ms: float = 0.0
    first_token_ms: float | None = None
    overhead_ms: float = 0.0
    moves: tuple[str, ...] = ()
    """Ids of the actions that changed its way; `ID:trial` is one that could have, and left it as it was."""
    requested: str = ""
    """The name its caller asked for: a specialist, an alias or `auto`; hostile text."""

    @property
    def is_trial(self) -> bool:
        """Whether it tried, for an action in force, whether what was bad is well again."""
        return any(id.endswith(TRIED) for id in self.moves)


def slice_of(values: Mapping[Dimension, str]) -> Slice:
    """Return the slice of these values, in its one order."""
    return tuple((name, values[name]) for name in DIMENSIONS if name in values)


def holds(where: Slice, observation: Observation) -> bool:
    """Return whether a request is in a slice."""
    return all(observation.dimensions.get(name) == value for name, value in where)


def covers(wide: Slice, narrow: Slice) -> bool:
    """Return whether every request of the narrow slice is in the wide one."""
    return set(wide) <= set(narrow)


def named(where: Slice) -> str:
    """Return a slice in words, as in `endpoint=writer/1 language=german`; all requests are `everything`."""
    return " ".join(f"{name}={value}" for name, value in where) or "everything"
