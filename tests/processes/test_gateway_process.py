"""The gateway process serves from what is on disk, and from the last that it served where that is damaged."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec
import pytest
from harness import SOLVER, base
from serving import CHAT, Served, served, until

from guardian_cluster.contract.snapshot import DenyRule, Limits, Snapshot, WatchPolicy
from guardian_cluster.contract.snapshot_file import (
    FILE_NAME,
    SERVED_NAME,
    VERSION,
    read_snapshot,
    write_snapshot,
)
from guardian_cluster.keys import KeyFile
from guardian_cluster.simulation import ModelServer


def unwatchable() -> bytes:
    """Return a snapshot that reads well and cannot be compiled."""
    rule = DenyRule(name="long", text="x" * 10_000)
    snapshot = Snapshot(rev=99, base=base(SOLVER, watch=WatchPolicy(deny=(rule,))))
    return msgspec.json.encode({"version": VERSION, "snapshot": snapshot})


DAMAGES = {
    "cut short": b'{"version":1,"snapshot":{"rev":3,"base":{"speci',
    "empty": b"",
    "newer": json.dumps({"version": VERSION + 1, "snapshot": {}}).encode(),
    "not servable": unwatchable(),
}


async def kill_gateway(guardian: Served) -> None:
    """Kill the gateway process, and wait until another one is there."""
    first = guardian.child("gateway")
    os.kill(first, signal.SIGKILL)
    await until(lambda: guardian.child_or_none("gateway") not in (None, first))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_gateway_that_restarts_on_a_damaged_snapshot_serves_the_last_one(
    tmp_path: Path, damage: bytes
) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        await until((guardian.data / SERVED_NAME).exists)
        os.kill(guardian.child("gateway"), signal.SIGSTOP)  # so that only the next one meets the damage
        (guardian.data / FILE_NAME).write_bytes(damage)
        await kill_gateway(guardian)

        assert (await guardian.post())[0] == 200
        assert "the last one that was is in force again" in guardian.log
        assert str(guardian.data / FILE_NAME) in guardian.log or "rule 'long'" in guardian.log
        told = "select count(*) from gateway_event where kind = 'snapshot_refused'"
        await until(lambda: guardian.rows(told) == [(1,)])


async def test_what_a_reload_brought_is_what_is_served_again(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        guardian.config.write_text(guardian.config.read_text() + '[alias]\n"other" = "local"\n')
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "snapshot applied" in guardian.log)
        await until(lambda: read_snapshot(guardian.data, SERVED_NAME).base.aliases)
        (guardian.data / FILE_NAME).write_bytes(b"")
        await kill_gateway(guardian)

        assert (await guardian.post({**CHAT, "model": "other"}))[0] == 200


async def test_a_gateway_takes_in_nothing_of_who_is_called(tmp_path: Path) -> None:
    sink = '[alerts.sinks.oncall]\nkind = "pagerduty"\nkey = "hidden-7f3a"\n'
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        guardian.config.write_text(guardian.config.read_text() + sink)
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "snapshot applied" in guardian.log)
        await until(lambda: read_snapshot(guardian.data, SERVED_NAME).rev == 2)

        assert "hidden-7f3a" in (guardian.data / FILE_NAME).read_text()
        assert "hidden-7f3a" not in (guardian.data / SERVED_NAME).read_text()


async def test_a_reload_mends_a_damaged_snapshot(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        await until((guardian.data / SERVED_NAME).exists)
        (guardian.data / FILE_NAME).write_bytes(b"")
        await kill_gateway(guardian)
        await guardian.post()
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "snapshot applied" in guardian.log)
        state = await guardian.get("/health/readiness")

        assert state["rev"] == read_snapshot(guardian.data).rev == 2


async def test_what_a_key_has_spent_is_spent_after_a_restart(tmp_path: Path) -> None:
    budget = Limits(budget_usd_per_month=1.03)  # one request reserves 1.024 for its 1,024 tokens
    key = KeyFile(tmp_path / "data" / "keys.json").add(created=1.0, limits=budget)
    price = "price = { output_usd = 1000.0 }\n"
    async with ModelServer("well " * 40) as model, served(tmp_path, price, url=model.url) as guardian:
        bearer = f"Bearer {key}"
        assert (await guardian.post(authorization=bearer))[0] == 200
        await until(lambda: guardian.rows("select usd from spend where usd > 0.006"))
        await kill_gateway(guardian)

        status, said = await guardian.post(authorization=bearer)

        assert (status, said["error"]["code"]) == (429, "budget_exceeded")  # type: ignore[index]
        assert model.received == 1


async def test_with_nothing_to_serve_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"damaged")
    (tmp_path / SERVED_NAME).write_bytes(b"damaged too")

    code, said = await run_gateway(tmp_path)

    assert code == 73
    assert said.startswith("error: there is no snapshot that can be served: ")
    assert all(name in said for name in (FILE_NAME, SERVED_NAME, "SIGHUP", "(no-snapshot)"))
    assert "Traceback" not in said


async def test_a_folder_that_cannot_be_written_stops_no_gateway(tmp_path: Path) -> None:
    write_snapshot(tmp_path, Snapshot(rev=1, base=base(SOLVER)))
    (tmp_path / "snapshot.served.new").mkdir()  # so that even root cannot write what is served

    _, said = await run_gateway(tmp_path, until_said="cannot be kept")

    assert "Traceback" not in said


async def run_gateway(data: Path, until_said: str = "") -> tuple[int, str]:
    """Run a gateway process alone until it ends, or has said something; return its exit code and its log."""
    with socket.create_server(("127.0.0.1", 0)) as listening, (data / "log").open("wb") as log:
        number = listening.fileno()
        command = [
            "-m",
            "guardian_cluster.processes.gateway",
            "--data",
            str(data),
            "--listen-fd",
            str(number),
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, pass_fds=(number,), stdout=log, stderr=log
        )
    if until_said:
        await until(lambda: until_said in (data / "log").read_text())
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        code = await process.wait()
    return code, (data / "log").read_text()
