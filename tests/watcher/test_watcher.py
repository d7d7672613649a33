"""Whose policy an answer is watched by."""

from watched_answers import chunk, deny, policy

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.watcher.watcher import Watcher


def content_for(watcher: Watcher, tenant: str) -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    watch = watcher.monitor_execution(UserRequest(body=body, tenant=tenant))
    return watch.feed([chunk({"content": "one two."}, reason="stop")])[0]["choices"][0]["delta"]["content"]


def test_a_tenant_is_watched_by_its_own_policy_and_all_others_by_the_clusters():
    watcher = Watcher("writer", policy(*deny("one")), {"strict": policy(*deny("two"))})

    assert content_for(watcher, "default") == "[redacted:redact-0] two."
    assert content_for(watcher, "strict") == "one [redacted:redact-0]."
