"""A child process that is kept running until told to end."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable

log = logging.getLogger("guardian.supervisor")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
"""Before a child that died is started again; doubled while it dies young, so that a broken one does not spin."""
STEADY_S = 30.0
"""A child that lived this long died of something new."""

REAPED_S = 1.0
"""How long to wait for a killed process to be gone; only one that hangs in the system's own calls takes longer."""


class Child:
    """One process that is kept running until told to end."""

    def __init__(
        self,
        module: str,
        arguments: Callable[[], tuple[list[str], tuple[int, ...]]],
        *,
        grace_s: float,
        on_started: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; `on_started` is called whenever the process has its descriptors, or could not be started."""
        self.last_end = ""
        """How the process ended last, unasked; empty where it did not."""
        self.name = module.rpartition(".")[2]
        self._module = module
        self._arguments = arguments
        self._grace_s = grace_s
        self._on_started = on_started
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False
        self._restarting = False

    async def keep_running(self) -> None:
        """Start the process, and start it again whenever it ends unasked."""
        loop, next_pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
        while not self._ending:
            started = loop.time()
            code = await self._run()
            if self._ending:
                return
            if self._restarting:
                continue
            pause_s = FIRST_PAUSE_S if loop.time() - started > STEADY_S else next_pause_s
            next_pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            self.last_end = _how(code)
            log.error(
                "a process ended and is started again",
                extra={"child": self.name, "ended": self.last_end, "pause_s": pause_s},
            )
            await asyncio.sleep(pause_s)

    async def _run(self) -> int | None:
        """Run the process to its end, and return its exit code; `None` where it could not be started."""
        self._restarting = False  # whatever was asked for before: these arguments are those of now
        arguments, descriptors = self._arguments()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                *arguments,
                pass_fds=descriptors,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C at the terminal is the supervisor's to pass on, once
            )
        except OSError as error:  # such as no memory or no process left: that passes, and the other serves
            reason = {"child": self.name, "reason": str(error)}
            log.error("a process could not be started", extra=reason)
            return None
        finally:
            if self._on_started is not None:
                self._on_started()
        if self._restarting or self._ending:  # asked for while there was no process yet to be told
            self._ask_to_end(self._process)
        return await self._process.wait()

    def restart(self) -> None:
        """Ask the process to end, and start it again with its arguments of then.

        It is killed when it takes longer than its grace. One that is being started is ended when it is there;
        one that waits to be started will have those arguments anyway.
        """
        self._restarting = True
        process = self._process
        if process is not None and process.returncode is None:
            self._ask_to_end(process)

    def _ask_to_end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        asyncio.get_running_loop().call_later(self._grace_s, _kill, process)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end, with that signal; kill it when it takes longer than its grace."""
        self._ending = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        if not await _ended(process, self._grace_s):
            self.kill()
            await _ended(process, REAPED_S)

    def kill(self) -> None:
        """End the process at once."""
        self._ending = True
        if self._process is not None:
            _kill(self._process)


async def _ended(process: asyncio.subprocess.Process, within_s: float) -> bool:
    """Wait for a process to end, and return whether it did in time."""
    try:
        async with asyncio.timeout(within_s):
            await process.wait()
    except TimeoutError:
        return False
    return True


def _how(code: int | None) -> str:
    """Return how a process ended, as people call it."""
    if code is None:
        return "before it began"
    if code >= 0:
        return f"with exit code {code}"
    return next((f"by {each.name}" for each in signal.Signals if each == -code), f"by signal {-code}")


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
