"""Which requests are kept with their words, and how much of them."""

import random
from typing import Any

import msgspec
import pytest
from harness import Collected

from guardian_cluster.contract.records import Payload
from guardian_cluster.contract.snapshot import DenyRule, RecordPolicy, WatchPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.domain.verdict import Action
from guardian_cluster.request.bodies import MAX_KEPT_BYTES, MAX_REPORT_BYTES, MAX_REQUEST_BYTES, BodyPolicy
from guardian_cluster.watcher.redaction import MAX_REDACTIONS, Redaction
from guardian_cluster.watcher.scanner import RuleSet


class Counting(Redaction):
    """Counts the documents that it redacts."""

    documents = 0

    def of_json(self, document: str) -> str:
        self.documents += 1
        return super().of_json(document)


def asked(content: str, *, encoded: bool = False) -> UserRequest:
    messages: Any = [{"role": "user", "content": content}]
    request = UserRequest(body={"model": "m", "messages": messages})
    body = {"model": "m", "messages": msgspec.Raw(msgspec.json.encode(messages))}
    return UserRequest(body=body, view=request.view) if encoded else request


def kept(
    request: UserRequest, *said: str, deny: str = "secret", action: Action = "redact"
) -> tuple[Payload, int]:
    """Keep a request and its answer; return the report, and how many documents were redacted."""
    policy = WatchPolicy(deny=(DenyRule(name="house", text=deny, action=action),))
    redaction, sink = Counting(RuleSet.of(policy)), Collected()
    body = BodyPolicy(RecordPolicy(bodies="all"), random.Random(1)).begin(request, redaction)
    assert body is not None
    for piece in said:
        body.take([{"choices": [{"index": 0, "delta": {"content": piece}}]}])
    body.report(sink, SystemClock())
    (payload,) = sink.reports
    assert isinstance(payload, Payload)
    return payload, redaction.documents


@pytest.mark.parametrize("encoded", [False, True])
def test_a_request_is_kept_redacted(encoded: bool):
    payload, _ = kept(asked("my secret", encoded=encoded), "the answer")

    assert msgspec.json.decode(payload.request_body)["messages"][0]["content"] == "my [redacted:house]"
    assert payload.response_text == "the answer"


@pytest.mark.parametrize("encoded", [False, True])
def test_a_request_too_large_is_dropped_before_it_is_redacted(encoded: bool):
    payload, redacted = kept(asked("x" * MAX_REQUEST_BYTES, encoded=encoded), "the answer")

    assert (payload.request_body, payload.response_text, redacted) == (b"", "the answer", 0)


def test_a_request_that_redaction_makes_too_large_is_dropped():
    payload, redacted = kept(asked("~" * (MAX_REQUEST_BYTES // 2)), "the answer", deny="~")

    assert (payload.request_body, payload.response_text, redacted) == (b"", "the answer", 1)


def test_the_longest_of_answers_leaves_the_report_within_its_limit():
    payload, _ = kept(asked("x" * (MAX_REQUEST_BYTES - 1_000)), "y" * 1_000_000)

    assert payload.request_body
    assert len(payload.request_body) + len(payload.response_text) <= MAX_REPORT_BYTES


@pytest.mark.parametrize("pieces", [["it is sec", "ret!"], ["it is secret!"]])
def test_an_answer_is_kept_without_what_a_rule_only_observes(pieces: list[str]):
    payload, _ = kept(asked("hello"), *pieces, action="observe")

    assert payload.response_text == "it is [redacted:house]!"


def test_an_answer_that_is_cut_off_does_not_end_in_half_a_rules_text():
    payload, _ = kept(asked("hello"), "y" * (MAX_KEPT_BYTES - 3) + "secret", action="observe")

    assert payload.response_text == "y" * (MAX_KEPT_BYTES - 3)


def test_an_answer_of_nothing_but_rules_texts_is_cut_off_before_it_takes_long():
    payload, _ = kept(asked("hello"), "secret" * 50_000, action="observe")

    found = payload.response_text.count("[redacted:house]")
    assert MAX_REDACTIONS <= found < MAX_REDACTIONS + 100
    assert "secret" not in payload.response_text


def test_an_answer_in_a_script_of_long_characters_leaves_the_report_within_its_limit():
    payload, _ = kept(asked("hello"), "水" * 1_000_000)

    assert len(payload.response_text.encode()) == MAX_KEPT_BYTES
