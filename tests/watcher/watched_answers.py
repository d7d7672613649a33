"""Answers for the watcher's tests: made, cut to chunks and read again by code that shares nothing with the
watcher.

A script says what a model writes: for each choice, pieces of text in channels, in their order. It is told as
a stream of chunks, cut anywhere, or as one whole answer; what leaves the watcher is read as a client reads
it, and compared with what an oracle says must be left of it, which knows the whole text and looks for rules
at every position.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.domain.request import ChatRequest, Message
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch

Channel = tuple[Any, ...]
"""`("content",)`, `("tool_calls", 3, "function", "arguments")`, `("audio", "transcript")`, ..."""

Said = list[tuple[Channel, str]]
"""What one choice says, in order."""

Read = dict[tuple[int, Channel], str]
"""What a client has read, by choice and channel."""


def deny(*texts: str, action: str = "redact") -> tuple[DenyRule, ...]:
    return tuple(DenyRule(name=f"{action}-{n}", text=text, action=action) for n, text in enumerate(texts))  # type: ignore[arg-type]


def policy(*rules: DenyRule, **fields: Any) -> CompiledPolicy:
    """Compile a policy of exact texts; secrets, refusals and tools are not looked at unless that is asked for."""
    ignored = {"on_secret": "ignore", "on_refusal": "ignore", "on_tool_call": "ignore"}
    return CompiledPolicy(WatchPolicy(deny=rules, **{**ignored, **fields}))


def request(**fields: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=[Message(role="user", content="hi")], **fields)


def chunk(delta: Any, *, index: int = 0, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": reason, **fields}
    return {"id": "kt", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def whole(message: dict[str, Any], *, reason: str | None = "stop", **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": reason, **fields}
    return {"id": "kt", "object": "chat.completion", "model": "m", "choices": [choice]}


# --- how a script is told -------------------------------------------------------------------------


@dataclass
class Teller:
    """Tells a script as chunks, cut and mixed at random."""

    rng: random.Random
    longest: int = 8

    def stream(self, script: dict[int, Said]) -> list[dict[str, Any]]:
        """Return chunks: each choice's pieces in order, several pieces to a delta and several choices to a
        chunk."""
        waiting = {index: self._deltas(said) for index, said in script.items()}
        chunks: list[dict[str, Any]] = []
        while waiting:
            chosen = self.rng.sample(sorted(waiting), self.rng.randint(1, len(waiting)))
            choices: list[dict[str, Any]] = []
            for index in chosen:
                delta, reason = waiting[index].pop(0)
                choices.append({"index": index, "delta": delta, "finish_reason": reason})
                if reason:
                    del waiting[index]
            chunks.append({"id": "kt", "object": "chat.completion.chunk", "model": "m", "choices": choices})
        return chunks

    def _deltas(self, said: Said) -> list[tuple[Any, str | None]]:
        pieces = [(channel, piece) for channel, text in said for piece in self.cut(text)]
        deltas: list[tuple[Any, str | None]] = [({"role": "assistant"}, None)] * self.rng.randint(0, 1)
        while pieces:
            delta: dict[str, Any] = {}
            for _ in range(self.rng.randint(1, 3)):
                if pieces and _put(delta, *pieces[0]):
                    del pieces[0]
                else:
                    break
            deltas.append((delta, None))
        if deltas and deltas[-1][0] != {"role": "assistant"} and self.rng.random() < 0.5:
            deltas[-1] = (deltas[-1][0], "stop")  # the end comes with the last words
        else:
            deltas.append((self.rng.choice([{}, None]), "stop"))
        return deltas

    def cut(self, text: str) -> Iterator[str]:
        """Cut a text; at times into single characters, at times with an empty piece."""
        longest = self.rng.choice([1, 2, self.longest, 10_000])
        at = 0
        while at < len(text):
            if self.rng.random() > 0.9:
                yield ""
            size = self.rng.randint(1, longest)
            yield text[at : at + size]
            at += size


def _put(delta: dict[str, Any], channel: Channel, text: str) -> bool:
    """Put a piece into a delta, after all that is in it; return whether the order can be told so."""
    head = channel[0]
    if head == "tool_calls":
        if delta and list(delta)[-1] != head:
            return False
        calls = delta.setdefault(head, [])
        calls.append({"index": channel[1], channel[2]: {channel[3]: text}})
        return True
    if head in delta:
        return False
    delta[head] = {channel[1]: text} if len(channel) > 1 else text
    return True


def told_whole(script: dict[int, Said]) -> dict[str, Any]:
    """Return a script as one answer."""
    choices: list[dict[str, Any]] = []
    for index, said in script.items():
        message: dict[str, Any] = {"role": "assistant"}
        calls: dict[int, dict[str, Any]] = {}
        for channel, text in said:
            if channel[0] == "tool_calls":
                message.setdefault("tool_calls", [])
                if channel[1] not in calls:
                    calls[channel[1]] = {}
                    message["tool_calls"].append(calls[channel[1]])
                fields = calls[channel[1]].setdefault(channel[2], {})
                fields[channel[3]] = fields.get(channel[3], "") + text
            elif len(channel) > 1:
                fields = message.setdefault(channel[0], {})
                fields[channel[1]] = fields.get(channel[1], "") + text
            else:
                message[channel[0]] = message.get(channel[0], "") + text
        choices.append({"index": index, "message": message, "finish_reason": "stop"})
    return {"id": "kt", "object": "chat.completion", "model": "m", "choices": choices}


# --- how an answer is read ------------------------------------------------------------------------


@dataclass
class Client:
    """Reads what leaves the watcher as OpenAI's clients do: texts are joined, tool calls found by their
    index."""

    texts: Read = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)

    def read(self, chunks: list[dict[str, Any]]) -> None:
        for each in chunks:
            for choice in each.get("choices") or ():
                index = choice["index"]
                assert index not in self.reasons, "nothing comes after the end"
                self._part(index, choice.get("message") or choice.get("delta") or {})
                if choice.get("finish_reason"):
                    self.reasons[index] = choice["finish_reason"]

    def _part(self, index: int, part: dict[str, Any]) -> None:
        for key, value in part.items():
            if key == "tool_calls":
                for number, call in enumerate(value or ()):
                    place = call.get("index", number)
                    for kind in ("function", "custom"):
                        self._fields(index, (key, place, kind), call.get(kind) or {})
            elif isinstance(value, dict):
                self._fields(index, (key,), value)
            elif isinstance(value, str) and key != "role":
                self._add(index, (key,), value)

    def _fields(self, index: int, head: Channel, fields: dict[str, Any]) -> None:
        for name, text in fields.items():
            self._add(index, (*head, name), text)

    def _add(self, index: int, channel: Channel, text: str) -> None:
        self.texts[index, channel] = self.texts.get((index, channel), "") + text


@dataclass
class Outcome:
    """What came of an answer."""

    texts: Read
    reasons: dict[int, str]
    found: set[tuple[str, str, str, int, int]]
    watch: Watch

    def said(self, *channel: Any, index: int = 0) -> str:
        return self.texts.get((index, channel), "")


def watched(compiled: CompiledPolicy, chunks: list[dict[str, Any]], **fields: Any) -> Outcome:
    """Pass chunks through a watch, one by one, and read what leaves."""
    watch, client = Watch(compiled, request(**fields)), Client()
    for each in json.loads(json.dumps(chunks)):
        client.read(watch.feed([each]))
        if watch.done:
            break
    found = {
        (verdict.rule, verdict.action, verdict.channel, verdict.choice, verdict.position)
        for verdict in watch.finish(may_retry=True).verdicts
    }
    texts = {place: text for place, text in client.texts.items() if text}
    return Outcome(texts, client.reasons, found, watch)


# --- what must be left of it ----------------------------------------------------------------------

_UNIT = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)

_HALF_ESCAPE = re.compile(r"(\\u[dD][89abAB]..)?\\(u[0-9a-fA-F]{0,3})?|\\u[dD][89abAB]..", re.DOTALL)


def is_escaped(channel: Channel) -> bool:
    return channel[-1] == "arguments"


def units_of(text: str, *, escaped: bool) -> list[tuple[str, str]]:
    """Return the characters of a text, as written and as read."""
    if not escaped:
        return [(character, character) for character in text]
    return [(unit, _read(unit)) for unit in _UNIT.findall(text)]


def _read(unit: str) -> str:
    if len(unit) == 1:
        return unit
    try:
        return json.loads(f'"{unit}"')
    except ValueError:
        return unit[1:]


def decoded(text: str, channel: Channel) -> str:
    return "".join(read for _, read in units_of(text, escaped=is_escaped(channel)))


@dataclass
class ChannelOracle:
    """What must become of one channel, told from its whole text by looking at every position."""

    channel: Channel
    text: str
    rules: tuple[DenyRule, ...]
    released: str = ""
    hits: set[tuple[str, int]] = field(default_factory=set)
    stop: DenyRule | None = None

    def __post_init__(self) -> None:
        self.units = units_of(self.text, escaped=is_escaped(self.channel))
        self.matches = sorted(self._matches(), key=lambda match: (match[0], -match[1], match[2].text))
        self.decided = self.masked = self.copied = 0

    def _views(self) -> Iterator[list[int]]:
        """Yield, for each way to read the channel, which unit each character of it belongs to."""
        yield [place for place, (_, read) in enumerate(self.units) for _ in read]
        yield [place for place, (raw, _) in enumerate(self.units) for _ in raw]

    def _texts(self) -> tuple[str, str]:
        return "".join(read for _, read in self.units), "".join(raw for raw, _ in self.units)

    def _matches(self) -> set[tuple[int, int, DenyRule]]:
        found: set[tuple[int, int, DenyRule]] = set()
        for text, places in zip(self._texts(), self._views(), strict=True):
            for rule in self.rules:
                for start in range(len(text) - len(rule.text) + 1):
                    if text[start : start + len(rule.text)] == rule.text:
                        found.add((places[start], places[start + len(rule.text) - 1] + 1, rule))
        return found

    def open_from(self) -> int:
        """Return the first unit that may begin a rule, or an escape, that is not complete."""
        whole = first = len(self.units)
        if is_escaped(self.channel):
            endings = ("".join(raw for raw, _ in self.units[n:]) for n in range(whole))
            whole = first = next(
                (n for n, ending in enumerate(endings) if _HALF_ESCAPE.fullmatch(ending)), whole
            )
        for text, places in zip(self._texts(), self._views(), strict=True):
            size = next((n for n, place in enumerate(places) if place >= whole), len(text))
            for start in range(size):
                ending = text[start:size]
                if any(rule.text != ending and rule.text.startswith(ending) for rule in self.rules):
                    first = min(first, places[start])
                    break
        return first

    def decide(self, until: int) -> None:
        """Decide what becomes of the units before `until`."""
        for start, end, rule in self.matches:
            if not self.decided <= start < until:
                continue
            self.hits.add((rule.name, sum(len(raw) for raw, _ in self.units[:start])))
            if rule.action == "observe":
                continue
            self._copy(start)
            if rule.action in ("cut", "retry"):
                self.stop = rule
                return
            if start >= self.masked:
                self.released += f"[redacted:{rule.name}]"
            self.masked = max(self.masked, end)
        self._copy(until)
        self.decided = until

    def _copy(self, until: int) -> None:
        start = max(self.masked, self.copied)
        self.released += "".join(raw for raw, _ in self.units[start:until])
        self.copied = max(start, until)


def renumbered(said: Said) -> Said:
    """Return what is said with tool calls numbered from 0 in the order in which they begin, as clients must
    see them."""
    places: dict[int, int] = {}
    return [
        (
            (head[0], places.setdefault(head[1], len(places)), *head[2:])
            if head[0] == "tool_calls"
            else head,
            text,
        )
        for head, text in said
    ]


def once_each(said: Said) -> Said:
    """Return what is said with each channel in one piece, and none that says nothing."""
    joined: dict[Channel, str] = {}
    for channel, text in said:
        joined[channel] = joined.get(channel, "") + text
    return [(channel, text) for channel, text in joined.items() if text]


def in_objects(said: Said) -> Said:
    """Return what is said in the order in which one message can tell it: all of a field before the next."""
    fields = [channel[0] for channel, _ in said]
    calls = [channel[:2] for channel, _ in said]
    kinds = [channel[:3] for channel, _ in said]
    order = sorted(
        range(len(said)),
        key=lambda n: (fields.index(fields[n]), calls.index(calls[n]), kinds.index(kinds[n])),
    )
    return [said[n] for n in order]


def expected(said: Said, rules: tuple[DenyRule, ...]) -> list[ChannelOracle]:
    """Return what must become of a choice that says one channel after the other."""
    oracles = [ChannelOracle(channel, text, rules) for channel, text in renumbered(said)]
    for oracle in oracles:
        oracle.decide(oracle.open_from())
        if oracle.stop is not None:
            return oracles
    for oracle in oracles:
        oracle.decide(len(oracle.units))
        if oracle.stop is not None:
            break
    return oracles
