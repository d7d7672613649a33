"""What a detector of personal data answers: an item, nothing, or that the text has yet to go on."""

import enum
from typing import Final, Literal, NamedTuple, Protocol

Kind = Literal["card", "iban", "email", "phone", "us_ssn", "ip", "national_id"]

KINDS: Final[tuple[Kind, ...]] = ("card", "iban", "national_id", "us_ssn", "ip", "email", "phone")
"""All kinds. Of two items of one length that start together, the kind that stands first is right."""

LOOK_BACK = 96
"""Characters before an item that may decide about it: its left boundary and the words that announce it."""


class Found(NamedTuple):
    """One item: characters `start` to `end` (exclusive) of the text."""

    start: int
    end: int
    kind: Kind
    detail: str
    """What narrows the kind down, as the issuer of a card or the country of an identity number; never the item."""


class Open(enum.Enum):
    """Says that only what follows can tell whether an item starts here."""

    OPEN = "open"


OPEN: Final = Open.OPEN

Answer = Found | Literal[Open.OPEN] | None


class Reader(Protocol):
    """Recognises items of one kind whose start is not always a digit.

    `view` is the text with up to `LOOK_BACK` characters of what stands before it. What `at` answers may depend on
    those characters and on what follows the position, never on how the text was cut: an answer that is not `OPEN`
    stays the same whatever is appended.
    """

    kind: Kind

    def starts(self, view: str, base: int) -> list[int]:
        """Return the positions from `base` on at which an item may start, none left out."""
        ...

    def tail(self, view: str) -> int:
        """Return the first position from which the end of the view may be the beginning of an item, or its length.

        It may leave out what `starts` names.
        """
        ...

    def at(self, view: str, start: int, *, last: bool) -> Answer:
        """Return the item that starts exactly here. `last` says that nothing follows the view."""
        ...
