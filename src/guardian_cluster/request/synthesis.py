"""The Response Coordinator makes one answer of the answers to a request's parts, and says what came from whom."""

from collections.abc import Sequence
from typing import Any

import msgspec

from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.request.decomposition import Part
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.quality import Assessment
from guardian_cluster.specialists.specialist import Chunk

MAX_HEADING_CHARACTERS = 120
"""Of a part, shown above its answer: a line on any screen."""

_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>()#|~$!&"})
"""What marks text up in the places where a part's words may stand (CommonMark 0.31, section 2.4)."""

MIN_DOUBT = 0.5
"""An answer is shown with the checks' doubt where it is more likely wrong than right."""


class PartAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one part."""

    part: Part
    specialist: str | None = None
    text: str = ""
    finish_reason: str | None = None
    p_wrong: float | None = None
    doubts: tuple[str, ...] = ()
    """What its checks found, in words."""
    error: GuardianError | None = None


class ResponseCoordinator:
    """Puts parts together in their order, each under its own words; one that is missing is named as such.

    Nothing is rephrased: what was checked is what leaves. (A model that melts answers into one text can drop or
    change any of them, and its output would have to be checked against all of them again.)
    """

    def section(self, answer: PartAnswer) -> str:
        """Return one part of the answer as it leaves."""
        lead = "" if answer.part.number == 1 else "\n\n"
        return f"{lead}**{answer.part.number}. {heading(answer.part)}**\n\n{_body(answer)}"

    def finish_reason(self, answers: Sequence[PartAnswer]) -> str:
        """Return why the whole ended: what cut a part off cut the whole off."""
        reasons = {answer.finish_reason for answer in answers}
        return next((reason for reason in ("content_filter", "length") if reason in reasons), "stop")

    def missing(self, answers: Sequence[PartAnswer], text: str) -> list[int]:
        """Return the parts that are not in the finished text, word for word as they were checked."""
        return [a.part.number for a in answers if heading(a.part) not in text or a.text.strip() not in text]


def answer_of(
    part: Part, execution: Execution | None, assessment: Assessment | None, error: GuardianError | None
) -> PartAnswer:
    """Return what came of a part, from the execution that answered it and what its checks found."""
    if execution is None:
        return PartAnswer(part=part, error=error)
    return PartAnswer(
        part=part,
        specialist=execution.candidate.specialist.name,
        text=execution.words.text,
        finish_reason=execution.finish_reason,
        p_wrong=assessment.p_wrong if assessment else None,
        doubts=assessment.doubts if assessment else (),
    )


def heading(part: Part) -> str:
    """Return a part's own words as one short line, in which nothing is marked up."""
    line = " ".join(part.heading.split()).translate(_ESCAPES)
    return line if len(line) <= MAX_HEADING_CHARACTERS else f"{line[: MAX_HEADING_CHARACTERS - 1]}…"


def _body(answer: PartAnswer) -> str:
    if answer.error is not None:
        return f"This part could not be answered: {answer.error.message}"
    source = f"— `{answer.specialist}`"
    if answer.p_wrong is not None and answer.p_wrong >= MIN_DOUBT:
        why = "; ".join(answer.doubts) or "its checks say so"
        source += f" (to be checked: {why})"
    return f"{answer.text.strip()}\n\n{source}"


def piece(content: str | None, finish_reason: str | None = None) -> Chunk:
    """Return a piece of a streamed answer; whoever sends it gives it its identity."""
    delta: dict[str, Any] = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def opening() -> Chunk:
    """Return the first piece of a streamed answer."""
    chunk = piece("")
    chunk["choices"][0]["delta"]["role"] = "assistant"
    return chunk


def whole(content: str, finish_reason: str, usage: dict[str, int]) -> Chunk:
    """Return a whole answer."""
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    return {"object": "chat.completion", "choices": [choice], "usage": usage}
