"""Endpoints that asked for a pause, and endpoints that have moved."""

from clusters import TEXT, running_cluster
from harness import base, specialist

from guardian_cluster.simulation import ModelServer, Status


async def test_who_asked_for_a_long_pause_is_not_waited_for():
    pausing = Status(429, retry_after="30")
    async with ModelServer(TEXT, faults=pausing) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            first = await running.ask(stream=False)
            second = await running.ask(stream=False)

    assert (first.code, second.code, server.received) == ("upstream_rate_limited",) * 2 + (1,)
    assert second.error is not None
    assert 25.0 < (second.error.retry_after_s or 0.0) <= 30.0
    assert second.record.duration_ms < 1_000


async def test_an_endpoint_that_has_moved_is_known_nothing_bad_of():
    async with ModelServer(TEXT, faults=Status(429, retry_after="30")) as old, ModelServer(TEXT) as new:
        async with running_cluster(base(specialist("smart", old.url))) as running:
            await running.ask(stream=False)
            running.apply(base(specialist("smart", new.url)))
            seen = await running.ask(stream=False)

    assert (seen.text, new.received) == (TEXT, 1)


async def test_an_endpoint_that_has_not_moved_is_known_as_before():
    async with ModelServer(TEXT, faults=Status(429, retry_after="30")) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            await running.ask(stream=False)
            running.apply(base(specialist("smart", server.url)))
            await running.ask(stream=False)

    assert server.received == 1
