"""A lane: one channel of text of one choice, with its gate and what else watches it."""

from collections.abc import Sequence
from math import inf

from guardian_cluster.watcher.failing import Failures
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.guard import Guard
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.sensor import Sensor
from guardian_cluster.watcher.sensors import Sensed

Finding = tuple[int, Sensed]
"""After how many characters of a piece something was found, and by what."""


class Lane:
    """Text that grows: content, reasoning, refusal, the name or arguments of a tool call."""

    def __init__(
        self,
        name: str,
        compiled: CompiledPolicy,
        sensors: Sequence[Sensed],
        failures: Failures,
        guard: Guard,
        *,
        escaped: bool,
    ) -> None:
        self.name = name
        self.characters = 0
        self.ends_at: int | None = None
        """Where the channel was stopped, in characters as the model wrote them."""
        self.shut = False
        """Whether text came after the choice had been stopped."""
        self.found: set[str] = set()
        """The rules of what the sensors found."""
        self._failures = failures
        self._sensors = [(sensed.sensor.feed, sensed) for sensed in sensors]
        self._reach = _reach(self._sensors)
        self._holding = [each.sensor for each in sensors if each.action != "observe" and _holds(each.sensor)]
        rules, words = compiled.rules, compiled.words
        self.gate = Gate(rules, guard, escaped=escaped, words=words) if rules or self._holding else None

    def sense(self, text: str) -> Sequence[Finding]:
        """Take in what the model wrote; return what the sensors find in it, in its order."""
        before = self.characters
        self.characters += len(text)
        if before > self._reach:
            self._drop_those_done(before)
        found: list[Finding] | None = None
        for feed, sensed in self._sensors:
            try:
                at = feed(text)
            except Exception as error:
                found = [*(found or ()), (len(text), self._failures.of(sensed, error))]
                self._drop(sensed)
            else:
                if at is not None:
                    found = [*(found or ()), (at - before, sensed)]
        if found is not None:
            self._note(found)
            found.sort(key=lambda finding: finding[0])
        if self._holding and self.gate is not None:
            held = self._holding[0].suspect_from()
            for sensor in self._holding[1:]:
                at = sensor.suspect_from()
                held = at if held is None or (at is not None and at < held) else held
            self.gate.hold_from = held
        return found or ()

    def keep_back(self, sensed: Sensed) -> None:
        """Let nothing out of what a sensor found, as far as it has not left."""
        if self.gate is not None and sensed.sensor.found_from is not None:
            self.gate.hold_from = sensed.sensor.found_from

    def conclude(self) -> Sequence[Finding]:
        """Return what the channel's end shows."""
        if self.gate is not None:
            self.gate.hold_from = None
        found: list[Finding] = []
        for _, sensed in self._sensors:
            try:
                if sensed.sensor.finish() is not None:
                    found.append((self.characters, sensed))
            except Exception as error:
                found.append((self.characters, self._failures.of(sensed, error)))
        if found:
            self._note(found)
        return found

    def _note(self, found: Sequence[Finding]) -> None:
        """Feed no more what has found something."""
        for _, sensed in found:
            self.found.add(sensed.rule)
            self._drop(sensed)

    def _drop_those_done(self, characters: int) -> None:
        """Feed no more what finds nothing behind so many characters."""
        for _, sensed in self._sensors:
            if sensed.sensor.reach is not None and sensed.sensor.reach < characters:
                self._drop(sensed)
        self._reach = _reach(self._sensors)

    def _drop(self, sensed: Sensed) -> None:
        self._sensors = [each for each in self._sensors if each[1].sensor is not sensed.sensor]
        self._holding = [each for each in self._holding if each is not sensed.sensor]


def _reach(sensors: Sequence[tuple[object, Sensed]]) -> float:
    """Return after how many characters the first of some sensors is done."""
    reaches = [sensed.sensor.reach for _, sensed in sensors if sensed.sensor.reach is not None]
    return min(reaches, default=inf)


def _holds(sensor: Sensor) -> bool:
    return type(sensor).suspect_from is not Sensor.suspect_from
