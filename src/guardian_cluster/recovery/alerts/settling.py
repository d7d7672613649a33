"""What comes of a try to deliver an alert, and when it is tried again. Pure, but for the chance that is passed in."""

import random
from typing import Literal

import msgspec

from guardian_cluster.domain.alert import Delivery
from guardian_cluster.recovery.alerts.words import one_line

FIRST_WAIT_S = 2.0
"""After a first failure: a lost packet or a restarted proxy should not delay a page."""

LONGEST_WAIT_S = 300.0
"""However long a sink has been away, what waits for it is tried within five minutes of its return."""

KEPT_TRYING_S = 7 * 86_400.0
"""What could not be delivered in a week is given up: a server whose name was mistyped would be asked for ever."""

CLAIM_S = 60.0
"""A delivery whose process ended during a try is tried again after so long; longer than any try takes."""

MAX_SAID = 300
"""Characters kept of what a sink says."""

ON_ITS_WAY = "on its way"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink made of an alert."""

    state: Literal["accepted", "again", "refused"]
    """accepted: it is with the sink; again: it may be later; refused: it never will, as it stands."""
    said: str = ""
    """Why not, for an operator; hostile text."""
    after_s: float | None = None
    """How long the sink asks to be left alone."""
    repeat_s: float | None = None
    """After so long it is to be said again, as long as it holds; `None` is never."""


def claimed(delivery: Delivery, now: float) -> Delivery:
    """Return a delivery as it is kept while it is tried: a try counts before it is made, for it may be heard."""
    return msgspec.structs.replace(
        delivery, tries=delivery.tries + 1, due=now + CLAIM_S, said=delivery.said or ON_ITS_WAY
    )


def settled(delivery: Delivery, outcome: Outcome, now: float, wait_s: float) -> Delivery:
    """Return a delivery after a try; it is tried again after `wait_s` at the earliest, if at all.

    One that is to be repeated waits again, and keeps in `settled` when it first arrived.
    """
    said = one_line(outcome.said, MAX_SAID)
    match outcome.state:
        case "accepted" if outcome.repeat_s is not None:
            first = now if delivery.settled is None else delivery.settled
            # Tries count from anew: those of a sink that fails later are the ones that matter.
            return msgspec.structs.replace(
                delivery, due=now + outcome.repeat_s, tries=1, said=said, settled=first
            )
        case "accepted":
            return msgspec.structs.replace(delivery, state="delivered", said=said, settled=now)
        case "refused":
            return given_up(delivery, f"refused: {said}", now)
        case "again" if delivery.settled is None and now - delivery.alert.at > KEPT_TRYING_S:
            return given_up(delivery, f"tried for a week: {said}", now)
        case "again":
            return msgspec.structs.replace(delivery, due=now + wait_s, said=said)


def given_up(delivery: Delivery, said: str, now: float) -> Delivery:
    """Return a delivery that is sent no more; one that arrived at least once counts as delivered."""
    state = "delivered" if delivery.settled is not None else "given_up"
    first = now if delivery.settled is None else delivery.settled
    return msgspec.structs.replace(delivery, state=state, said=one_line(said, MAX_SAID), settled=first)


def backoff_s(failures: int, rng: random.Random) -> float:
    """Return how long to wait after so many failures in a row: doubling, and at least half of it up to chance.

    "Equal jitter" (M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015): what failed together is
    not tried together again.
    """
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures - 1, 16))
    return longest * (0.5 + rng.random() / 2)
