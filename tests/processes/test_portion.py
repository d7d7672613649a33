"""One of several workers asks of endpoints its part of what all of them may, and all of them together all of it."""

import msgspec
import pytest
from harness import base, specialist
from held_moves import overlay

from guardian_cluster.contract.snapshot import Endpoint, Snapshot
from guardian_cluster.domain.action import Drain, LimitConcurrency
from guardian_cluster.processes.portion import portion

ENDPOINT = Endpoint(id="a/1", url="http://h/v1", model="m", requests_per_minute=100, tokens_per_minute=3)


def serving(**changes: object) -> Snapshot:
    only = msgspec.structs.replace(specialist("a", **changes), endpoints=(ENDPOINT,))
    return Snapshot(rev=7, base=base(only))


def test_one_worker_alone_has_all_of_it() -> None:
    snapshot = serving(max_concurrency=3)

    assert portion(snapshot, 1) is snapshot


@pytest.mark.parametrize(
    ("workers", "at_once", "requests", "tokens"), [(2, 2, 50, 1), (3, 1, 33, 1), (8, 1, 12, 1)]
)
def test_each_has_its_part_and_none_has_nothing(
    workers: int, at_once: int, requests: int, tokens: int
) -> None:
    part = portion(serving(max_concurrency=3), workers)
    (only,) = part.base.specialists
    (endpoint,) = only.endpoints

    assert part.rev == 7
    assert (only.max_concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute) == (
        at_once,
        requests,
        tokens,
    )


def test_what_is_not_limited_stays_so() -> None:
    (only,) = portion(serving(), 4).base.specialists

    assert only.max_concurrency is None


def test_a_cap_of_a_move_is_divided_too_and_other_moves_stay() -> None:
    cap, drain = LimitConcurrency(specialist="a", endpoint="a/1", most=5), Drain(specialist="a")
    whole = msgspec.structs.replace(serving(), overlay=overlay(cap, drain))
    first, second = portion(whole, 2).overlay.moves

    assert first.move == msgspec.structs.replace(cap, most=3)
    assert second == whole.overlay.moves[1]
