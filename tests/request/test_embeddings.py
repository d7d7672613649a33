"""What becomes of embeddings on their way: passed on as they are, retried elsewhere, counted."""

from typing import Any

import msgspec
import pytest
from clusters import running_cluster
from harness import base, specialist

from guardian_cluster.domain.request import EmbeddingsRequest, UserRequest
from guardian_cluster.simulation import ModelServer, Raw
from guardian_cluster.specialists.specialist import Chunk

NUMBERS = '[{"index": 0, "embedding": [0.10, 1.0e-3]}]'


def answering(body: str) -> Raw:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return Raw(f"{head}\r\nconnection: close\r\n\r\n{body}".encode())


async def test_embeddings_are_passed_on_letter_by_letter():
    answer = answering(f'{{"object": "list", "data": {NUMBERS}, "model": "theirs"}}')
    body: Any = {"model": "smart", "input": msgspec.Raw(b'["a"]')}
    view = EmbeddingsRequest(model="smart", input=["a"])
    async with ModelServer(faults=answer) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            asked = running.cluster.workflow.open(UserRequest(body=body, view=view, operation="embeddings"))
            chunks: list[Chunk] = []

            async def keep(batch: list[Chunk]) -> None:
                chunks.extend(batch)

            await asked.run(keep)

    assert msgspec.json.encode(chunks[0]).decode() == f'{{"object":"list","data":{NUMBERS},"model":"smart"}}'
    assert asked.work is not None
    assert asked.work.ended
    assert asked.record is not None
    assert asked.record.tokens_estimated


@pytest.mark.parametrize("body", ["{}", '{"data": null}', '{"choices": [{"message": {"content": "hi"}}]}'])
async def test_an_answer_without_embeddings_is_asked_for_elsewhere(body: str):
    async with ModelServer(faults=answering(body)) as faulty, ModelServer() as healthy:
        smart = specialist("smart", faulty.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", healthy.url))) as running:
            asked: Any = {"model": "smart", "input": ["a"]}
            response = await running.cluster.process_request(UserRequest(body=asked, operation="embeddings"))

    assert response.record.attempts[0].error == "upstream_malformed"
    assert response.record.endpoint == "backup/1"
    assert len(response.answer["data"]) == 1
