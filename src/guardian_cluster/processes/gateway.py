"""The entry of a worker's process: what it is given by the supervisor, and what signals mean to it."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import click
import uvloop

from guardian_cluster.errors import CommandError
from guardian_cluster.processes.gateway_process import GatewayProcess
from guardian_cluster.processes.headcount import Headcount
from guardian_cluster.processes.lifeline import follow_parent
from guardian_cluster.telemetry.logs import set_up_logs


async def serve(
    process: GatewayProcess,
    sockets: list[socket.socket],
    lifeline_fd: int | None,
    tls: tuple[str, str] | None,
    *,
    headcount: Headcount | None,
    restarted: str,
) -> None:
    """Serve until the first SIGTERM or SIGINT, or until the parent is gone; then drain. SIGUSR1: another one serves."""
    stop, replaced = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def give_way() -> None:
        replaced.set()
        stop.set()

    loop.add_signal_handler(signal.SIGUSR1, give_way)
    if lifeline_fd is not None:
        follow_parent(loop, lifeline_fd, stop.set)
    await process.run(sockets, stop, replaced, tls, headcount=headcount, restarted=restarted)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--listen-fd", "listen_fds", type=int, multiple=True, required=True)
@click.option("--lifeline-fd", type=int)
@click.option("--worker", type=int, default=1, help="The number of this one, from 1.")
@click.option("--workers", type=int, default=1, help="How many there are.")
@click.option("--fleet-fd", type=int, help="The connection to the supervisor.")
@click.option("--headcount-fd", type=int, help="The memory that workers share.")
@click.option("--restarted", default="", help="Why it takes another's place.")
@click.option("--log-level", default="info")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
@click.option("--certificate")
@click.option("--private-key")
def main(
    data: Path,
    listen_fds: tuple[int, ...],
    lifeline_fd: int | None,
    worker: int,
    workers: int,
    fleet_fd: int | None,
    headcount_fd: int | None,
    restarted: str,
    log_level: str,
    log_format: str,
    certificate: str | None,
    private_key: str | None,
) -> None:
    """Serve on sockets that the supervisor bound."""
    set_up_logs(log_level, "json" if log_format == "json" else "text")
    sockets = [socket.socket(fileno=number) for number in listen_fds]
    fleet = None if fleet_fd is None else socket.socket(fileno=fleet_fd)
    headcount = None if headcount_fd is None else Headcount(headcount_fd)
    tls = (certificate, private_key) if certificate and private_key else None
    process = GatewayProcess(data, worker, workers, fleet)
    serving = serve(process, sockets, lifeline_fd, tls, headcount=headcount, restarted=restarted)
    try:
        uvloop.run(serving)
    except CommandError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
