"""Stand-ins: who is struck, who goes on with a text, and that each strike can be rehearsed."""

from collections.abc import Sequence
from typing import Any

import pytest

from guardian_cluster.simulation import NAMED_FAULTS, ModelRequest, Pace, Status, first
from guardian_cluster.simulation.observation import Expected
from guardian_cluster.simulation.observer import observe
from guardian_cluster.simulation.stand_ins import GoesOn, StandIns
from guardian_cluster.simulation.strikes import STRIKES, Strike

TEXT = "Fill the kettle halfway and bring it to the boil, then rinse it twice."
WHOLE = Expected(texts=(TEXT,))
PACES = {"a": Pace(), "b": Pace(), "c": Pace()}


def asked(*messages: tuple[str, str]) -> ModelRequest:
    body = {"messages": [{"role": role, "content": content} for role, content in messages]}
    return ModelRequest(number=0, method="POST", path="", query="", headers={}, raw=b"", body=body)


async def verdicts(servers: StandIns, names: Sequence[str]) -> list[str]:
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    return [(await observe(servers[name].url, body, WHOLE, limit_s=5.0)).verdict for name in names]


@pytest.mark.parametrize(
    "messages",
    [
        (("user", "How?"), ("assistant", TEXT[:30])),
        (("user", "How?"), ("assistant", TEXT[:30]), ("user", "Go on exactly where that ends.")),
        (("user", "How?"), ("user", f"It broke off here:\n{TEXT[:30]}\n---\nGo on.")),
    ],
)
def test_the_text_is_gone_on_with_wherever_its_beginning_stands(messages: tuple[tuple[str, str], ...]):
    assert GoesOn(TEXT)(asked(*messages)).text == TEXT[30:]


@pytest.mark.parametrize("said", ["", "Fill", "Something else entirely."])
def test_it_begins_anew_where_nothing_was_said_of_it(said: str):
    assert GoesOn(TEXT)(asked(("user", "How?"), ("assistant", said))).text == TEXT


async def test_whoever_is_asked_first_is_struck_and_nobody_else():
    async with StandIns(PACES, TEXT, seed=1) as servers:
        servers.strike(Strike(name="x", about="", faults=(Status(503),)), ["a", "b"])

        assert await verdicts(servers, ["b", "a", "b", "c"]) == ["refused", "complete", "refused", "complete"]
        assert servers.struck == {"b"}
        servers.heal()
        assert await verdicts(servers, ["b"]) == ["complete"]
        assert servers.struck == frozenset()


async def test_two_faults_strike_two_of_them():
    async with StandIns(PACES, TEXT, seed=1) as servers:
        servers.strike(Strike(name="x", about="", faults=(Status(503), Status(429))), ["a", "b", "c"])

        assert await verdicts(servers, ["c", "a", "b"]) == ["refused", "refused", "complete"]


async def test_a_burst_is_counted_at_the_one_it_strikes():
    async with StandIns(PACES, TEXT, seed=1) as servers:
        servers.strike(Strike(name="x", about="", faults=(first(2, Status(503)),)), ["a", "b"])

        found = await verdicts(servers, ["a", "b", "b", "a", "a"])

    assert found == ["refused", "complete", "complete", "refused", "complete"]


async def test_where_connections_are_met_the_first_is_struck_or_all_are():
    async with StandIns(PACES, TEXT, seed=1) as servers:
        servers.strike(STRIKES["refuse"], ["b", "a"])
        one = await verdicts(servers, ["a", "b"])
        servers.heal()
        servers.strike(STRIKES["all-down"], ["a", "b"])
        every = await verdicts(servers, ["a", "b", "c"])

    assert one == ["complete", "broken"]
    assert every == ["broken", "broken", "complete"]


def test_every_named_fault_can_be_rehearsed_and_is_explained():
    assert NAMED_FAULTS.keys() <= STRIKES.keys()
    assert all(strike.about and strike.name == name for name, strike in STRIKES.items())
    assert {"dns-failure", "two-at-once", "all-down", "recovery", "flapping", "degraded-5x"} <= STRIKES.keys()
