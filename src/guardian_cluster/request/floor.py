"""The floor: which of the attempts under way may speak. The first that has something to say takes it, and keeps it."""

from collections.abc import Awaitable, Callable

from guardian_cluster.specialists.specialist import Chunk

Emit = Callable[[list[Chunk]], Awaitable[None]]
"""Takes what may leave, in order; waits while the client does not keep up."""


class Floor:
    """Where the words of one execution leave, and who of several is let speak there."""

    def __init__(self, emit: Emit) -> None:
        self.emit = emit
        self.holder: object | None = None
        """The attempt whose words leave; `None` until content has left."""
        self.on_won: Callable[[object], None] | None = None
        """Told which of two attempts goes on, as soon as one has content."""

    def win(self, attempt: object) -> None:
        """Let the attempt go on alone: it has content, whether or not that leaves yet."""
        if self.on_won is not None:
            self.on_won(attempt)
            self.on_won = None

    def take(self, attempt: object) -> None:
        """Let the attempt speak from now on, and nobody else: this is the content commit."""
        assert self.holder is None, "an attempt that was overtaken is cancelled before it can speak"
        self.win(attempt)
        self.holder = attempt

    def hand_on(self, attempt: object) -> None:
        """Let the attempt go on with what another one has said, which broke off."""
        self.holder = attempt


async def nowhere(batch: list[Chunk]) -> None:
    """Let nothing leave."""
