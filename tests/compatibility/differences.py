"""Every meant difference between a model asked directly and through the gateway. There are no others."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from both_ways import MODEL, SPECIALIST, Case


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True)
class Change:
    """One place that is not the same both ways."""

    where: str  # as in `sdk.objects[0].model`
    direct: Any
    through: Any


def changes(direct: Any, through: Any, where: str = "") -> Iterator[Change]:
    """Yield every place where two JSON values differ, types included."""
    if isinstance(direct, dict) and isinstance(through, dict):
        for key in {**direct, **through}:
            inner = f"{where}.{key}".removeprefix(".")
            yield from changes(direct.get(key, ABSENT), through.get(key, ABSENT), inner)
    elif isinstance(direct, list) and isinstance(through, list):
        for at in range(max(len(direct), len(through))):
            yield from changes(_at(direct, at), _at(through, at), f"{where}[{at}]")
    elif type(direct) is not type(through) or direct != through:
        yield Change(where, direct, through)


def _at(values: list[Any], at: int) -> Any:
    return values[at] if at < len(values) else ABSENT


@dataclass(frozen=True)
class Difference:
    """A difference that is meant.

    It may occur at the places that `where` matches, in `cases` (empty: in any), if `is_meant` says so of what
    is seen directly and through the gateway; and it does occur, in each of `cases` or in `seen_in`. `becomes`
    says what exactly is seen through the gateway, in every one of these cases.
    """

    name: str
    reason: str
    where: str  # a regular expression
    cases: tuple[str, ...] = ()
    seen_in: str = ""
    is_meant: Callable[[Any, Any], bool] = lambda direct, through: True
    becomes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        return self.name

    @property
    def occurs_in(self) -> tuple[str, ...]:
        return self.cases or (self.seen_in,)

    def covers(self, case: Case, change: Change) -> bool:
        is_here = not self.cases or case.name in self.cases
        return (
            is_here
            and bool(re.fullmatch(self.where, change.where))
            and self.is_meant(change.direct, change.through)
        )


ERROR = r"sdk\.error(\..*)?|wire\.status|wire\.type|wire\.events\[0\](\..*)?"
"""A reply that is an error through the gateway, and was one, or was not, directly."""
WITHHELD = rf"{ERROR}|sdk\.objects\[0\]|sdk\.request_id"
STREAM_END = r"sdk\.error(\..*)?|wire\.events\[\d+\](\..*)?"


def is_request_id(value: Any) -> bool:
    return bool(re.fullmatch(r"req_[0-9a-f]{32}", str(value)))


def has_request_id(direct: Any, through: Any) -> bool:
    added = through.removeprefix(f"{direct} (request id: ").removesuffix(")")
    return is_request_id(added)


def is_facts(direct: Any, through: Any) -> bool:
    return direct is ABSENT and through["specialist"] == SPECIALIST and is_request_id(through["id"])


def failure(kind: str, code: str | None, status: int | None = None) -> dict[str, Any]:
    """Return what the SDK raises: inside a stream it has no status."""
    facts = {"sdk.error.class": kind, "sdk.error.code": code}
    return facts | ({"sdk.error.status": status, "wire.status": status} if status else {"wire.status": 200})


DIFFERENCES = [
    Difference(
        name="the requested name",
        reason="`model` is the name that was asked for: clients compare it, and who serves it may change.",
        where=r"(sdk\.objects|wire\.events)\[\d+\]\.model",
        is_meant=lambda direct, through: (direct, through) == (MODEL, SPECIALIST),
        seen_in="text",
    ),
    Difference(
        name="the gateway's request id",
        reason="The id leads to the gateway's own record, where the attempts at all endpoints are listed.",
        where=r"sdk\.(error\.)?request_id",
        is_meant=lambda direct, through: is_request_id(through) and not is_request_id(direct),
        seen_in="text",
    ),
    Difference(
        name="final facts",
        reason="What is known only at the end of a stream cannot be in its headers; it goes with the counts.",
        where=r"(sdk\.objects|wire\.events)\[\d+\]\.guardian",
        is_meant=is_facts,
        seen_in="text, streamed with usage",
    ),
    Difference(
        name="counts are always asked for",
        reason="Records need the model's own counts; they are taken out where the client did not ask.",
        where=r"asked\.stream_options",
        is_meant=lambda direct, through: (direct, through) == (ABSENT, {"include_usage": True}),
        seen_in="text, streamed",
    ),
    Difference(
        name="no retries after ours",
        reason="The gateway has tried as often as is sensible, or a repetition can only fail.",
        where=r"wire\.headers\.x-should-retry",
        is_meant=lambda direct, through: (direct, through) == (ABSENT, "false"),
        seen_in="500",
    ),
    Difference(
        name="an exact wait",
        reason="OpenAI's clients read `retry-after-ms` before `retry-after`; both are sent.",
        where=r"wire\.headers\.retry-after-ms",
        is_meant=lambda direct, through: (direct, through) == (ABSENT, "30000"),
        cases=("429 with retry-after",),
    ),
    Difference(
        name="a wait where there was none",
        reason="A 429 or 503 always says when to try again: clients expect it there.",
        where=r"wire\.headers\.retry-after(-ms)?",
        is_meant=lambda direct, through: direct is ABSENT and through in {"1", "1000", "60", "60000"},
        cases=("429", "503"),
    ),
    Difference(
        name="the request id in the message of an error in a stream",
        reason="Clients keep no header of a stream that fails, and without the id nobody finds the record.",
        where=r"sdk\.error\.(body\.)?message|wire\.events\[4\]\.error\.message",
        is_meant=has_request_id,
        cases=("error after content",),
        becomes=failure("APIError", "engine_failed"),
    ),
    Difference(
        name="the gateway's own credentials",
        reason="A 401 or 403 here is about the operator's key: passed on, it would seem to be the client's.",
        where=ERROR,
        cases=("401", "403"),
        becomes=failure("InternalServerError", "upstream_credentials_rejected", 502),
    ),
    Difference(
        name="a model that its endpoint does not know",
        reason="The client's name was right; which model stands behind it is the operator's business.",
        where=ERROR,
        cases=("404",),
        becomes=failure("InternalServerError", "upstream_not_found", 502),
    ),
    Difference(
        name="a status that no client has a class for",
        reason="Statuses passed on are those that map to one exception of the SDK each.",
        where=r"sdk\.error\.(status|message)|wire\.status",
        cases=("529",),
        becomes=failure("InternalServerError", None, 502),
    ),
    Difference(
        name="an error of another shape",
        reason="Every error has OpenAI's shape, so that the SDK finds its message.",
        where=ERROR,
        cases=("422 of FastAPI",),
        becomes=failure("UnprocessableEntityError", None, 422),
    ),
    Difference(
        name="a page instead of an error",
        reason="A proxy's page says nothing that a client could use, and may name what is behind it.",
        where=ERROR,
        cases=("502 page of a proxy",),
        becomes={**failure("InternalServerError", "upstream_error", 502), "wire.type": "application/json"},
    ),
    Difference(
        name="an error with status 200",
        reason="The SDK raises nothing for it: the client would find an answer without choices.",
        where=WITHHELD,
        cases=("error with status 200",),
        becomes=failure("InternalServerError", "overloaded", 502),
    ),
    Difference(
        name="an error before content",
        reason="Nothing has left yet, so a status can still tell it, which clients and proxies understand.",
        where=ERROR,
        cases=("error before content",),
        becomes=failure("InternalServerError", "engine_failed", 502),
    ),
    Difference(
        name="a stream has a [DONE]",
        reason="The answer is complete, and strict clients wait for the form that says so.",
        where=r"wire\.events\[11\]",
        is_meant=lambda direct, through: (direct, through) == (ABSENT, "[DONE]"),
        cases=("no [DONE]",),
    ),
    Difference(
        name="counts only where they are asked for",
        reason="It is what OpenAI does; and no gateway that asks for them always can tell what came unasked.",
        where=r"(sdk\.objects|wire\.events)\[10\]\.usage",
        is_meant=lambda direct, through: bool(direct) and through is ABSENT,
        cases=("counts in the finishing chunk",),
    ),
    Difference(
        name="counts in a chunk of their own",
        reason="As OpenAI does, with the final facts; said twice, clients that add up would count double.",
        where=r"(sdk\.objects|wire\.events)\[10\]\.usage|sdk\.objects\[11\]|wire\.events\[1[12]\]",
        cases=("counts in the finishing chunk, asked for",),
        becomes={
            "sdk.objects[10].usage": None,
            "sdk.objects[11].choices": [],
            "sdk.objects[11].usage.total_tokens": 7,
            "sdk.objects[11].guardian.tokens_estimated": False,
        },
    ),
    Difference(
        name="counts where the model has none",
        reason="Clients that asked for counts wait for them; the facts say that these are an estimate.",
        where=r"sdk\.objects\[11\]|wire\.events\[1[12]\]",
        cases=("no counts, though asked for",),
        becomes={"sdk.objects[11].choices": [], "sdk.objects[11].guardian.tokens_estimated": True},
    ),
    Difference(
        name="one identity throughout",
        reason="`id` and `created` are the same in every chunk, also where a server does not have them yet.",
        where=r"(sdk\.objects|wire\.events)\[0\]\.(id|created)",
        is_meant=lambda direct, through: not direct and bool(through),
        cases=("a preface without choices",),
    ),
    Difference(
        name="an empty answer is a failure",
        reason="By default (`on_empty`) another is sought elsewhere; here there is nowhere else.",
        where=WITHHELD,
        cases=("empty answer",),
        becomes=failure("InternalServerError", "upstream_empty", 502),
    ),
    Difference(
        name="an answer in another form than asked for is a failure",
        reason="By default (`on_schema_violation`) another is sought elsewhere; here there is nowhere else.",
        where=WITHHELD,
        cases=("not the JSON asked for",),
        becomes=failure("BadRequestError", "answer_blocked", 400),
    ),
    Difference(
        name="half an answer never looks whole",
        reason="Most clients take a stream that ends in good order for complete, whatever it lacks.",
        where=STREAM_END,
        cases=("clean cut", "no finish reason"),
        becomes=failure("APIError", "upstream_incomplete"),
    ),
    Difference(
        name="a broken connection is an error with a code",
        reason="The SDK's connection error names neither a cause nor a request.",
        where=rf"{STREAM_END}|wire\.is_complete",
        cases=("connection reset after content",),
        becomes={**failure("APIError", "upstream_disconnected"), "wire.is_complete": True},
    ),
    Difference(
        name="a line that is no JSON ends the answer",
        reason="The SDK lets the parser's own exception through for it, without a code or the request's id.",
        where=STREAM_END,
        cases=("line that is no JSON",),
        becomes=failure("APIError", "upstream_malformed"),
    ),
    Difference(
        name="half a character ends the answer",
        reason="No UTF-8 can be made of it: the SDK gives out a string that its user cannot write to a file.",
        where=rf"{STREAM_END}|sdk\.objects\[\d+\]",
        cases=("half a character",),
        becomes=failure("APIError", "upstream_malformed"),
    ),
]
