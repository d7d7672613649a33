"""Log probabilities: an entry leaves whole or not at all."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from watched_answers import chunk, deny, policy, request, whole

from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch

Entry = dict[str, Any]


def entry(token: str, *alternatives: str, octets: bool = True) -> Entry:
    """Return a token as servers send it, with what else might have stood there."""
    spelled = [
        {"token": each, "logprob": -1.0, "bytes": list(each.encode()) if octets else None}
        for each in (token, *alternatives)
    ]
    return {**spelled[0], "top_logprobs": spelled}


def left(
    compiled: CompiledPolicy, *batches: list[Entry], channel: str = "content", text: bool = True
) -> list[str]:
    """Return the tokens of the entries that leave."""
    watch, tokens = Watch(compiled, request()), []
    for number, batch in enumerate(batches, 1):
        said = "".join(each["token"] for each in batch) if text else ""
        sent = chunk(
            {channel: said}, reason="stop" if number == len(batches) else None, logprobs={channel: batch}
        )
        for each in watch.feed([sent]):
            entries = (each["choices"][0].get("logprobs") or {}).get(channel) or []
            tokens += [one["token"] for one in entries]
    return tokens


def test_entries_that_spell_no_rule_leave_at_once():
    assert left(policy(*deny("secret")), [entry("Hi"), entry(" there")]) == ["Hi", " there"]


def test_entries_that_spell_a_rule_together_stay_behind():
    assert left(policy(*deny("secret")), [entry("a"), entry(" sec")], [entry("ret"), entry("!")]) == [
        "a",
        "!",
    ]


def test_entries_that_only_begin_a_rule_leave_later():
    assert left(policy(*deny("secret")), [entry("sec")], [entry("ond")]) == ["sec", "ond"]
    assert left(policy(*deny("secret")), [entry("sec")]) == ["sec"]


def test_a_rule_is_found_along_alternatives_of_any_rank():
    entries = [entry("a", "x", "sec"), entry("re", "y"), entry("b", "c", "d", "t!"), entry("e")]

    assert left(policy(*deny("secret")), entries) == ["e"]


def test_a_rule_that_is_spelled_in_bytes_alone_is_found():
    odd = [{"token": "\ufffd", "bytes": [each]} for each in "naïve".encode()]

    assert left(policy(*deny("naïve")), [entry("a"), *odd, entry("b")]) == ["a", "b"]


def test_a_rule_half_in_tokens_and_half_in_bytes_is_found():
    entries = [entry("a"), entry("na", octets=False), {"token": "\ufffd", "bytes": list("ïve".encode())}]

    assert left(policy(*deny("naïve")), entries) == ["a"]


def test_bytes_that_are_none_stay_behind():
    for octets in ([256], [-1], [10**30]):
        assert left(policy(*deny("secret")), [{"token": "a", "bytes": octets}, entry("b")]) == ["b"]


def test_an_entry_with_too_many_alternatives_stays_behind_and_still_counts():
    crowd = entry("cre", *map(str, range(300)))

    assert left(policy(*deny("secret")), [entry("a"), entry("se"), crowd, entry("t"), entry("b")]) == [
        "a",
        "b",
    ]


def test_what_else_an_entry_holds_is_searched():
    odd = {
        **entry("a"),
        "text": "the secret",
        "top_logprobs": [{"token": "b", "top_logprobs": [{"token": "secret"}]}],
    }
    watch = Watch(policy(*deny("secret")), request())

    sent = watch.feed([chunk({"content": "a"}, reason="stop", logprobs={"content": [odd]})])

    assert "secret" not in str(sent)


def test_entries_without_text_wait_no_longer_than_a_bound():
    batches = [[entry("sec")], *([entry("")] for _ in range(500)), [entry("ond")]]
    watch = Watch(policy(*deny("secret")), request())
    for batch in batches:
        watch.feed([chunk({"content": ""}, logprobs={"content": batch})])

    (lane,) = watch._choices[0]._token_lanes.values()
    assert len(lane._waiting) <= 64 + len("secret")


def test_ways_without_end_are_given_up_with_what_they_run_through():
    compiled = policy(
        *deny(*("k" * 40 + letter for letter in "abc"), *(f"k{n}-{'k' * 30}" for n in range(80)))
    )
    crowd = entry("k", *(f"k{n}-" for n in range(80)))

    assert left(compiled, [entry("a"), crowd, entry("b")], text=False) == ["a", "b"]


def test_a_cut_in_the_words_ends_their_log_probabilities_too():
    compiled = policy(*deny("secret", action="cut"))
    entries = [entry("a "), entry("sec"), entry("ret"), entry(" b")]

    assert left(compiled, entries) == ["a "]
    assert left(compiled, *([each] for each in entries)) == ["a "]


def test_after_a_cut_in_one_channel_no_other_channels_log_probabilities_leave():
    message = {"reasoning": "secret", "content": "well"}
    compiled = policy(*deny("secret", action="cut"))

    sent = Watch(compiled, request()).feed([whole(message, logprobs={"content": [entry("well")]})])

    assert not sent[0]["choices"][0]["logprobs"]["content"]


def test_findings_say_where_the_tokens_stand():
    watch = Watch(policy(*deny("secret", action="cut")), request())

    watch.feed(
        [
            chunk(
                {"content": "hm"},
                reason="stop",
                logprobs={"content": [entry("hm", "x"), entry("y", "secret")]},
            )
        ]
    )

    assert [(verdict.channel, verdict.position, verdict.action) for verdict in watch.verdicts] == [
        ("logprobs.content", 2, "redact")
    ]


tokens = st.lists(st.text("xyz", max_size=3), max_size=12)
rule_texts = st.lists(st.text("xyz", min_size=1, max_size=6), min_size=1, max_size=4, unique=True)


def hidden_by(rules: list[str], written: list[str]) -> list[bool]:
    """Return, for each token, whether it has a character of a rule."""
    places = [number for number, token in enumerate(written) for _ in token]
    text = "".join(written)
    spelled = [
        places[at : at + len(rule)] for rule in rules for at in range(len(text)) if text.startswith(rule, at)
    ]
    return [any(way[0] <= number <= way[-1] for way in spelled) for number in range(len(written))]


@given(tokens, rule_texts, st.randoms(use_true_random=False))
def test_exactly_the_tokens_of_rules_stay_behind_however_they_come(
    written: list[str], rules: list[str], rng: random.Random
):
    entries = [entry(token) for token in written]
    batches: list[list[Entry]] = [[]]
    for each in entries:
        batches[-1].append(each)
        if rng.random() < 0.4:
            batches.append([])

    expected = [token for token, hidden in zip(written, hidden_by(rules, written), strict=True) if not hidden]
    assert left(policy(*deny(*rules)), *batches) == expected


@given(st.lists(st.lists(st.text("xyz", max_size=2), min_size=1, max_size=3), max_size=6), rule_texts)
def test_no_way_through_what_leaves_spells_a_rule(rows: list[list[str]], rules: list[str]):
    watch = Watch(policy(*deny(*rules)), request())
    entries = [{**entry(*row), "logprob": number} for number, row in enumerate(rows)]

    sent = watch.feed([chunk({"content": ""}, reason="stop", logprobs={"content": entries})])

    stayed = {each["logprob"] for each in sent[0]["choices"][0]["logprobs"]["content"]}
    for first in range(len(rows)):
        ways = {""}
        for number in range(first, len(rows)):
            if number not in stayed:
                break
            ways = {way + token for way in ways for token in rows[number]}
            assert not any(rule in way for rule in rules for way in ways)
