"""A long answer that is watched in turns with others: the same leaves and is found, and nobody waits long."""

import asyncio
import copy
import json
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_answers import chunk, deny, policy, request, whole

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import ResponseFormat
from guardian_cluster.watcher.harmless import HarmlessTexts
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.sliced_watch import SlicedWatch
from guardian_cluster.watcher.watch import Watch

KEY = "AKIA" + "QZ3TN7WKPL5XRB2M"
WORDS = [
    "krypton",
    "kr",
    "ypton ",
    "secret",
    " ",
    "the ",
    "\n",
    "\\",
    '\\"',
    "\\u006b",
    "sk-",
    KEY,
    KEY[:9],
    "é",
    "a" * 40,
]
RULES = [
    policy(*deny("krypton", action="redact")),
    policy(*deny("krypton", action="redact"), *deny("secret", action="cut")),
    policy(*deny("krypton", action="retry"), *deny("yptonkr", action="observe")),
    policy(*deny("krypton", action="redact"), unknown_fields="drop"),
    policy(),
    CompiledPolicy(WatchPolicy(personal={"email": "redact", "phone": "cut"})),
    policy(on_secret="redact"),
]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


class StillClock:
    """A clock that stands: slices grow to the most that is allowed."""

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0


class Writer:
    """Writes answers of any shape, by chance."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def text(self) -> str:
        return "".join(self._rng.choices(WORDS, k=self._rng.randint(0, 9)))

    def spoken(self) -> str | None:
        written = json.dumps({"a": self.text()}) + self._rng.choice(["", "}", " "])
        return self._rng.choice([self.text(), written, None])

    def unknown(self, deep: int = 2) -> Any:
        if not deep or self._rng.random() < 0.4:
            return self.text()
        inner = [self.unknown(deep - 1) for _ in range(self._rng.randint(0, 2))]
        return self._rng.choice([inner, {self.text(): each for each in inner}])

    def some(self, **fields: Callable[[], Any]) -> dict[str, Any]:
        """Return an object with some of the fields, in any order."""
        names = self._rng.sample(sorted(fields), self._rng.randint(0, len(fields)))
        return {name: fields[name]() for name in names}

    def several(self, what: Callable[[], Any], most: int = 3) -> list[Any]:
        return [what() for _ in range(self._rng.randint(0, most))]

    def call(self) -> dict[str, Any]:
        name = partial(self._rng.choice, ["f", "g", "krypton"])
        return self.some(
            index=partial(self._rng.randint, 0, 2),
            id=lambda: "c1",
            function=lambda: self.some(name=name, arguments=self.text, more=self.text),
            custom=lambda: self.some(name=name, input=self.text),
        )

    def piece(self) -> dict[str, Any]:
        kind = partial(self._rng.choice, ["text", "image_url"])
        return self.some(type=kind, text=self.text, other=self.unknown)

    def part(self) -> dict[str, Any]:
        return self.some(
            role=lambda: "assistant",
            content=lambda: self._rng.choice([self.spoken(), self.several(self.piece)]),
            reasoning=self.spoken,
            reasoning_content=lambda: self._rng.choice([self.spoken(), self.several(self.piece)]),
            refusal=self.spoken,
            tool_calls=lambda: self.several(self.call),
            function_call=lambda: self.some(name=lambda: "f", arguments=self.text),
            audio=lambda: self.some(transcript=self.text, data=self.text, id=self.text),
            odd=self.unknown,
        )

    def entries(self) -> list[dict[str, Any]]:
        return self.several(lambda: {"token": self._rng.choice(WORDS), "logprob": -1.0}, most=9)

    def choice(self) -> dict[str, Any]:
        return {"index": self._rng.randint(0, 2)} | self.some(
            **{self._rng.choice(["message", "delta"]): self.part},
            finish_reason=lambda: self._rng.choice(["stop", None]),
            logprobs=lambda: self.some(content=self.entries, refusal=self.entries, odd=self.unknown),
            odd=self.unknown,
        )

    def answer(self) -> list[dict[str, Any]]:
        return self.several(
            lambda: self.some(id=lambda: "kt", choices=lambda: self.several(self.choice), odd=self.unknown)
        )


def in_turns(watch: SlicedWatch, batch: list[Any], *, most: int) -> list[Any]:
    watch._most = most  # pyright: ignore[reportPrivateUsage]
    return asyncio.run(watch.feed_in_turns(batch, StillClock()))


def fresh(rules: CompiledPolicy) -> CompiledPolicy:
    """Return rules that remember nothing: what is known to be harmless is not read, unless it counts as long here."""
    rules.harmless, rules.harmless_bytes = HarmlessTexts(), HarmlessTexts()
    return rules


def outcome(watch: Watch) -> Any:
    report = watch.finish(may_retry=True)
    found = sorted(
        json.dumps([each.detector, each.rule, each.action, each.channel, each.choice, each.position])
        for each in report.verdicts
    )
    return (
        found,
        report.tripped,
        report.characters,
        watch.finish_reason,
        watch.retry_wanted,
        watch.done,
        watch.complete,
        watch.said_something,
    )


@settings(max_examples=400, deadline=None)
@given(
    rng=st.randoms(use_true_random=True),
    rules=st.sampled_from(RULES),
    most=st.integers(1, 60),
    as_json=st.booleans(),
)
def test_what_is_watched_in_turns_leaves_as_what_is_watched_at_once(
    rng: random.Random, rules: CompiledPolicy, most: int, as_json: bool
):
    answer = Writer(rng).answer()
    fields: dict[str, Any] = {"response_format": ResponseFormat(type="json_object")} if as_json else {}
    at_once = Watch(fresh(rules), request(tools=TOOLS, **fields))
    expected = [at_once.feed([copy.deepcopy(each)]) for each in answer]
    by_turns = SlicedWatch(fresh(rules), request(tools=TOOLS, **fields))

    released = [in_turns(by_turns, [copy.deepcopy(each)], most=most) for each in answer]

    assert released == expected
    assert outcome(by_turns) == outcome(at_once)


class StepClock:
    """A clock on which each look takes longer than a turn."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        self._now += 0.001
        return self._now


