"""What the other workers of a gateway know, for a route that has to answer for all of them."""

from typing import Protocol

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.domain.errors import GuardianError


class WorkersSilent(GuardianError):
    """The other workers cannot be asked now; what one of them alone knows would be wrong."""

    status, default_code = 503, "workers_silent"


class Siblings(Protocol):
    """The other workers. A question costs a message to each, and never takes longer than a second."""

    async def find_request(self, request_id: str, tenant: str | None) -> RequestRecord | None:
        """Return the record of a request that another worker answered, if it is that tenant's (`None`: anybody's)."""
        ...

    async def counts(self) -> tuple[bytes, ...]:
        """Return what others have counted, those that have ended too.

        Raises:
            WorkersSilent: they cannot be asked; counters would go back without them.
        """
        ...


class NoSiblings:
    """There is one worker alone."""

    async def find_request(self, request_id: str, tenant: str | None) -> RequestRecord | None:
        """Return nothing."""
        return None

    async def counts(self) -> tuple[bytes, ...]:
        """Return nothing."""
        return ()
