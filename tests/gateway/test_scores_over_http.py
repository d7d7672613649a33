"""What a caller sees of its answer's scores."""

from typing import Any

from gateway_client import chat
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.snapshot import Base, DetectorThreshold, Overlay, Snapshot
from guardian_cluster.gateway.app import Service
from guardian_cluster.gateway.auth import Keyring
from guardian_cluster.simulation import ModelServer

DOCUMENT = "The bridge in Porto was opened in 1886. It is 385 metres long and spans the Douro."
INVENTED = "A tower of Gustave Eiffel fell in Lyon in 1901."
ASKED: list[dict[str, Any]] = [
    {"role": "tool", "tool_call_id": "c1", "content": DOCUMENT},
    {"role": "user", "content": "When was it opened?"},
]


def report_from(gateway: RunningGateway, serving: Base, value: float) -> None:
    """Serve the same with a threshold for what has no ground."""
    learned = DetectorThreshold(detector="ungrounded", specialist="smart", tenant="default", value=value)
    snapshot = Snapshot(rev=2, base=serving, overlay=Overlay(thresholds=(learned,)))
    gateway.cluster.apply(snapshot)
    gateway.gateway.serve(
        Service(snapshot=snapshot, workflow=gateway.cluster.workflow, keyring=Keyring(serving))
    )


async def test_a_score_is_recorded_and_a_threshold_makes_it_a_verdict():
    async with ModelServer(INVENTED) as server:
        serving = base(specialist("smart", server.url))
        async with running_gateway(serving) as gateway:
            before = await chat(gateway, messages=ASKED)
            report_from(gateway, serving, 0.5)
            after = await chat(gateway, messages=ASKED)
            first, second = await gateway.collected.request(0), await gateway.collected.request(1)

    assert before.headers["x-guardian-verdict"] == "ok"
    assert after.headers["x-guardian-verdict"] == "score:observe=1"
    assert before.text == after.text == INVENTED
    assert first.scores == second.scores
    assert "ungrounded" in {score.detector for score in first.scores}


async def test_documents_of_an_earlier_request_of_the_conversation_count():
    async with ModelServer("It is 385 metres long and spans the Douro.") as server:
        async with running_gateway(base(specialist("smart", server.url))) as gateway:
            first = [{"role": "user", "content": f"Sources:\n[1] {DOCUMENT}\n\nWhat is it?"}]
            await chat(gateway, {"x-session-id": "s"}, messages=first)
            again = [{"role": "user", "content": "How long is it?"}]
            await chat(gateway, {"x-session-id": "s"}, messages=again)
            record = await gateway.collected.request(1)

    assert record.context is not None
    assert record.context.history > 0
    assert {score.detector: score.value for score in record.scores}["ungrounded"] < 0.1
