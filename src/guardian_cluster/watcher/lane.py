"""A lane: one channel of text of one choice, with its gate and what else watches it."""

from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.repetition import RepetitionDetector


class Lane:
    """Text that grows: content, reasoning, refusal, the name or arguments of a tool call."""

    def __init__(self, name: str, patterns: Patterns, *, escaped: bool) -> None:
        self.name = name
        self.characters = 0
        self.loop_at: int | None = None
        self.ends_at: int | None = (
            None  # where the channel was stopped, in characters as the model wrote them
        )
        self.shut = False  # whether text came after the choice had been stopped
        self.gate = Gate(patterns, escaped=escaped) if patterns.rules else None
        self._repetition = RepetitionDetector()

    def loops_at(self, text: str) -> int | None:
        """Take in what the model wrote; return where in it the channel turns out to be a loop."""
        before = self.characters
        self.characters += len(text)
        if self.loop_at is not None:
            return None
        found = self._repetition.feed(text)
        return None if found is None else found - before
