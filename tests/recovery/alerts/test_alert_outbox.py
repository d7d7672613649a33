"""What is due is sent, in order, at least once; what fails holds up nothing else."""

import asyncio
import itertools
import random

import msgspec
from alert_samples import T0, Recording, delivery
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.domain.alert import AlertState, Delivery
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.recovery.alerts.deciding import HELD
from guardian_cluster.recovery.alerts.memory_outbox import MemoryOutbox
from guardian_cluster.recovery.alerts.outbox import Outbox
from guardian_cluster.recovery.alerts.settling import (
    KEPT_TRYING_S,
    LONGEST_WAIT_S,
    Outcome,
    backoff_s,
)
from guardian_cluster.recovery.alerts.sinks.sink import AlertSink

replace = msgspec.structs.replace
AGAIN = Outcome(state="again", said="status 503")


class Post:
    """An outbox with sinks by name, and a clock that is moved by hand."""

    def __init__(self, **sinks: AlertSink) -> None:
        self.clock = ManualClock(T0)
        self.store = MemoryOutbox()
        self.sinks = sinks
        self.outbox = self.started()

    def started(self) -> Outbox:
        return Outbox(self.store, self.sinks.get, self.clock, random.Random(1), send_s=0.05)

    async def put(self, *deliveries: Delivery) -> None:
        await self.store.put_deliveries(deliveries, key=" ".join(each.id for each in deliveries))

    async def pass_once(self) -> None:
        await self.outbox.start_due()
        await self.outbox.idle()

    async def go_on(self, seconds: float, step: float = 1.0) -> None:
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            await self.pass_once()
            self.clock.advance(step)

    async def states(self) -> dict[str, str]:
        return {each.id: each.state for each in await self.store.deliveries(limit=10_000)}


async def test_what_is_due_is_sent_once():
    oncall = Recording()
    post = Post(oncall=oncall)
    await post.put(delivery())

    await post.go_on(10)

    assert oncall.said() == [("trigger", "i1")]
    assert await post.states() == {"d1": "delivered"}


async def test_what_fails_is_tried_again_with_the_same_id_at_growing_distances():
    oncall = Recording(lambda number: AGAIN)
    post = Post(oncall=oncall)
    await post.put(delivery())
    times: list[float] = []
    for _ in range(4_000):
        before = len(oncall.sent)
        await post.pass_once()
        times += [post.clock.now()] * (len(oncall.sent) - before)
        post.clock.advance(1)

    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits[0] <= 3
    assert max(waits) <= LONGEST_WAIT_S + 1
    assert waits[-1] >= LONGEST_WAIT_S / 2
    assert len(times) < 40
    assert {each.id for each in oncall.sent} == {"d1"}


async def test_a_sink_that_asks_for_time_is_given_it_for_all_that_waits():
    oncall = Recording(
        lambda number: Outcome(state="again", after_s=1_000) if not number else Outcome(state="accepted")
    )
    post = Post(oncall=oncall)
    await post.put(delivery(id="d1"), delivery(id="d2", incident_id="i2", key="k2"))

    await post.go_on(999)
    assert len(oncall.sent) == 1
    await post.go_on(400)
    assert await post.states() == {"d1": "delivered", "d2": "delivered"}


async def test_what_is_refused_is_given_up_kept_and_said():
    post = Post(oncall=Recording(lambda number: Outcome(state="refused", said="status 400: no\x1b such key")))
    await post.put(delivery())

    await post.go_on(5)

    (kept,) = await post.store.deliveries(undelivered_only=True)
    assert (kept.state, kept.said, kept.tries) == ("given_up", "refused: status 400: no such key", 1)


async def test_a_sink_that_is_configured_no_more_gives_up():
    post = Post()
    await post.put(delivery())

    await post.go_on(5)

    assert await post.states() == {"d1": "given_up"}


class Hangs:
    """A sink that never answers."""

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError


class Breaks:
    """A sink with a fault of its own."""

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        raise ZeroDivisionError


async def test_a_sink_that_hangs_or_breaks_holds_up_no_other():
    channel = Recording()
    post = Post(oncall=Hangs(), mail=Breaks(), channel=channel)
    post.outbox = Outbox(post.store, post.sinks.get, post.clock, random.Random(1), send_s=3_600)
    for number in range(200):
        for sink in ("oncall", "mail", "channel"):
            await post.put(
                delivery(id=f"{sink}{number}", sink=sink, incident_id=f"i{number}", key=f"k{number}")
            )

    await post.outbox.start_due()
    while len(channel.sent) < 200:
        await asyncio.sleep(0)
    await post.outbox.start_due()  # with one still hanging
    await post.outbox.close()

    states = await post.states()
    assert {state for id, state in states.items() if id.startswith("channel")} == {"delivered"}
    assert {state for id, state in states.items() if not id.startswith("channel")} == {"waiting"}


