"""What a simulated model says to which request: scripts are functions from a request to an answer."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from guardian_cluster.simulation.answer import Answer, ToolCall, token_count, tokens_of
from guardian_cluster.simulation.request import ModelRequest, content_text, object_of, objects_of, text_of
from guardian_cluster.simulation.sample import sample_of

Script = Callable[[ModelRequest], Answer]
"""Called once for each choice of a request (`request.choice`), so it decides the whole answer."""


@dataclass(frozen=True, slots=True)
class Says:
    """Say fixed texts: the first to choice 0, the second to choice 1, and so on in a circle."""

    texts: tuple[str, ...]

    def __call__(self, request: ModelRequest) -> Answer:
        """Return the choice's text."""
        return Answer(text=self.texts[request.choice % len(self.texts)])


@dataclass(frozen=True, slots=True)
class Echoes:
    """Say the last user message back, so that a mixed-up answer shows."""

    before: str = ""
    after: str = ""

    def __call__(self, request: ModelRequest) -> Answer:
        """Return the prompt, wrapped."""
        return Answer(text=f"{self.before}{request.prompt}{self.after}")


@dataclass(frozen=True, slots=True)
class Recites:
    """Say a text, going on from where the conversation's last assistant message leaves off.

    `overlap` is how many characters before that place are said again, as real models do when asked to go on.
    """

    text: str
    overlap: int = 0

    def __call__(self, request: ModelRequest) -> Answer:
        """Return the rest of the text, or all of it where nothing of it was said yet."""
        last = request.messages[-1] if request.messages else {}
        said = content_text(last.get("content")) if last.get("role") == "assistant" else ""
        if not said or not self.text.startswith(said):
            return Answer(text=self.text)
        return Answer(text=self.text[max(len(said) - self.overlap, 0) :])


@dataclass(frozen=True, slots=True)
class InTurn:
    """Give the k-th request of the server the k-th answer, in a circle."""

    answers: tuple[Answer, ...]

    def __call__(self, request: ModelRequest) -> Answer:
        """Return the answer whose turn it is."""
        return self.answers[request.number % len(self.answers)]


@dataclass(frozen=True, slots=True)
class Obliges:
    """Give the form the request asks for, as a well-behaved model does, and else follow another script.

    A request with tools gets a call of the tool it names or offers first, unless the tool has already
    answered; one that asks for JSON gets JSON that fits its schema. Texts keep to the request's token limit.
    """

    prose: Script
    seed: int = 0

    def __call__(self, request: ModelRequest) -> Answer:
        """Return a tool call, JSON, or prose."""
        rng = random.Random(self.seed + request.choice)
        answer = _tool_answer(request, rng) or _json_answer(request, rng) or self.prose(request)
        return _within_limit(answer, request.most_tokens)


def script_of(said: Script | Answer | str) -> Script:
    """Return the script meant: an answer is given to every request, a text is said by an obliging model."""
    if isinstance(said, str):
        return Obliges(Says((said,)))
    if isinstance(said, Answer):
        return InTurn((said,))
    return said


def _within_limit(answer: Answer, most_tokens: int | None) -> Answer:
    if most_tokens is None or token_count(answer.text) <= most_tokens:
        return answer
    return replace(answer, text="".join(tokens_of(answer.text)[:most_tokens]), finish_reason="length")


def _tool_answer(request: ModelRequest, rng: random.Random) -> Answer | None:
    has_result = bool(request.messages) and request.messages[-1].get("role") in ("tool", "function")
    if has_result:
        return None
    modern = [object_of(tool.get("function")) for tool in objects_of(request.body.get("tools"))]
    if modern and request.body.get("tool_choice") != "none":
        return Answer(tool_calls=(_call(modern, request.body.get("tool_choice"), rng),))
    legacy = objects_of(request.body.get("functions"))
    if legacy and request.body.get("function_call") != "none":
        return Answer(function_call=_call(legacy, request.body.get("function_call"), rng))
    return None


def _call(offered: list[dict[str, object]], choice: object, rng: random.Random) -> ToolCall:
    named = object_of(choice)
    wanted = text_of(object_of(named.get("function")).get("name")) or text_of(named.get("name"))
    tool = next((one for one in offered if one.get("name") == wanted), offered[0])
    arguments = sample_of(object_of(tool.get("parameters")), rng)
    return ToolCall(text_of(tool.get("name")), msgspec.json.encode(arguments).decode())


def _json_answer(request: ModelRequest, rng: random.Random) -> Answer | None:
    wanted = object_of(request.body.get("response_format"))
    if wanted.get("type") == "json_object":
        return Answer(text='{"answer": "yes"}')
    if wanted.get("type") == "json_schema":
        schema = object_of(object_of(wanted.get("json_schema")).get("schema"))
        return Answer(text=msgspec.json.encode(sample_of(schema, rng)).decode())
    return None
