"""Several model servers by their names, which serve as long as the whole is entered."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from guardian_cluster.simulation.server import ModelServer


class Servers(Mapping[str, ModelServer]):
    """Use it with `async with`: all of them serve then, or none does."""

    def __init__(self, servers: Mapping[str, ModelServer]) -> None:
        self._servers = servers
        self._exits = AsyncExitStack()

    def __getitem__(self, name: str) -> ModelServer:
        return self._servers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._servers)

    def __len__(self) -> int:
        return len(self._servers)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            for server in self._servers.values():
                await starting.enter_async_context(server)
            self._exits = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()
