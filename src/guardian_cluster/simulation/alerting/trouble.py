"""What goes wrong where an alert arrives: a function from the number of a request to its trouble."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """What meets one request, or one message."""

    status: int | None = None
    """It is answered with this status, and not taken."""
    retry_after: str | None = None
    """The header beside it."""
    said: str = "as told"
    """The body beside it."""
    hangs: bool = False
    """Nothing is answered until the client leaves, and it is not taken."""
    loses_reply: bool = False
    """It is taken, and the connection breaks before the client is told."""


Troubles = Callable[[int], Trouble | None]
"""Called with the number of the request, from 0 since the server began."""


def well(number: int) -> Trouble | None:
    """Meet nothing."""
    return None


def says(status: int, *, retry_after: str | None = None, said: str = "as told") -> Troubles:
    """Answer everything with a status."""
    return lambda number: Trouble(status=status, retry_after=retry_after, said=said)


def hangs(number: int) -> Trouble | None:
    """Answer nothing."""
    return Trouble(hangs=True)


def loses(number: int) -> Trouble | None:
    """Take everything, and tell nobody."""
    return Trouble(loses_reply=True)


def first_of_all(count: int, troubles: Troubles) -> Troubles:
    """Meet the first `count` requests alone."""
    return lambda number: troubles(number) if number < count else None
