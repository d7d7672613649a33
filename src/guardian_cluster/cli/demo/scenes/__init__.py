"""The scenes of the demo, in their order: each plays, reads the records, and says what they say."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from guardian_cluster.cli.demo.scenes import (
    escalation,
    leak,
    memory,
    mistake,
    outage,
    parts,
    regression,
    repair,
    routing,
)
from guardian_cluster.cli.demo.stage import Stage


class Play(msgspec.Struct, frozen=True):
    """A scene: its name for machines, its title for people, and what happens in it."""

    name: str
    title: str
    play: Callable[[Stage], Awaitable[None]]


SCENES: Sequence[Play] = (
    Play("routing", "Quality at cost: who is asked, and why", routing.play),
    Play("parts", "Three specialists at once, one answer", parts.play),
    Play("mistake", "A sum that does not hold is caught, and asked again higher up", mistake.play),
    Play("leak", "What must not leave does not leave", leak.play),
    Play("outage", "An endpoint dies in the middle of requests", outage.play),
    Play("memory", "A conversation goes on", memory.play),
    Play("repair", "An endpoint's answers go wrong, and it is repaired with no human", repair.play),
    Play("regression", "A regression is noticed, located and explained", regression.play),
    Play("escalation", "What only people can mend: a backup answers, and they are called", escalation.play),
)
