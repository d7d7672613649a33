"""The watchers of one request tell one another of leaks: what one was to observe only, it redacts then."""

from watched_answers import chunk, deny, policy, request

from guardian_cluster.watcher.guard import Guard, SharedGuard
from guardian_cluster.watcher.watch import Watch

RULES = policy(
    *deny("amber"), *deny("birch", action="observe"), canaries=("canary-1234",), on_canary="observe"
)


def watch(guard: Guard) -> Watch:
    return Watch(RULES, request(), guard=guard)


def said(watch: Watch, text: str) -> str:
    return "".join(
        each["choices"][0]["delta"].get("content", "") for each in watch.feed([chunk({"content": text})])
    )


def test_what_is_observed_is_redacted_once_another_part_leaked():
    shared = SharedGuard()
    first, second = watch(shared.place()), watch(shared.place())

    before = said(second, "a birch. ")
    said(first, "an amber. ")
    after = said(second, "a birch and canary-1234. ")

    assert before == "a birch. "
    assert after == "a [redacted:observe-0] and [redacted:canary-1]. "
    assert [verdict.action for verdict in second.verdicts] == ["observe", "redact", "redact"]
    assert shared.reasons() == ["deny redact-0", "deny observe-0"]


def test_a_watchs_own_leak_changes_nothing_of_its_policy():
    alone = watch(SharedGuard().place())

    assert said(alone, "an amber and a birch. ") == "an [redacted:redact-0] and a birch. "


def test_what_is_only_observed_raises_nobodys_guard():
    shared = SharedGuard()
    first, second = watch(shared.place()), watch(shared.place())

    said(first, "a birch. ")

    assert said(second, "a birch. ") == "a birch. "
    assert shared.reasons() == []
