"""Decides which marks of callers count beyond their own tenant's slice, so that no tenant speaks for all.

One that marks everything as bad makes up two fifths at most of what the slices of others hear; its own slice hears all
of its marks, and so alarms first.
"""

from collections.abc import Sequence

WINDOW, MOST_OF_ONE = 10, 4
"""Of so many marks that counted, one tenant made so many at most. It leaves room for chance: of three tenants that mark
equally often two thirds count, of four five sixths. (With 1 of 3 it was a third: each had to wait for one certain
tenant.) And four bad marks in a row prove nothing. Of one or two tenants that mark alone soon none counts: nothing
tells whether both or one of them see something."""


class MarkShares:
    """The tenants of the latest marks that counted, by number."""

    def __init__(self, counted: Sequence[int] = ()) -> None:
        self.counted = list(counted)

    def take(self, tenant: int) -> bool:
        """Take in a tenant's mark; return whether it counts for others too."""
        if self.counted.count(tenant) >= MOST_OF_ONE:
            return False
        self.counted = [*self.counted, tenant][1 - WINDOW :]
        return True
