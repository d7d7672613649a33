import asyncio

import msgspec
import pytest
from diagnosis_samples import window

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.diagnosis.diagnose import diagnose
from guardian_cluster.guardians.diagnostician import Diagnostician

WRITER = msgspec.convert({"name": "writer", "variants": []}, Specialist)
SEEN = window(31, (("quality_drop", (("endpoint", "writer/2"),)),), strength=0.8, before=900, after=500)


class Source:
    async def window(self, specialist: str) -> Window:
        if specialist != SEEN.specialist:
            raise KeyError(specialist)
        return SEEN


class Scripted:
    """A narrator that says the same each time."""

    def __init__(self, said: str | Exception) -> None:
        self.said = said

    async def tell(self, prompt: str) -> str:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


class Silent:
    async def tell(self, prompt: str) -> str:
        await asyncio.Event().wait()
        return ""


async def report(narrator: object = None) -> DiagnosticianReport:
    guardian = Diagnostician(Source(), ManualClock(SEEN.until), narrator, patience_s=0.05)  # type: ignore[arg-type]
    return await guardian.analyze_patterns(WRITER)


async def test_the_window_of_the_specialist_is_diagnosed() -> None:
    assert await report() == diagnose(SEEN, at=SEEN.until)


async def test_a_specialist_that_has_disappeared_has_no_diagnoses() -> None:
    gone = msgspec.structs.replace(WRITER, name="gone")

    found = await Diagnostician(Source(), ManualClock()).analyze_patterns(gone)

    assert found == DiagnosticianReport(specialist="gone", requests=0)


async def test_a_narrator_adds_an_account_and_changes_nothing_else() -> None:
    plain = await report()
    first = plain.diagnoses[0].record_ids[0]

    told = await report(Scripted(f"Answers are worse [{first}]."))

    assert told.diagnoses[0].narrative == f"Answers are worse [{first}]."
    assert msgspec.structs.replace(told.diagnoses[0], narrative="") == plain.diagnoses[0]


@pytest.mark.parametrize(
    "narrator", [Scripted("No."), Scripted("As in [req_9]."), Scripted(ValueError("no")), Silent()]
)
async def test_a_narrator_that_forges_fails_or_is_silent_costs_no_diagnosis(narrator: object) -> None:
    assert await report(narrator) == await report()