async def test_what_hangs_is_broken_off_and_tried_again():
    post = Post(oncall=Hangs())
    await post.put(delivery())

    await post.pass_once()

    (kept,) = await post.store.deliveries()
    assert (kept.state, kept.tries, kept.said) == ("waiting", 1, "no answer within 0.05 s")


async def test_one_that_is_in_vain_holds_up_none_of_the_same_sink():
    class Picky(Recording):
        async def send(self, delivery: Delivery, now: float) -> Outcome:
            await super().send(delivery, now)
            return AGAIN if delivery.id == "poison" else Outcome(state="accepted")

    post = Post(oncall=Picky())
    await post.put(delivery(id="poison", at=T0 - 1, key="p", incident_id="p"))
    await post.go_on(300)
    for number in range(20):
        await post.put(delivery(id=f"d{number}", incident_id=f"i{number}", key=f"k{number}"))
    await post.go_on(700)

    states = await post.states()
    assert states.pop("poison") == "waiting"
    assert set(states.values()) == {"delivered"}


async def test_a_call_that_was_never_tried_when_it_is_over_is_dropped_with_its_end():
    oncall = Recording()
    post = Post(oncall=oncall)
    await post.put(delivery(id="t"), delivery("resolve", id="r", at=T0 + 5))

    await post.go_on(20)

    assert oncall.sent == []
    assert await post.states() == {"t": "given_up", "r": "given_up"}


async def test_an_end_follows_a_call_that_may_have_been_heard_and_the_call_is_not_made_again():
    oncall = Recording(lambda number: Outcome(state="accepted") if number else AGAIN)
    post = Post(oncall=oncall)
    await post.put(delivery(id="t"))
    await post.pass_once()
    await post.put(delivery("resolve", id="r", at=T0 + 1))

    await post.go_on(60)

    assert oncall.said() == [("trigger", "i1"), ("resolve", "i1")]
    assert await post.states() == {"t": "given_up", "r": "delivered"}


async def test_the_end_of_one_incident_comes_before_the_call_for_the_next_of_the_same_fault():
    oncall = Recording(lambda number: AGAIN if number in (1, 2, 3) else Outcome(state="accepted"))
    post = Post(oncall=oncall)
    await post.put(delivery(id="t1", key="k"))
    await post.pass_once()
    await post.put(
        delivery("resolve", id="r1", key="k", at=T0 + 1),
        delivery(id="t2", incident_id="i2", key="k", at=T0 + 2),
    )

    await post.go_on(120)

    assert oncall.said() == [("trigger", "i1"), *[("resolve", "i1")] * 4, ("trigger", "i2")]


async def test_changes_keep_their_order_and_all_are_told():
    oncall = Recording(lambda number: AGAIN if number < 2 else Outcome(state="accepted"))
    post = Post(oncall=oncall)
    await post.put(
        delivery("change", id="c1", key="change:a", at=T0),
        delivery("change", id="c2", key="change:a", at=T0 + 1),
    )

    await post.go_on(60)

    assert [each.id for each in oncall.sent] == ["c1", "c1", "c1", "c2"]


async def test_what_is_to_be_repeated_is_until_it_is_over():
    def answer(number: int) -> Outcome:
        return Outcome(state="accepted", repeat_s=60 if number < 6 else None)

    oncall = Recording(answer)
    post = Post(oncall=oncall)
    await post.put(delivery(id="t"))
    await post.go_on(330)
    assert len(oncall.sent) == 6
    await post.put(delivery("resolve", id="r", at=post.clock.now()))
    await post.go_on(330)

    assert oncall.said() == [("trigger", "i1")] * 6 + [("resolve", "i1")]
    assert await post.states() == {"t": "delivered", "r": "delivered"}
    (first,) = [each for each in await post.store.deliveries() if each.id == "t"]
    assert first.settled == T0


async def test_a_call_says_whose_calls_are_held_back():
    oncall = Recording()
    post = Post(oncall=oncall)
    held = [
        replace(
            delivery(id=f"h{each}", incident_id=f"h{each}", key=f"h{each}", title=f"held {each}"),
            due=T0 + 900,
            said=HELD,
        )
        for each in range(8)
    ]
    await post.put(delivery(), *held)

    await post.pass_once()

    (sent,) = oncall.sent
    told = dict(sent.alert.facts)["held back"]
    assert told.startswith("held ")
    assert told.endswith(" and 3 more")