@pytest.mark.parametrize(
    "message",
    [
        {"content": "word " * 4_000},
        {"content": [{"type": "text", "text": "word " * 4_000}]},
        {"tool_calls": [{"function": {"name": "f", "arguments": "word " * 4_000}}]},
        {"audio": {"transcript": "", "data": "abcd" * 5_000}},
        {"content": "hi", "images": [{"url": "abcd" * 5_000}]},
    ],
    ids=["content", "parts", "arguments", "audio", "unknown"],
)
async def test_others_run_while_a_long_answer_is_watched(message: dict[str, Any]):
    watch = SlicedWatch(policy(*deny("krypton"), on_secret="redact"), request())
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    released = await watch.feed_in_turns([whole(copy.deepcopy(message))], StepClock())
    counting.cancel()

    assert released == [whole(message)]
    assert turns > 20_000 / 512


async def test_others_run_while_log_probabilities_are_watched():
    entries = [{"token": "word ", "logprob": -1.0} for _ in range(400)]
    watch = SlicedWatch(policy(*deny("krypton")), request())
    turns: list[int] = []
    looping = asyncio.get_running_loop()
    looping.call_soon(partial(_again, looping, turns))

    await watch.feed_in_turns([whole({"content": "hi"}, logprobs={"content": entries})], StepClock())

    assert len(turns) >= 100


def _again(looping: asyncio.AbstractEventLoop, turns: list[int]) -> None:
    turns.append(1)
    if len(turns) < 200:
        looping.call_soon(partial(_again, looping, turns))


async def test_a_form_that_breaks_behind_the_first_slice_of_a_whole_answer_is_still_retried():
    rules = policy(*deny("krypton"), on_schema_violation="retry")
    watch = SlicedWatch(rules, request(response_format=ResponseFormat(type="json_object")))
    broken = json.dumps({"a": "word " * 1_000}) + " and no JSON"

    await watch.feed_in_turns([whole({"content": broken})], StepClock())

    assert watch.retry_wanted


async def test_what_stands_across_two_slices_is_redacted():
    text = "x" * 255 + "krypton " * 200
    watch = SlicedWatch(policy(*deny("krypton")), request())

    (released,) = await watch.feed_in_turns([whole({"content": text})], StepClock())

    said = released["choices"][0]["message"]["content"]
    assert said == "x" * 255 + "[redacted:redact-0] " * 200


async def test_what_one_chunk_leaves_open_is_closed_by_the_next_however_each_is_watched():
    watch = SlicedWatch(policy(*deny("krypton")), request())

    first = await watch.feed_in_turns([chunk({"content": "a" * 2_000 + "kryp", "odd": "kryp"})], StepClock())
    second = watch.feed([chunk({"content": "ton", "odd": "ton"}, reason="stop")])

    said = [each["choices"][0]["delta"]["content"] for each in (*first, *second)]
    assert said == ["a" * 2_000, "[redacted:redact-0]"]
    assert all("odd" not in each["choices"][0]["delta"] for each in (*first, *second))
