"""What is asked and answered: the same facts in every endpoint's own words, and the judging of what arrived."""

import json
import random
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from guardian_cluster.simulation import Answer, Script, ToolCall
from guardian_cluster.simulation.continuing import GOING, Continues, Manner
from guardian_cluster.simulation.long_answers import LongAnswer, long_answers, verdict_of
from guardian_cluster.simulation.observation import Expected, Observation
from guardian_cluster.simulation.request import ModelRequest

MARK = re.compile(rb"\[([a-z0-9-]+)/(\d+)\]")
"""In the question: which request an attempt belongs to. It stands first, so that no two requests begin alike."""

Kind = Literal["stream", "whole", "json", "tool"]
"""`json` and `tool` are streams that nobody can go on with once they have begun."""

STREAM_SHARE, WHOLE_SHARE = 0.6, 0.3
"""Of the requests; the rest is JSON and tool calls, half each."""

ANSWERS = 40
"""Long answers that are drawn: prose, lists, tables, some with code, in several languages."""

MANNERS = tuple(Manner(going) for going in GOING if going != "refused")
"""In which models go on with an answer when they are asked to: at once, after some words said again, started again
in other words. One that declines to go on is no healthy equal."""

PREFILLED = (Manner("exactly"), Manner("going on reworded"))
"""In which they do when the words so far are their own last message, which they then go on with at once."""

WORDINGS = {"a": 0, "b": 1, "fallback": 2}

STATIONS = ("Alma", "Brink", "Corvo", "Dunmore", "Elster", "Fjordby", "Gresham", "Holm", "Ingrid", "Jura")
TOOL = "book_seat"
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": TOOL,
            "description": "Book a seat.",
            "parameters": {
                "type": "object",
                "properties": {"station": {"type": "string"}, "note": {"type": "string"}},
                "required": ["station", "note"],
            },
        },
    }
]
_OBJECT = json.dumps({"stations": [{"name": name, "minute": 7 * at} for at, name in enumerate(STATIONS)] * 2})
_NOTE = " ".join(f"{name} is passed at minute {7 * at}." for at, name in enumerate(STATIONS))
_ARGUMENTS = json.dumps({"station": STATIONS[0], "note": _NOTE})
MAX_TOKENS = 4_000

TOLD_SHORT = ("length", "content_filter")
"""Finish reasons that say that an answer is not what it would have been."""


@cache
def _answers(seed: int) -> list[LongAnswer]:
    return long_answers(ANSWERS, seed, held_out=True)


def answer_to(number: int, seed: int) -> LongAnswer:
    """Return what there is to say to the k-th request."""
    return _answers(seed)[number % ANSWERS]


def kind_of(number: int, seed: int) -> Kind:
    """Return what the k-th request asks for."""
    drawn = random.Random(f"{seed}:{number}").random()
    if drawn < STREAM_SHARE:
        return "stream"
    if drawn < STREAM_SHARE + WHOLE_SHARE:
        return "whole"
    return "json" if number % 2 else "tool"


def question(model: str, mark: str, kind: Kind) -> dict[str, Any]:
    """Return the body of a request."""
    words = f"{mark} Tell me all that you know about it."
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": words}],
        "max_completion_tokens": MAX_TOKENS,
    }
    if kind != "whole":
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if kind == "json":
        body["response_format"] = {"type": "json_object"}
    if kind == "tool":
        body["tools"] = _TOOLS
    return body


def expected(kind: Kind, number: int, seed: int) -> Expected:
    """Return what a whole answer to it holds."""
    if kind == "json":
        return Expected(texts=(_OBJECT,))
    if kind == "tool":
        return Expected(tool=TOOL)
    return Expected(facts=tuple(fact.mark for fact in answer_to(number, seed).facts))


def judged(seen: Observation, kind: Kind, number: int, seed: int) -> Observation:
    """Return what was seen, judged by the answer's own words: between its facts, too, nothing may be twice or lost."""
    if kind in ("json", "tool") or seen.verdict not in (
        "complete",
        "continued",
        "altered",
        "silent_truncation",
    ):
        return seen
    answer = answer_to(number, seed)
    verdict = verdict_of(answer, seen.heard.text)
    if verdict.is_sound:
        return seen if seen.is_answered else replace(seen, verdict="complete")
    if seen.heard.finish_reason in TOLD_SHORT:
        return replace(seen, verdict="cut")
    ends_early = verdict.lost == tuple(range(len(answer.facts)))[len(answer.facts) - len(verdict.lost) :]
    is_sound_so_far = verdict.sound_up_to == len(seen.heard.text) or bool(verdict.lost)
    is_part = not verdict.doubled and not verdict.out_of_order and ends_early and is_sound_so_far
    return replace(seen, verdict="silent_truncation" if is_part else "altered")


def has_open_fence(text: str) -> bool:
    """Return whether a text ends within code, where nobody else can go on."""
    return sum(line.startswith("```") for line in text.split("\n")) % 2 == 1


def script_of_endpoint(endpoint: str, seed: int) -> Script:
    """Return how an endpoint answers, and goes on with answers: in a manner drawn anew each time it is asked."""
    times = Counter[int]()

    def script(request: ModelRequest) -> Answer:
        if request.body.get("tools"):
            return Answer(tool_calls=(ToolCall(TOOL, _ARGUMENTS),))
        if request.body.get("response_format"):
            return Answer(text=_OBJECT)
        number = number_of(request)
        is_prefilled = request.messages[-1:] and request.messages[-1].get("role") == "assistant"
        manners = PREFILLED if is_prefilled else MANNERS
        times[number] += 1
        manner = random.Random(f"{seed}:{endpoint}:{number}:{times[number]}").choice(manners)
        return Continues(answer_to(number, seed), manner, seed, WORDINGS[endpoint])(request)

    return script


def mark_of(request: ModelRequest) -> str:
    """Return the mark of a request, which may stand in any of its messages; empty where it has none."""
    found = MARK.search(request.raw)
    return found[0].decode() if found else ""


def number_of(request: ModelRequest) -> int:
    """Return the number of a request in its case."""
    found = MARK.search(request.raw)
    return int(found[2]) if found else 0