async def test_an_hour_without_any_sink_loses_nothing():
    down = {"is": True}
    sinks = {
        name: Recording(lambda number: AGAIN if down["is"] else Outcome(state="accepted")) for name in "abc"
    }
    post = Post(**sinks)
    for number in range(10):
        for name in sinks:
            await post.put(
                delivery(
                    id=f"{name}{number}",
                    sink=name,
                    incident_id=f"i{number}",
                    key=f"k{number}",
                    at=post.clock.now(),
                )
            )
        await post.go_on(360, step=5)
    down["is"] = False
    tried = {name: len(sink.sent) for name, sink in sinks.items()}
    await post.go_on(LONGEST_WAIT_S + 5, step=5)

    assert set((await post.states()).values()) == {"delivered"}
    for name, sink in sinks.items():
        accepted = [each.id for each in sink.sent[tried[name] :]]
        assert sorted(accepted) == sorted(f"{name}{number}" for number in range(10))
        assert tried[name] < 150


async def test_after_a_week_it_is_given_up():
    post = Post(oncall=Recording(lambda number: AGAIN))
    await post.put(delivery())
    await post.go_on(KEPT_TRYING_S + 2 * LONGEST_WAIT_S, step=LONGEST_WAIT_S + 1)

    (kept,) = await post.store.deliveries()
    assert (kept.state, kept.said) == ("given_up", "tried for a week: status 503")


def test_waits_grow_and_are_drawn():
    rng = random.Random(3)

    assert all(1 <= backoff_s(1, rng) <= 2 for _ in range(100))
    assert all(LONGEST_WAIT_S / 2 <= backoff_s(10_000, rng) <= LONGEST_WAIT_S for _ in range(100))


class Killed(BaseException):
    """The process ended."""


class Server:
    """What is on the other side: keeps what it heard, and fails, loses replies or has its client killed as drawn."""

    def __init__(self, fates: list[str]) -> None:
        self.fates = fates
        self.heard: list[Delivery] = []
        self.tried: list[Delivery] = []

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        fate = self.fates.pop() if self.fates else "well"
        self.tried.append(delivery)
        if fate == "refuses to answer":
            return AGAIN
        if fate == "killed before":
            raise Killed
        self.heard.append(delivery)
        if fate == "killed after":
            raise Killed
        return AGAIN if fate == "reply lost" else Outcome(state="accepted")


FATES = st.sampled_from(["well", "refuses to answer", "reply lost", "killed before", "killed after"])
STORIES: st.SearchStrategy[list[AlertState]] = st.sampled_from(
    [["trigger"], ["trigger", "acknowledge"], ["trigger", "resolve"], ["trigger", "acknowledge", "resolve"]]
)


@settings(max_examples=80)
@given(
    stories=st.lists(STORIES, min_size=1, max_size=4),
    gaps=st.lists(st.integers(0, 90), min_size=16, max_size=16),
    fates=st.lists(FATES, max_size=40),
)
async def test_whatever_fails_and_whenever_it_is_killed(
    stories: list[list[AlertState]], gaps: list[int], fates: list[str]
):
    """Incidents of one fault after another: each page that is still wanted is heard, in order, under one id."""
    server = Server(fates)
    post = Post(oncall=server)
    for number, story in enumerate(stories):
        for state in story:
            id = f"{number}-{state}"
            await post.put(delivery(state, id=id, incident_id=f"i{number}", key="k", at=post.clock.now()))
            await _live(post, gaps.pop() if gaps else 0)
        post.clock.advance(1)  # no two incidents of one fault begin at once
    while "waiting" in (await post.states()).values():
        assert post.clock.now() < T0 + 86_400
        await _live(post, 100)

    heard = [each.id for each in server.heard]
    for number, story in enumerate(stories):
        last = f"{number}-{story[-1]}"
        # What was said last is heard, unless nobody there can know of the incident.
        assert last in heard or f"{number}-trigger" not in [each.id for each in server.tried]
        assert story != ["trigger"] or last in heard
        firsts = [heard.index(f"{number}-{state}") for state in story if f"{number}-{state}" in heard]
        assert firsts == sorted(firsts)
    lasts = [
        max(at for at, id in enumerate(heard) if id.startswith(f"{n}-"))
        for n in range(len(stories))
        if any(id.startswith(f"{n}-") for id in heard)
    ]
    assert lasts == sorted(lasts)


async def _live(post: Post, seconds: float) -> None:
    """Go on for a while, starting the process anew whenever it is killed."""
    end = post.clock.now() + seconds
    while post.clock.now() < end:
        await post.outbox.start_due()
        lanes = list(post.outbox._lanes.values())  # pyright: ignore[reportPrivateUsage]
        died = [
            each for each in await asyncio.gather(*lanes, return_exceptions=True) if isinstance(each, Killed)
        ]
        await post.outbox.idle()
        if died:
            post.outbox = post.started()
        post.clock.advance(1 if seconds < 100 else 20)
