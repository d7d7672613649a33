"""What the unchanged openai client sees of a fault, put as docs/failures.md puts it."""

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import Timeouts, WatchPolicy
from guardian_cluster.simulation import (
    NAMED_FAULTS,
    UNRESOLVED_URL,
    Answer,
    Fault,
    GarbleHandshake,
    Giant,
    ModelServer,
    Pace,
    Reset,
    Script,
    Status,
    ToolCall,
)
from guardian_cluster.simulation.continuing import Continues, Manner
from guardian_cluster.simulation.long_answers import LongAnswer, Piece

PAGE = Path(__file__).parents[2] / "docs/failures.md"

TEXT = (
    "The night train leaves Alma at nine. It calls at Brink and at Corvo, crosses the border before midnight, "
    "and reaches Dunmore at six in the morning."
)
GOES_ON = Continues(LongAnswer("train", "prose", (Piece((TEXT,)),)), Manner("anchor"))
"""Says the text; asked to go on with it, says its last words again as it was asked to, and then the rest."""

PACE = Pace(0.01)
TIMEOUTS = Timeouts(connect_s=1.0, first_token_s=1.0, between_chunks_s=1.0, total_s=3.0)
MOST_ANSWER_BYTES = 100_000
DNS = "dns-failure"
LASTING = {"server-error-burst": Status(503), "flapping": Status(503), "giant": Giant(400_000)}
"""Faults that come and go, as they are while they last; and one that is no larger than it needs to be."""


@dataclass(frozen=True)
class Bound:
    """A stream that nobody goes on with once it has begun."""

    said: Script | Answer
    fault: Fault = field(default_factory=lambda: Reset(4))
    asked: dict[str, Any] = field(default_factory=dict[str, Any])
    specialist: dict[str, Any] = field(default_factory=dict[str, Any])


_CODE = (
    "This is how:\n```python\nprint('Alma')\nprint('Brink')\nprint('Corvo')\n```\nThat is all there is to it."
)
_JSON = '{"stations": ["Alma", "Brink", "Corvo", "Dunmore", "Elster", "Fjordby", "Gresham", "Holm"]}'
_TOOL = {"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}

BOUND = {
    "a tool call": Bound(Answer(tool_calls=(ToolCall("book", _JSON),)), asked={"tools": [_TOOL]}),
    "JSON (`response_format`)": Bound(Answer(text=_JSON), asked={"response_format": {"type": "json_object"}}),
    "log probabilities": Bound(Answer(text=TEXT), asked={"logprobs": True}),
    "several choices (`n`)": Bound(Answer(text=TEXT), asked={"n": 2}),
    "reasoning": Bound(Answer(text=TEXT, reasoning="Let me think about trains.")),
    "within a code fence": Bound(Answer(text=_CODE), fault=Reset(6)),
    '`continuation = "off"`': Bound(Answer(text=TEXT), specialist={"continuation": "off"}),
}
"""By what stands in the page's third table."""

MOST_ROUNDS = 10
"""Of two requests, until the struck endpoint has been asked."""


def faults() -> dict[str, Fault | None]:
    """Return each fault that has a name, as it is while it lasts; `None` stands for a name that leads nowhere."""
    lasting = {name: LASTING.get(name, fault) for name, fault in NAMED_FAULTS.items()}
    return {**{name: fault for name, fault in lasting.items() if isinstance(fault, Fault)}, DNS: None}


def tables() -> list[dict[str, list[str]]]:
    """Return the tables of the page: the cells of each row, by what stands in its first one."""
    blocks = re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE)
    rows = [[_cells(line) for line in block.splitlines()[2:]] for block in blocks]
    return [{_name(row[0]): row[1:] for row in table} for table in rows]


def _name(cell: str) -> str:
    """Return the name of a fault without its quotes; other cells as they are."""
    return cell.strip("`") if cell.count("`") == 2 and cell.strip("`") in NAMED_FAULTS | {DNS: None} else cell


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


