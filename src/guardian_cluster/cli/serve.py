"""`guardian serve`: checks everything it is given, then runs the gateway until told to stop."""

import asyncio
import sys
from pathlib import Path

import click

from guardian_cluster.config import check_listen_address, find_config
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.keys import FILE_NAME, KeyFile
from guardian_cluster.processes.supervisor import Supervisor, reloader
from guardian_cluster.telemetry.logs import set_up_logs

_QUESTION = "What is 17% of 2,350?"


@click.command()
@click.option(
    "--config", "path", type=click.Path(path_type=Path), help="The file to read instead of ./guardian.toml."
)
@click.option("--listen", help="HOST:PORT to listen on instead of the configured one.")
@click.option("--workers", type=int, help="How many processes answer requests, instead of as configured.")
def serve(path: Path | None, listen: str | None, workers: int | None) -> int:
    """Start the gateway and keep it running."""
    flags = {} if listen is None else {"gateway.listen": listen}
    if workers is not None:
        flags["gateway.workers"] = str(workers)
    found = find_config(path)
    read = reloader(found, flags)
    config = read()
    keys = KeyFile(config.data_folder / FILE_NAME).load()
    check_listen_address(config, keys)
    set_up_logs(config.log.level, config.log.format)

    def ready(url: str, snapshot: Snapshot) -> None:
        click.echo(_greeting(url, snapshot, found, config.data_folder, needs_key=bool(keys)))
        sys.stdout.flush()

    asyncio.run(Supervisor(read, ready).run())
    return 0


def _greeting(url: str, snapshot: Snapshot, config: Path | None, data: Path, *, needs_key: bool) -> str:
    specialists = ", ".join(specialist.name for specialist in snapshot.base.specialists)
    key = " -H 'authorization: Bearer YOUR_KEY'" if needs_key else ""
    question = f'{{"model":"auto","messages":[{{"role":"user","content":"{_QUESTION}"}}]}}'
    return "\n".join(
        [
            f"config       {config or 'none, so the defaults'}",
            f"data         {data}",
            f"specialists  {specialists}",
            f"Ready        {url}/v1   (Ctrl-C stops it)",
            "",
            "Try:",
            f"curl {url}/v1/chat/completions{key} -H 'content-type: application/json' -d '{question}'",
        ]
    )
