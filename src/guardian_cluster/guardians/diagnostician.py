"""The Diagnostician guardian: why a specialist's answers are worse than expected, and where."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.diagnosis.diagnose import diagnose
from guardian_cluster.guardians.diagnosis.narrative import Narrator, accepted, prompt_of
from guardian_cluster.guardians.diagnosis.patterns import NO_PATTERNS, Patterns
from guardian_cluster.monitoring.ports import WindowSource

log = logging.getLogger("guardian.diagnostician")

PATIENCE_S = 20.0
"""For all narratives of a report together: a monitoring cycle waits for it."""

MAX_NARRATED = 3


class Diagnostician:
    """Looks at a specialist's window for causes; a narrator, where there is one, tells them in other words."""

    def __init__(
        self,
        source: WindowSource,
        clock: Clock,
        narrator: Narrator | None = None,
        *,
        patterns: Callable[[], Patterns] = lambda: NO_PATTERNS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._source = source
        self._clock = clock
        self._narrator = narrator
        self._patterns = patterns
        self._patience_s = patience_s

    async def analyze_patterns(self, specialist: Specialist) -> DiagnosticianReport:
        """Return the causes of what is wrong, and where it is; nothing of a specialist that has disappeared."""
        try:
            window = await self._source.window(specialist.name)
        except KeyError:
            return DiagnosticianReport(specialist=specialist.name, requests=0)
        report = await asyncio.to_thread(self._diagnosed, window)
        return report if self._narrator is None else await self._narrated(report, self._narrator)

    def _diagnosed(self, window: Window) -> DiagnosticianReport:
        return diagnose(window, at=self._clock.now(), patterns=self._patterns())

    async def _narrated(self, report: DiagnosticianReport, narrator: Narrator) -> DiagnosticianReport:
        """Return the report with narratives, as far as they come in time and rest on its evidence alone."""
        told = list(report.diagnoses)
        try:
            async with asyncio.timeout(self._patience_s):
                for place, diagnosis in enumerate(told[:MAX_NARRATED]):
                    told[place] = await self._told(diagnosis, narrator)
        except TimeoutError:
            log.warning("a narrator was too slow", extra={"specialist": report.specialist})
        except Exception:
            log.exception("a narrator failed", extra={"specialist": report.specialist})
        return msgspec.structs.replace(report, diagnoses=tuple(told))

    async def _told(self, diagnosis: Diagnosis, narrator: Narrator) -> Diagnosis:
        if not diagnosis.record_ids:
            return diagnosis
        text = await narrator.tell(prompt_of(diagnosis))
        return msgspec.structs.replace(diagnosis, narrative=accepted(diagnosis, text))
