"""What persons may decide about improvements, from which state, and what follows from it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from improvement_samples import NOON, THRESHOLD, House

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import (
    Change,
    DocumentChange,
    InstructionChange,
    ParameterChange,
    SettingChange,
    ThresholdChange,
    VariantChange,
)
from guardian_cluster.errors import BadArgument, CannotCreate
from guardian_cluster.improvement.describing import described
from guardian_cluster.improvement.inverse import inverse
from guardian_cluster.improvement.memory_store import MemoryImprovements
from guardian_cluster.storage.state import StateStore

BOTH = pytest.mark.parametrize("house", ["memory", "database"], indirect=True)


@pytest_asyncio.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    if getattr(request, "param", "memory") == "memory":
        yield House(MemoryImprovements())
        return
    store = StateStore.in_memory(ManualClock(NOON))
    yield House(store)
    await store.close()


async def test_an_approved_setting_waits_for_workflow_3(house: House) -> None:
    await house.propose()

    item = await house.decisions.approve("i1", who="ada", note="yes")

    assert (item.state, item.who, item.note, item.since) == ("approved", "ada", "yes", NOON)
    assert house.ledger.in_force == {}


@BOTH
async def test_an_approved_threshold_is_in_force_and_can_be_undone(house: House) -> None:
    await house.propose("i1", THRESHOLD)

    applied = await house.decisions.approve("i1", who="ada")
    in_force = dict(house.ledger.in_force)
    undone = await house.decisions.undo("i1", who="bob", note="too many alarms")

    (lesson,) = await house.store.lessons("writer")
    assert (applied.state, in_force) == ("applied", {"i1": THRESHOLD})
    assert (undone.state, house.ledger.in_force) == ("undone", {})
    assert lesson.said == "Sound answers begin sooner. It was undone by bob: too many alarms"


async def test_a_threshold_that_cannot_be_put_in_force_waits_again(house: House) -> None:
    await house.propose("i1", THRESHOLD)
    house.ledger.problem = "somebody holds the file"

    with pytest.raises(CannotCreate, match="somebody holds the file"):
        await house.decisions.approve("i1", who="ada")

    assert await house.state() == "queued"


async def test_a_threshold_left_half_way_is_put_in_force_by_approving_again(house: House) -> None:
    await house.propose("i1", THRESHOLD)
    await house.store.decide("i1", expected="queued", state="approved", who="ada", note="", at=NOON)
    with pytest.raises(BadArgument, match="i1 is approved by ada"):
        await house.decisions.reject("i1", who="bob")

    item = await house.decisions.approve("i1", who="ada")

    assert (item.state, house.ledger.in_force) == ("applied", {"i1": THRESHOLD})


async def test_a_rejected_improvement_leaves_a_lesson(house: House) -> None:
    await house.propose("i1")
    await house.propose("i2")
    await house.decisions.approve("i2", who="ada")

    for id in ("i1", "i2"):
        await house.decisions.reject(id, who="bob")

    lessons = await house.store.lessons("writer")
    assert {each.improvement_id for each in lessons} == {"i1", "i2"}
    assert all("It was rejected by bob: no reason was given" in each.said for each in lessons)


async def test_a_cleared_improvement_is_back_in_the_queue(house: House) -> None:
    await house.propose(flagged=True)

    item = await house.decisions.clear("i1", who="ada", note="that is as meant")

    found = await house.decisions.investigation("s-i1")
    assert item.state == "queued"
    assert (found.outcome, found.who, found.note, found.closed) == (
        "cleared",
        "ada",
        "that is as meant",
        NOON,
    )
    assert list(await house.store.lessons("writer")) == []


@BOTH
async def test_an_upheld_concern_blocks_the_improvement_with_a_lesson(house: House) -> None:
    await house.propose(flagged=True)

    item = await house.decisions.uphold("s-i1", who="ada", note="it reaches all tenants")

    (lesson,) = await house.store.lessons("writer")
    assert item.state == "blocked"
    assert (await house.decisions.investigation("i1")).outcome == "upheld"
    assert lesson.said.endswith("It was found unsafe by ada: it reaches all tenants")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("approve", "i1 is under investigation; it would have to be queued"),
        ("reject", "i1 is under investigation; it would have to be queued"),
        ("undo", "i1 is under investigation; only a threshold that is applied can be undone"),
    ],
)
async def test_nobody_decides_past_an_open_investigation(house: House, what: str, said: str) -> None:
    await house.propose(flagged=True)

    with pytest.raises(BadArgument, match=said) as raised:
        await getattr(house.decisions, what)("i1", who="bob")

    assert await house.state() == "investigated"
    assert "guardian safety show i1" in raised.value.problems[0].hint


@pytest.mark.parametrize("what", ["approve", "reject", "undo", "clear", "uphold"])
async def test_what_is_not_there_is_an_error_that_says_what_to_do(house: House, what: str) -> None:
    more = {"note": "x"} if what == "uphold" else {}

    with pytest.raises(BadArgument, match=r"(?s)there is no .*list lists all that there are"):
        await getattr(house.decisions, what)("\x1b[2J", who="bob", **more)


async def test_a_closed_investigation_is_not_closed_again(house: House) -> None:
    await house.propose(flagged=True)
    await house.decisions.clear("i1", who="ada")

    with pytest.raises(BadArgument, match="s-i1 is closed: cleared by ada"):
        await house.decisions.uphold("i1", who="bob", note="no")


@BOTH
async def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(house: House) -> None:
    await house.propose()

    outcomes = await asyncio.gather(
        house.decisions.approve("i1", who="ada"),
        house.decisions.reject("i1", who="bob"),
        return_exceptions=True,
    )

    refused = [each for each in outcomes if isinstance(each, BadArgument)]
    assert len(refused) == 1 or await house.state() == "rejected"  # one after the other, both may be right
    assert all("i1 is" in str(each) for each in refused)


@BOTH
async def test_two_who_look_into_it_at_once_do_not_both_close_it(house: House) -> None:
    await house.propose(flagged=True)

    outcomes = await asyncio.gather(
        house.decisions.clear("i1", who="ada"),
        house.decisions.uphold("i1", who="bob", note="no"),
        return_exceptions=True,
    )

    assert sum(isinstance(each, BadArgument) for each in outcomes) == 1
    found, state = await house.decisions.investigation("i1"), await house.state()
    assert (found.outcome, state) in {("cleared", "queued"), ("upheld", "blocked")}


@BOTH
async def test_a_threshold_that_two_approve_at_once_is_in_force_once(house: House) -> None:
    await house.propose("i1", THRESHOLD)

    outcomes = await asyncio.gather(
        *(house.decisions.approve("i1", who=who) for who in ("ada", "bob")), return_exceptions=True
    )

    assert await house.state() == "applied"
    assert any(not isinstance(each, BaseException) for each in outcomes)


async def test_a_note_is_as_long_as_somebody_reads(house: House) -> None:
    await house.propose()

    item = await house.decisions.reject("i1", who="ada", note="n" * 1_000_000)

    assert len(item.note) == 2_000


scalars = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(0, 9), st.text(max_size=9))
texts = st.text(max_size=9)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        ThresholdChange,
        detector=texts,
        specialist=texts,
        tenant=texts,
        before=st.floats(0, 1),
        after=st.floats(0, 1),
    ),
    st.builds(ParameterChange, specialist=texts, name=texts, before=scalars, after=scalars),
    st.builds(InstructionChange, specialist=texts, before=st.none() | texts, after=st.none() | texts),
    st.builds(VariantChange, specialist=texts, before=texts, after=texts),
    st.builds(SettingChange, path=texts, before=scalars, after=st.lists(texts).map(tuple)),
    st.builds(DocumentChange, specialist=texts, origins=st.lists(texts).map(tuple), withheld=st.booleans()),
)


@given(changes)
def test_the_inverse_of_an_inverse_is_the_change(change: Change) -> None:
    there, back = described(change), described(inverse(change))

    assert inverse(inverse(change)) == change
    assert (there.before, there.after) == (back.after, back.before)
    assert there.subject == back.subject


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (THRESHOLD, "threshold harm/writer/acme from 0.8 to 0.6"),
        (
            ParameterChange(specialist="w", name="max_tokens", before=None, after=100),
            "w: parameter max_tokens from none to 100",
        ),
        (InstructionChange(specialist="w", before="a", after=None), 'w: instructions from "a" to none'),
        (VariantChange(specialist="w", before="v1", after="v2"), "w: variant from v1 to v2"),
        (SettingChange(path="a.b", before=(), after=("x",)), 'a.b from [] to ["x"]'),
        (DocumentChange(specialist="w"), "w: documents all from in use to left out"),
    ],
)
def test_a_change_is_described_in_words(change: Change, said: str) -> None:
    assert str(described(change)) == said
