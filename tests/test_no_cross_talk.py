"""Ten thousand requests through one gateway, many at once: each gets its own answer and no other's."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.simulation import (
    Echoes,
    ModelServer,
    Pace,
    Reset,
    Status,
    StreamError,
    sometimes,
)

REQUESTS = 10_000
CONCURRENT = 200
SPECIALISTS = ("red", "green", "blue")
# Markers are cut into several chunks and begin like this rule: gates hold parts of one while others pass.
RULES = WatchPolicy(deny=(DenyRule(name="secret", text="marker-secret"),))
PACE = Pace(characters_per_chunk=16)


@dataclass(frozen=True)
class Asked:
    """One request: whom it asks, in which form, and what only its own answer says."""

    number: int
    specialist: str
    streamed: bool

    @property
    def marker(self) -> str:
        return f"marker-{self.number:05d}-{self.specialist}"

    @property
    def expected(self) -> str:
        return f"{self.specialist} says: {self.marker}."

    @property
    def body(self) -> bytes:
        messages = [{"role": "user", "content": self.marker}]
        return msgspec.json.encode({"model": self.specialist, "messages": messages, "stream": self.streamed})


def requests(rng: random.Random) -> list[Asked]:
    return [Asked(number, rng.choice(SPECIALISTS), rng.random() < 0.5) for number in range(REQUESTS)]


@asynccontextmanager
async def gateway(rng: random.Random) -> AsyncGenerator[RunningGateway, None]:
    """Run three specialists of two endpoints, the first of which fails in a tenth of its requests."""
    faults = (Status(503), Reset("request"), StreamError("headers"))
    async with AsyncExitStack() as exits:
        named = []
        for name, fault in zip(SPECIALISTS, faults, strict=True):
            says = Echoes(before=f"{name} says: ", after=".")
            servers = [
                await exits.enter_async_context(
                    ModelServer(says, faults=failing, pace=PACE, keeps_requests=False)
                )
                for failing in (sometimes(fault, 0.1, rng), None)
            ]
            named.append(specialist(name, *(server.url for server in servers)))
        yield await exits.enter_async_context(running_gateway(base(*named, watch=RULES)))


async def answer(session: aiohttp.ClientSession, url: str, asked: Asked) -> tuple[str, str]:
    """Return what is said and the request's id; an answer that is not complete is returned as it came."""
    headers = {"content-type": "application/json"}
    async with session.post(url, data=asked.body, headers=headers) as response:
        body = await response.read()
        request_id = response.headers["x-request-id"]
    if response.status != 200:
        return body.decode(), request_id
    return (streamed_words(body) if asked.streamed else whole_words(body)), request_id


def whole_words(body: bytes) -> str:
    return msgspec.json.decode(body)["choices"][0]["message"]["content"]


def streamed_words(body: bytes) -> str:
    *events, done, rest = body.split(b"\n\n")
    if done != b"data: [DONE]" or rest:
        return f"no end: {body.decode()}"
    deltas = [msgspec.json.decode(event.removeprefix(b"data: "))["choices"][0]["delta"] for event in events]
    return "".join(delta.get("content") or "" for delta in deltas)


async def ask_all(url: str, all_asked: list[Asked]) -> dict[Asked, tuple[str, str]]:
    """Put every request to the gateway, many at a time, over connections that have served others."""
    waiting = iter(all_asked)
    answers: dict[Asked, tuple[str, str]] = {}
    connector = aiohttp.TCPConnector(limit=CONCURRENT)

    async def keep_asking(session: aiohttp.ClientSession) -> None:
        for asked in waiting:
            answers[asked] = await answer(session, url, asked)

    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
        for _ in range(CONCURRENT):
            tasks.create_task(keep_asking(session))
    return answers


async def test_every_answer_is_the_answer_to_its_own_request():
    rng = random.Random(11)
    all_asked = requests(rng)

    async with gateway(rng) as serving:
        answers = await ask_all(f"{serving.url}/chat/completions", all_asked)
        records: dict[str, Any] = {record.id: record for record in serving.collected.requests}

    wrong = {asked: said for asked, (said, _) in answers.items() if said != asked.expected}
    assert wrong == {}
    assert Counter(record.outcome for record in records.values()) == {"ok": REQUESTS}
    mixed_up = [
        asked for asked, (_, id) in answers.items() if records[id].requested_model != asked.specialist
    ]
    assert mixed_up == []
    assert sum(len(record.attempts) > 1 for record in records.values()) > REQUESTS / 100
