"""The gateway of a demo, a process of its own: what `guardian serve` runs, until its parent ends, however it ends.

Its standard input is the tie to the parent: nothing is ever written there, and its end is the parent's.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.errors import CommandError
from guardian_cluster.processes.lifeline import follow_parent
from guardian_cluster.processes.supervisor import Supervisor, reloader
from guardian_cluster.telemetry.logs import set_up_logs


def main() -> int:
    """Serve the configuration named, and print one line of JSON with the address when it answers."""
    set_up_logs("info", "text")
    try:
        asyncio.run(_serve(Path(sys.argv[1])))
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


async def _serve(config: Path) -> None:
    supervisor = Supervisor(reloader(config, {}), _say_ready)
    follow_parent(asyncio.get_running_loop(), sys.stdin.fileno(), _stop)
    await supervisor.run()


def _say_ready(url: str, _: Snapshot) -> None:
    print(json.dumps({"url": f"{url}/v1"}), flush=True)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
