"""What a cluster says to a program that uses it wrongly; its uses are in request/test_library.py."""

import pytest

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.domain.request import UserRequest

HELLO = UserRequest(body={"model": "auto", "messages": [{"role": "user", "content": "1 + 1"}]})


async def test_a_request_before_the_cluster_was_entered_is_told_what_to_do():
    cluster = LLMGuardianCluster.from_config()

    with pytest.raises(RuntimeError, match=r"enter it first: `async with"):
        await cluster.process_request(HELLO)
    with pytest.raises(RuntimeError, match=r"enter it first"):
        await anext(cluster.stream_request(HELLO))


def test_a_cluster_that_was_not_entered_has_no_snapshot_in_force():
    with pytest.raises(RuntimeError, match=r"enter it first"):
        _ = LLMGuardianCluster.from_config().snapshot
