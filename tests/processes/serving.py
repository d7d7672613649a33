"""Real processes for tests: `guardian serve` and its children, and waiting for what they do."""

import asyncio
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp

GUARDIAN = [str(Path(sys.executable).parent / "guardian")]
CHAT = {"model": "local", "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class Served:
    """A running `guardian serve`."""

    process: asyncio.subprocess.Process
    url: str
    greeting: str
    data: Path
    config: Path

    async def post(self, body: object = CHAT, **headers: str) -> tuple[int, dict[str, object]]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/chat/completions", json=body, headers=headers) as answer,
        ):
            return answer.status, await answer.json()

    async def get(self, path: str, **headers: str) -> dict[str, object]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url.removesuffix("/v1") + path, headers=headers) as answer,
        ):
            return await answer.json()

    async def metric(self, start: str, **headers: str) -> float:
        """Return the sum of all numbers of `/metrics` whose line begins so."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url.removesuffix("/v1") + "/metrics", headers=headers) as answer,
        ):
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))

    def children(self, name: str) -> list[int]:
        """Return the pids of the workers (`gateway`), or of the control process."""
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and f"processes.{name}" in (folder / "cmdline").read_text():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def child(self, name: str) -> int:
        """Return the pid of the only worker, or of the control process."""
        for pid in self.children(name):
            return pid
        raise LookupError(name)

    def child_or_none(self, name: str) -> int | None:
        try:
            return self.child(name)
        except LookupError:
            return None

    @property
    def log(self) -> str:
        """All that was logged so far."""
        return (self.config.parent / "log").read_text()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        try:
            with closing(sqlite3.connect(f"file:{self.data}/telemetry.db?mode=ro", uri=True)) as connection:
                return connection.execute(query).fetchall()
        except sqlite3.OperationalError:  # the control process has not made it yet
            return []


async def until(condition: Callable[[], object], timeout_s: float = 15) -> None:
    """Wait for what another process does; there is nothing to be told by."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(folder: Path, extra: str = "", *, url: str | None = None) -> AsyncGenerator[Served, None]:
    """Run `guardian serve` on a free port until the block ends."""
    config, data = folder / "guardian.toml", folder / "data"
    model = f'[specialist.local]\nurl = "{url}"\nmodel = "simulated-1"\n' if url else ""
    config.write_text(f'[data]\nfolder = "{data}"\n{model}{extra}')
    with (folder / "log").open("wb") as log, (folder / "out").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *GUARDIAN, "serve", "--config", str(config), "--listen", "127.0.0.1:0", stdout=out, stderr=log
        )
    try:
        await until(lambda: "curl" in (folder / "out").read_text() or process.returncode is not None, 20)
        greeting = (folder / "out").read_text()
        address = re.search(r"Ready\s+(\S+)", greeting)
        assert address is not None, (folder / "log").read_text()
        yield Served(process, address[1], greeting, data, config)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await process.wait()


async def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run `guardian` to its end and return its exit code and what it said on stderr."""
    process = await asyncio.create_subprocess_exec(
        *GUARDIAN,
        *arguments,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    async with asyncio.timeout(20):
        _, said = await process.communicate()
    return process.returncode or 0, said.decode()


def lives(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
