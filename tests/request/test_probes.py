"""Endpoints that are left alone are probed with what costs nothing."""

import asyncio

from clusters import TEXT, running_cluster
from harness import base, specialist
from msgspec.structs import replace

from guardian_cluster import probes
from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.probes import Prober, backups
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.simulation import ModelServer, Refuse
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport


class Asking(LoadBalancer):
    """A balancer that wants one endpoint probed, and keeps what came of it."""

    def __init__(self) -> None:
        self.wanted = ["smart/1", "gone/1"]
        self.heard: list[tuple[str, bool]] = []
        self.told = asyncio.Event()

    def probes_due(self, now: float) -> list[str]:
        wanted, self.wanted = self.wanted, []
        return wanted

    def probed(self, endpoint_id: str, ok: bool) -> None:
        self.heard.append((endpoint_id, ok))
        self.told.set()


class Idle(LoadBalancer):
    """A balancer that leaves nobody alone."""

    def __init__(self) -> None:
        pass

    def probes_due(self, now: float) -> list[str]:
        return []


async def probed(url: str, monkeypatch) -> list[tuple[str, bool]]:
    monkeypatch.setattr(probes, "LOOKS_S", 0.001)
    balancer, transport = Asking(), HttptoolsTransport()
    serving = base(specialist("smart", url))
    task = asyncio.create_task(Prober(balancer, transport, SystemClock(), lambda: serving).run())
    async with asyncio.timeout(10):
        await balancer.told.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await transport.close()
    return balancer.heard


async def test_a_server_that_lists_its_models_is_there(monkeypatch):
    async with ModelServer(TEXT) as server:
        assert await probed(server.url, monkeypatch) == [("smart/1", True)]


async def test_a_server_that_refuses_is_not(monkeypatch):
    async with ModelServer(TEXT, faults=Refuse()) as server:
        assert await probed(server.url, monkeypatch) == [("smart/1", False)]


async def test_a_backup_is_asked_over_a_connection_that_stays_open(monkeypatch):
    monkeypatch.setattr(probes, "WARM_S", 0.02)
    async with ModelServer(TEXT) as main, ModelServer(TEXT) as other, ModelServer(TEXT) as third:
        serving = base(
            specialist("smart", main.url, fallback=("spare",)),
            specialist("spare", other.url),
            specialist("alone", third.url),
        )
        transport = HttptoolsTransport()
        task = asyncio.create_task(Prober(Idle(), transport, SystemClock(), lambda: serving).run())
        await other.until(lambda: other.received >= 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await transport.close()

    assert (main.received, third.received) == (0, 0)
    assert other.connections_opened < other.received


def test_who_is_declared_stands_in_before_a_fallback():
    both = specialist("smart", fallback=("spare",)), specialist("spare"), specialist("understudy")
    declared = RecoveryPolicy(backup={"smart": ("understudy",)})

    assert [each.name for each in backups(base(*both))] == ["spare"]
    assert [each.name for each in backups(replace(base(*both), recovery=declared))] == ["understudy"]


async def test_probing_ends_with_the_cluster():
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            before = len(asyncio.all_tasks())
            assert (await running.ask(stream=False)).text == TEXT

    assert len(asyncio.all_tasks()) < before
