"""A model asked directly and through the gateway looks the same, but for what a short list names."""

import json
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from both_ways import BothWays, Case, Seen, both_ways
from cases import ANSWERS, CASES, EMBEDDINGS, FORMS
from differences import DIFFERENCES, Change, Difference, changes

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Texts that nothing said here begins like: the gates are in place and must not be noticed.
RULES = WatchPolicy(
    deny=(DenyRule(name="redacted", text="¤¤ secret"), DenyRule(name="cut", text="¤¤ other", action="cut")),
    canaries=("¤¤ canary ¤¤",),
)
# An escape in tool arguments is held back until it is complete: what it stands for may begin a rule.
UNNOTICED = [
    case
    for case in (*ANSWERS, *EMBEDDINGS, *FORMS)
    if not case.name.startswith("escapes in tool arguments, ")
]
NAMED = {case.name: case for case in CASES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ways() -> AsyncGenerator[BothWays, None]:
    async with both_ways() as ways:
        yield ways


async def found(case: Case, ways: BothWays, watch: WatchPolicy | None = None) -> list[Change]:
    return list(changes(await ways.direct(case), await ways.through(case, watch or WatchPolicy())))


def not_meant(case: Case, seen: list[Change]) -> list[Change]:
    return [change for change in seen if not any(one.covers(case, change) for one in DIFFERENCES)]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_only_what_is_listed_differs(ways: BothWays, case: Case):
    assert not_meant(case, await found(case, ways)) == []


@pytest.mark.parametrize("case", UNNOTICED, ids=str)
async def test_rules_that_nothing_breaks_change_nothing_more(ways: BothWays, case: Case):
    assert not_meant(case, await found(case, ways, RULES)) == []


async def test_rules_may_cut_escapes_elsewhere_but_the_arguments_are_the_same(ways: BothWays):
    case = NAMED["escapes in tool arguments, streamed"]

    seen = [await ways.direct(case), await ways.through(case, RULES)]

    assert seen[0]["sdk"]["objects"] != seen[1]["sdk"]["objects"]
    assert joined_arguments(seen[0]) == joined_arguments(seen[1])
    assert json.loads(joined_arguments(seen[1])) == {"words": 'a "b" \\ 😀 \n'}


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
    seen = flat(await ways.through(case, WatchPolicy()))

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
