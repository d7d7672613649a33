"""What one watch keeps: findings, channels and text, each bounded, for hostile servers send no end of them."""

from guardian_cluster.domain.verdict import Action, Verdict
from guardian_cluster.watcher.guard import Guard, SharedGuard

MAX_VERDICTS = 1_024
"""Of one watch. What is found beyond them is acted on all the same, and not recorded."""

MAX_VERDICTS_PER_CHANNEL = 32
"""Which of a channel's findings are recorded does not depend on other channels, up to `MAX_VERDICTS` in
all."""

MAX_CHANNELS = 1_024
"""Of one watch: 128 choices with words and reasoning, or an answer of 340 tool calls. Each holds some
kilobytes."""

MAX_TOOL_CALLS = 256
"""Of one choice. Those beyond share a place, and so a channel."""

MAX_KEPT_CHARACTERS = 1_000_000
"""Of content that is kept to be verified at its end, over all choices."""


class Ledger:
    """The findings of one watch, and the room that is left."""

    def __init__(self, guard: Guard | None = None) -> None:
        self.guard = guard or SharedGuard().place()
        self.verdicts: list[Verdict] = []
        self.said_something = False
        """Whether content may have left."""
        self._seen: set[tuple[str, str, str, int]] = set()
        self._channels = MAX_CHANNELS
        self._characters = MAX_KEPT_CHARACTERS

    def note(
        self, detector: str, rule: str, action: Action, *, channel: str, choice: int = 0, position: int = 0
    ) -> None:
        """Record a finding."""
        if action != "observe":
            self.guard.leaked(detector, rule)
        if len(self.verdicts) < MAX_VERDICTS:
            self.verdicts.append(
                Verdict(
                    detector=detector,
                    rule=rule,
                    action=action,
                    channel=channel,
                    choice=choice,
                    position=position,
                )
            )

    def note_once(self, detector: str, rule: str, action: Action, *, channel: str, choice: int = 0) -> None:
        """Record a finding that has no position, and would recur with every chunk."""
        key = (detector, rule, channel, choice)
        if key not in self._seen and len(self.verdicts) < MAX_VERDICTS:
            self._seen.add(key)
            self.note(detector, rule, action, channel=channel, choice=choice)

    def opens_channel(self) -> bool:
        """Return whether one more channel may be opened."""
        self._channels -= 1
        return self._channels >= 0

    def keeps(self, characters: int) -> bool:
        """Return whether so much more text may be kept."""
        self._characters -= characters
        return self._characters >= 0