@asynccontextmanager
async def struck(
    fault: Fault | None, *, equal: bool, said: Script | Answer | None = None, **facts: Any
) -> AsyncGenerator["Struck"]:
    """Run a gateway whose specialist has an endpoint with this fault, and perhaps an equal one that is well."""
    script = said or GOES_ON
    async with ModelServer(script, pace=PACE) as faulty, ModelServer(script, pace=PACE) as healthy:
        if fault is not None:
            faulty.fault = fault
        url = {None: UNRESOLVED_URL}.get(fault, faulty.url)
        if isinstance(fault, GarbleHandshake):
            url = url.replace("http:", "https:")
        smart = specialist("smart", url, *([healthy.url] if equal else []), timeouts=TIMEOUTS, **facts)
        serving = base(smart, max_answer_bytes=MOST_ANSWER_BYTES, watch=WatchPolicy(on_repetition="retry"))
        async with running_gateway(serving) as gateway:
            yield Struck(gateway, faulty)


class Struck:
    """A gateway of which an endpoint has a fault, and a client of it."""

    def __init__(self, gateway: RunningGateway, faulty: ModelServer) -> None:
        self.gateway = gateway
        self.faulty = faulty
        self._numbers = itertools.count()

    async def view(self, **asked: Any) -> str:
        """Ask until the endpoint with the fault was met, and return what the client saw of that request.

        Two at a time: of two endpoints each is then asked once, whatever is thought of them.
        """
        async with openai.AsyncOpenAI(
            base_url=self.gateway.url, api_key="key", max_retries=0, timeout=10.0
        ) as client:
            for _ in range(MOST_ROUNDS):
                for seen in await asyncio.gather(*(_seen(client, next(self._numbers), asked) for _ in "12")):
                    record = await self._record(seen.request_id)
                    if any(attempt.endpoint == "smart/1" for attempt in record.attempts):
                        is_continued = any(attempt.continues_at is not None for attempt in record.attempts)
                        is_answer = seen.told.startswith("the answer")
                        return f"{seen.told}, continued" if is_continued and is_answer else seen.told
        raise AssertionError(f"the endpoint with the fault was never asked; last seen: {seen.told}")

    async def _record(self, request_id: str) -> RequestRecord:
        """Return the record of a request, once it is there."""
        for number in itertools.count():
            record = await self.gateway.collected.request(number)
            if record.id == request_id:
                return record
        raise AssertionError


@dataclass(frozen=True)
class Seen:
    """What a client saw, as the page puts it, and of which request."""

    told: str
    request_id: str


async def _seen(client: openai.AsyncOpenAI, number: int, asked: Mapping[str, Any]) -> Seen:
    """Ask once."""
    messages = [{"role": "user", "content": f"{number}: when does the train reach Dunmore?"}]
    body = {"model": "smart", "messages": messages, **asked}
    try:
        raw = await client.chat.completions.with_raw_response.create(**body)
    except openai.APIStatusError as error:
        told = f"`{type(error).__name__}` {error.status_code} `{error.code}`"
        return Seen(told, error.response.headers["x-request-id"])
    heard, broken = Heard(), None
    request_id = raw.headers["x-request-id"]
    try:
        await heard.hear(raw.parse(), streamed=bool(asked.get("stream")))
    except openai.APIError as error:
        broken = error
    if broken is None:
        return Seen(heard.judged(), request_id)
    assert heard.text or heard.before or heard.arguments, "an error inside of a stream follows words"
    assert request_id in broken.message
    return Seen(f"words, then `{type(broken).__name__}` `{broken.code}`", request_id)


class Heard:
    """The words and the end of an answer."""

    def __init__(self) -> None:
        self.text = ""
        self.before = ""  # what it thought
        self.arguments = ""
        self.finish_reason: str | None = None
        self.ids: set[str] = set()

    async def hear(self, answer: Any, *, streamed: bool) -> None:
        """Take an answer in, as a stream or whole."""
        if not streamed:
            self._take(answer.id, answer.choices[0], answer.choices[0].message)
            return
        async for chunk in answer:
            for choice in chunk.choices:
                self._take(chunk.id, choice, choice.delta)

    def _take(self, answer_id: str, choice: Any, part: Any) -> None:
        self.ids.add(answer_id)
        self.finish_reason = choice.finish_reason or self.finish_reason
        self.text += part.content or ""
        self.before += (part.model_extra or {}).get("reasoning_content") or ""
        self.arguments += "".join(call.function.arguments or "" for call in part.tool_calls or ())

    def judged(self) -> str:
        """Say what a client that was told of no error has."""
        assert len(self.ids) == 1
        if self.text == TEXT and self.finish_reason == "stop":
            return "the answer"
        if self.text.startswith(TEXT):
            return f"the answer and more, `{self.finish_reason}`"
        return f"{len(self.text)} characters, `{self.finish_reason}`"
