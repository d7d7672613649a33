"""A model asked directly and through the gateway looks the same, but for what a short list names."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from both_ways import BothWays, Case, Seen, both_ways
from cases import ANSWERS, CASES, EMBEDDINGS, FORMS
from differences import DIFFERENCES, Change, Difference, changes

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The beginning of a secret is held back until it is none: with secrets watched for, as they are by default, pieces of
# a stream are cut elsewhere.
EXACT = WatchPolicy(on_secret="ignore")

# Texts that nothing said here begins like: the gates are in place and must not be noticed.
RULES = WatchPolicy(
    deny=(DenyRule(name="redacted", text="¤¤ secret"), DenyRule(name="cut", text="¤¤ other", action="cut")),
    canaries=("¤¤ canary ¤¤",),
    on_secret="ignore",
)
# In arguments an escape is held back until it is complete, for what it stands for may begin a rule, and so is a number:
# should a rule name it, its mark stands in quotation marks.
_CUT_ELSEWHERE = (
    "escapes in tool arguments, ",
    "tool call, streamed",
    "named tool, streamed",
    "legacy function call, s",
)
CUT_ELSEWHERE = [case for case in ANSWERS if case.name.startswith(_CUT_ELSEWHERE)]
UNNOTICED = [case for case in (*ANSWERS, *EMBEDDINGS, *FORMS) if case not in CUT_ELSEWHERE]
NAMED = {case.name: case for case in CASES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ways() -> AsyncGenerator[BothWays, None]:
    async with both_ways() as ways:
        yield ways


async def found(case: Case, ways: BothWays, watch: WatchPolicy | None = None) -> list[Change]:
    return list(changes(await ways.direct(case), await ways.through(case, watch or EXACT)))


def not_meant(case: Case, seen: list[Change]) -> list[Change]:
    return [change for change in seen if not any(one.covers(case, change) for one in DIFFERENCES)]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_only_what_is_listed_differs(ways: BothWays, case: Case):
    assert not_meant(case, await found(case, ways)) == []


@pytest.mark.parametrize("case", UNNOTICED, ids=str)
async def test_rules_that_nothing_breaks_change_nothing_more(ways: BothWays, case: Case):
    assert not_meant(case, await found(case, ways, RULES)) == []


@pytest.mark.parametrize("case", ANSWERS, ids=str)
async def test_by_default_pieces_are_cut_elsewhere_but_say_the_same(ways: BothWays, case: Case):
    seen = [await ways.direct(case), await ways.through(case, WatchPolicy())]

    assert said(seen[1]) == said(seen[0])
    assert said(seen[1])


@pytest.mark.parametrize("case", CUT_ELSEWHERE, ids=str)
async def test_rules_may_cut_arguments_elsewhere_but_they_say_the_same(ways: BothWays, case: Case):
    assert said(await ways.through(case, RULES)) == said(await ways.direct(case))


async def test_rules_may_cut_escapes_elsewhere_but_the_arguments_are_the_same(ways: BothWays):
    case = NAMED["escapes in tool arguments, streamed"]

    seen = [await ways.direct(case), await ways.through(case, RULES)]

    assert seen[0]["sdk"]["objects"] != seen[1]["sdk"]["objects"]
    assert joined_arguments(seen[0]) == joined_arguments(seen[1])
    assert json.loads(joined_arguments(seen[1])) == {"words": 'a "b" \\ 😀 \n'}


def said(seen: Seen) -> dict[str, Any]:
    """Return what the pieces of an answer say together: texts by their places, numbers of pieces left out."""
    texts: dict[str, Any] = {}
    for one in seen["sdk"]["objects"]:
        for choice in one.get("choices", ()):
            for where, leaf in flat(
                choice.get("delta") or choice.get("message") or {}, str(choice["index"])
            ).items():
                if leaf != {}:  # a part without a field
                    texts[where] = (texts.get(where) or "") + leaf if isinstance(leaf, str) else leaf
    return texts


def joined_arguments(seen: Seen) -> str:
    deltas = [chunk["choices"][0]["delta"] for chunk in seen["sdk"]["objects"]]  # each of them has a choice
    return "".join(call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", ()))


@pytest.mark.parametrize(
    ("difference", "case"),
    [(one, NAMED[name]) for one in DIFFERENCES for name in one.occurs_in],
    ids=str,
)
async def test_what_is_listed_occurs(ways: BothWays, difference: Difference, case: Case):
    seen = [change for change in await found(case, ways) if difference.covers(case, change)]

    assert seen


@pytest.mark.parametrize(
    ("difference", "case"),
    [(one, NAMED[name]) for one in DIFFERENCES if one.becomes for name in one.occurs_in],
    ids=str,
)
async def test_what_differs_becomes_what_is_listed(ways: BothWays, difference: Difference, case: Case):
    seen = flat(await ways.through(case, EXACT))

    assert {where: seen[where] for where in difference.becomes} == difference.becomes


def flat(value: object, where: str = "") -> dict[str, object]:
    """Return the leaves of nested values by their paths; empty lists and objects are leaves."""
    if isinstance(value, dict) and value:
        inner = {f"{where}.{key}".strip("."): each for key, each in value.items()}
    elif isinstance(value, list) and value:
        inner = {f"{where}[{at}]": each for at, each in enumerate(value)}
    else:
        return {where: value}
    return {path: leaf for place, each in inner.items() for path, leaf in flat(each, place).items()}
