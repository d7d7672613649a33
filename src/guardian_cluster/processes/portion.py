"""Decides what one of several workers may ask of endpoints: its part of what all of them may.

What is not shared out as it is needed (`shares.py`) is divided evenly: the most requests in flight at a specialist,
or by a move at an endpoint, what an endpoint allows in a minute, and how many requests may wait.
"""

import msgspec

from guardian_cluster.contract.snapshot import BalancingPolicy, Endpoint, Snapshot, Specialist
from guardian_cluster.domain.action import HeldMove, LimitConcurrency


def portion(snapshot: Snapshot, workers: int) -> Snapshot:
    """Return what one of so many workers serves of a snapshot.

    Of requests at once its part is rounded up, so that none is left with nothing; of rates down, and at least one.
    """
    if workers == 1:
        return snapshot
    base = msgspec.structs.replace(
        snapshot.base,
        specialists=tuple(_specialist(each, workers) for each in snapshot.base.specialists),
        balancing=_balancing(snapshot.base.balancing, workers),
    )
    overlay = msgspec.structs.replace(
        snapshot.overlay, moves=tuple(_move(each, workers) for each in snapshot.overlay.moves)
    )
    return msgspec.structs.replace(snapshot, base=base, overlay=overlay)


def _specialist(specialist: Specialist, workers: int) -> Specialist:
    most = specialist.max_concurrency
    return msgspec.structs.replace(
        specialist,
        max_concurrency=None if most is None else _up(most, workers),
        endpoints=tuple(_endpoint(each, workers) for each in specialist.endpoints),
    )


def _endpoint(endpoint: Endpoint, workers: int) -> Endpoint:
    requests, tokens = endpoint.requests_per_minute, endpoint.tokens_per_minute
    return msgspec.structs.replace(
        endpoint,
        requests_per_minute=None if requests is None else max(1, requests // workers),
        tokens_per_minute=None if tokens is None else max(1, tokens // workers),
    )


def _move(held: HeldMove, workers: int) -> HeldMove:
    if not isinstance(held.move, LimitConcurrency):
        return held
    most = _up(held.move.most, workers)
    return msgspec.structs.replace(held, move=msgspec.structs.replace(held.move, most=most))


def _balancing(policy: BalancingPolicy, workers: int) -> BalancingPolicy:
    return msgspec.structs.replace(policy, max_waiting=_up(policy.max_waiting, workers))


def _up(amount: int, workers: int) -> int:
    return -(-amount // workers)
