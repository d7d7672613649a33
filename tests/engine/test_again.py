"""How often what met something that is away is done again, and with which pauses."""

import pytest

from guardian_cluster.engine import again, immediate
from guardian_cluster.engine.again import LONGEST_PAUSE_S, patiently, pause_s
from guardian_cluster.engine.engine import EngineUnavailable
from guardian_cluster.engine.immediate import ImmediateRun


class Away(Exception):
    """A database is away for now."""


class Failing:
    """Work that raises some errors, one each time, and then is done."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    async def __call__(self, key: str = "") -> str:
        if self._errors:
            raise self._errors.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "FIRST_PAUSE_S", 0.001)


def test_each_pause_is_twice_as_long_up_to_the_longest() -> None:
    pauses = [pause_s(failures) for failures in range(1, 2_000)]

    assert pauses[:3] == [0.001, 0.002, 0.004]
    assert max(pauses) == pauses[-1] <= LONGEST_PAUSE_S


async def test_what_is_away_is_waited_for_and_nothing_else() -> None:
    assert await patiently(Failing(Away(), EngineUnavailable("x"), Away()), (Away,)) == "done"
    with pytest.raises(LookupError):
        await patiently(Failing(Away(), LookupError()), (Away,))


async def test_without_a_name_for_it_only_the_engine_is_waited_for() -> None:
    assert await patiently(Failing(EngineUnavailable("x")), ()) == "done"
    with pytest.raises(Away):
        await patiently(Failing(Away()), ())


async def test_an_immediate_step_waits_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(immediate, "_PATIENCE_S", 0.01)
    run = ImmediateRun("r", (Away,))

    assert await run.step("x", Failing(Away()), str) == "done"
    with pytest.raises(Away):
        await run.step("x", Failing(*[Away()] * 20), str)
