"""What the supervisor and its workers tell each other: shares of limits, questions to other workers, counts.

The frames are those of `link.py`, and so is the rule for versions: they may differ by one, for a worker that is
started again after an upgrade meets a supervisor that was not. Pure: bytes in, values out (docs/design/contract.md).
"""

from typing import Literal, cast

import msgspec

from guardian_cluster.contract import link
from guardian_cluster.contract.link import Message

VERSION = 1
"""Peers whose versions differ by more than one refuse each other."""

LimitKind = Literal["requests", "tokens", "usd", "at_once"]
"""Requests or tokens in a minute, US dollars in a calendar month, requests in flight."""

Topic = Literal["request", "metrics"]
"""What a worker can ask the others: for the record of a request, or for what they have counted."""


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a worker holds of one limit, and what it has used of that."""

    account: str
    kind: LimitKind
    share: float
    """What it may use; never less than what is used."""
    used: float
    """What it let through that still counts, requests under way with all that they reserved."""
    lasting: float = 0.0
    """The part of it that goes on counting when the worker has ended."""
    asked: float = 0.0
    """The largest amount it had to refuse since it told last."""
    demand: float = 0.0
    """All that was asked of it since it told last."""


class Share(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much of one limit a worker may use from now on."""

    account: str
    kind: LimitKind
    share: float
    elsewhere: float = 0.0
    """What others have used of the limit, as far as it is known."""


class Join(Message, frozen=True, kw_only=True, tag="join"):
    """A worker introduces itself."""

    version: int
    worker: int


class Serves(Message, frozen=True, kw_only=True, tag="serves"):
    """A worker takes requests, under this revision of the snapshot."""

    rev: int


class Holdings(Message, frozen=True, kw_only=True, tag="holdings"):
    """What a worker holds of some limits."""

    heard: int
    """The number of the `Shares` it took in last."""
    month: str
    """The calendar month (UTC) of what is counted in US dollars."""
    holdings: tuple[Holding, ...]


class Spent(Message, frozen=True, kw_only=True, tag="spent"):
    """What each key had spent in a month when a worker asked the control process."""

    month: str
    usd: dict[str, float]


class Counts(Message, frozen=True, kw_only=True, tag="counts"):
    """All that a worker has counted, as `telemetry/exposition.py` encodes it."""

    counts: bytes


class Question(Message, frozen=True, kw_only=True, tag="question"):
    """A worker asks the others, by way of the supervisor."""

    id: int
    topic: Topic
    request_id: str = ""
    tenant: str | None = None
    """Whose record alone may be told; `None` is anybody's, for administrators."""


class Reply(Message, frozen=True, kw_only=True, tag="reply"):
    """A worker's answer to a question; empty where it has none."""

    id: int
    body: bytes


class Shares(Message, frozen=True, kw_only=True, tag="shares"):
    """The supervisor shares out some limits."""

    number: int
    shares: tuple[Share, ...]
    knows_spending: bool = False
    """Whether what keys spent before this supervisor began has been taken into account."""


class Answers(Message, frozen=True, kw_only=True, tag="answers"):
    """What the others answered."""

    id: int
    bodies: tuple[bytes, ...]


Up = Join | Serves | Holdings | Spent | Counts | Question | Reply
Down = Shares | Question | Answers

_up = msgspec.msgpack.Decoder(Up)
_down = msgspec.msgpack.Decoder(Down)
_UP_KINDS = frozenset({"join", "serves", "holdings", "spent", "counts", "question", "reply"})
_DOWN_KINDS = frozenset({"shares", "question", "answers"})


def compatible(version: int) -> bool:
    """Tell whether a peer of this version can be talked to: the same, one older or one newer."""
    return abs(version - VERSION) <= 1


def decode_up(body: bytes) -> Up | None:
    """Read what a worker sent; `None` is a kind of message that only a newer version knows, to be ignored.

    Raises `LinkError` for anything else that cannot be read.
    """
    return cast("Up | None", link.decode_message(_up, body, _UP_KINDS))


def decode_down(body: bytes) -> Down | None:
    """Read what the supervisor sent, as `decode_up` does."""
    return cast("Down | None", link.decode_message(_down, body, _DOWN_KINDS))
