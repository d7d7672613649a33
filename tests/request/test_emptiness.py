"""What is done about an empty choice: another answer is asked for only when all choices are empty."""

import json

import pytest
from clusters import TEXT, Seen, running_cluster
from harness import base, specialist

from guardian_cluster.simulation import ModelServer, Raw


def saying(*texts: str, streamed: bool) -> Raw:
    part = "delta" if streamed else "message"
    choices = [
        {"index": index, part: {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for index, text in enumerate(texts)
    ]
    body = json.dumps({"id": "1", "choices": choices})
    kind = "text/event-stream" if streamed else "application/json"
    body = f"data: {body}\n\ndata: [DONE]\n\n" if streamed else body
    return Raw(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}".encode())


async def asked_for_three(*texts: str, stream: bool) -> Seen:
    async with ModelServer(faults=saying(*texts, streamed=stream)) as server, ModelServer(TEXT) as healthy:
        smart = specialist("smart", server.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", healthy.url))) as running:
            return await running.ask(stream=stream, n=3)


@pytest.mark.parametrize("stream", [False, True])
async def test_one_empty_choice_among_others_is_observed(stream: bool):
    seen = await asked_for_three("one", "", "three", stream=stream)

    assert seen.outcomes == [("smart/1", "ok", None)]
    found = [(verdict.rule, verdict.action, verdict.choice) for verdict in seen.record.verdicts]
    assert found == [("empty", "observe", 1)]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_of_which_all_choices_are_empty_is_asked_for_elsewhere(stream: bool):
    seen = await asked_for_three("", "", "", stream=stream)

    assert seen.outcomes == [("smart/1", "failed", "upstream_empty"), ("backup/1", "ok", None)]
