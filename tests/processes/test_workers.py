"""Several workers: real processes that share a socket, limits, counts and what they remember."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import openai
import pytest
import trustme
from serving import CHAT, Served, lives, run, served, until

from guardian_cluster.contract.snapshot import Limits
from guardian_cluster.keys import KeyFile
from guardian_cluster.simulation import ModelServer, Pace

TWO = "[gateway]\nworkers = 2\n"
ASKED = "guardian_worker_requests_total"
MOST_OF_IT = 1.5
"""USD of a budget of 3.0: less is left in one hand than an answer may cost, and it may have been lent to either."""


def new_key(folder: Path, tenant: str = "default", role: str = "client", **limits: float) -> dict[str, str]:
    """Make a key, and return the header that presents it."""
    keys = KeyFile(folder / "data" / "keys.json")
    key = keys.add(created=1.0, tenant=tenant, role=role, limits=Limits(**limits))  # type: ignore[arg-type]
    return {"authorization": f"Bearer {key}"}


async def statuses(url: str, count: int, at_once: int, headers: dict[str, str]) -> list[int]:
    """Return the statuses of so many requests over so many connections that are kept."""
    found: list[int] = []

    async def ask(session: aiohttp.ClientSession, some: int) -> None:
        for _ in range(some):
            async with session.post(f"{url}/chat/completions", json=CHAT, headers=headers) as answer:
                await answer.read()
                found.append(answer.status)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:
        await asyncio.gather(*(ask(session, count // at_once) for _ in range(at_once)))
    return found


async def answered_by_each(guardian: Served, client: openai.AsyncOpenAI) -> list[float]:
    """Return how many of 160 requests over 16 connections each of two workers answered."""
    before = [await guardian.metric(f'{ASKED}{{worker="{number}"}}') for number in (1, 2)]
    for _ in range(10):
        asked = (client.chat.completions.create(**CHAT) for _ in range(16))  # type: ignore[call-overload]
        await asyncio.gather(*asked)
    after = [await guardian.metric(f'{ASKED}{{worker="{number}"}}') for number in (1, 2)]
    return [now - then for now, then in zip(after, before, strict=True)]


async def test_connections_that_clients_keep_are_spread_evenly_also_after_a_restart(tmp_path: Path) -> None:
    async with (
        ModelServer() as model,
        served(tmp_path, TWO, url=model.url) as guardian,
        openai.AsyncOpenAI(base_url=guardian.url, api_key="none", max_retries=2) as client,
    ):
        for _ in range(2):
            async with asyncio.timeout(20):
                while min(each := await answered_by_each(guardian, client)) < 0.4 * 160:
                    assert sum(each) == 160
            ready = guardian.log.count("gateway ready")
            os.kill(guardian.children("gateway")[0], signal.SIGKILL)
            await until(lambda ready=ready: guardian.log.count("gateway ready") > ready)


async def test_a_limit_is_one_limit_whichever_worker_is_asked(tmp_path: Path) -> None:
    key = new_key(tmp_path, requests_per_minute=60)
    async with ModelServer() as model, served(tmp_path, TWO, url=model.url) as guardian:
        found = await statuses(guardian.url, 120, 8, key)
        await asyncio.sleep(1.1)
        found += await statuses(guardian.url, 120, 8, key)

    assert found.count(200) == model.received
    assert 54 <= model.received <= 60


async def test_one_busy_worker_has_nearly_the_whole_limit_also_without_a_control_process(
    tmp_path: Path,
) -> None:
    key = new_key(tmp_path, requests_per_minute=60)
    async with ModelServer() as model, served(tmp_path, TWO, url=model.url) as guardian:
        os.kill(guardian.child("control"), signal.SIGSTOP)
        found = await statuses(guardian.url, 40, 1, key)
        for _ in range(10):  # a share follows its use, on a busy machine later
            if found.count(200) >= 54:
                break
            await asyncio.sleep(0.5)
            found += await statuses(guardian.url, 20, 1, key)
        os.kill(guardian.child("control"), signal.SIGKILL)

    assert 54 <= found.count(200) <= 60


async def test_workers_go_on_with_what_they_hold_when_the_supervisor_hangs(tmp_path: Path) -> None:
    key = new_key(tmp_path, requests_per_minute=60)
    async with ModelServer() as model, served(tmp_path, TWO, url=model.url) as guardian:
        guardian.process.send_signal(signal.SIGSTOP)
        found = await statuses(guardian.url, 160, 8, key)
        guardian.process.send_signal(signal.SIGCONT)

    assert 30 <= found.count(200) <= 60


async def test_a_budget_is_one_budget_and_known_again_after_a_start(tmp_path: Path) -> None:
    key = new_key(tmp_path, budget_usd_per_month=3.0)
    price = TWO + "[specialist.local.price]\noutput_usd = 1000.0\n"
    words = "well " * 200  # some 0.20 USD an answer, and 1.024 reserved for it
    admin = new_key(tmp_path, role="admin")
    spent: list[float] = []
    for asks in (range(400), range(12)):
        async with ModelServer(words) as model, served(tmp_path, price, url=model.url) as guardian:
            for _ in asks:  # a share follows its use, on a busy machine later
                await guardian.post(**key)
                if (now := await guardian.metric("guardian_cost_usd_total", **admin)) > MOST_OF_IT:
                    break
                await asyncio.sleep(0.05)
            spent.append(now)
            await until(lambda: guardian.rows("select sum(usd) from spend")[0][0])
    total = guardian.rows("select sum(usd) from spend")[0][0]

    assert spent[0] > MOST_OF_IT
    assert MOST_OF_IT < float(str(total)) <= 3.0


async def test_the_metrics_of_any_worker_are_those_of_all_also_of_those_that_died(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, TWO, url=model.url) as guardian:
        await statuses(guardian.url, 40, 8, {})
        before = {await guardian.metric(ASKED) for _ in range(6)}
        killed = guardian.children("gateway")[0]
        os.kill(killed, signal.SIGKILL)
        await until(lambda: not lives(killed))
        after = {await guardian.metric(ASKED) for _ in range(6)}
        await until(lambda: guardian.log.count("gateway ready") == 3)
        await statuses(guardian.url, 8, 8, {})
        restarts = await guardian.metric("guardian_worker_restarts_total")
        last = await guardian.metric("guardian_requests_total")
        await restart_workers(guardian)
        replaced = await guardian.metric("guardian_requests_total")

    assert (before, after) == ({40.0}, {40.0})
    assert (last, restarts, replaced) == (48.0, 1.0, 48.0)


async def test_what_became_of_a_request_is_known_to_every_worker(tmp_path: Path) -> None:
    mine, theirs = new_key(tmp_path), new_key(tmp_path, tenant="another")
    async with ModelServer() as model, served(tmp_path, TWO, url=model.url) as guardian:
        _, answer = await guardian.post(**mine)
        id = await _id_of(guardian, mine)
        found = [await guardian.get(f"/v1/requests/{id}", **mine) for _ in range(6)]
        strange = [await guardian.get(f"/v1/requests/{id}", **theirs) for _ in range(6)]

    assert answer
    assert {each.get("request_id", each.get("id")) for each in found} == {id}
    assert all("error" in each for each in strange)


async def _id_of(guardian: Served, headers: dict[str, str]) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{guardian.url}/chat/completions", json=CHAT, headers=headers) as answer,
    ):
        await answer.read()
        return answer.headers["x-request-id"]


class Knocking:
    """Opens one connection after the other, and counts what becomes of each."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").removesuffix("/v1").partition(":")
        self._address = host, int(port)
        self.answered = 0
        self.failures: list[str] = []
        self._is_over = False

    @asynccontextmanager
    async def going_on(self, at_once: int = 1) -> AsyncGenerator[None, None]:
        """Go on while the block runs, with so many at once."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(self._keep_on())
            try:
                yield
            finally:
                self._is_over = True

    async def _keep_on(self) -> None:
        while not self._is_over:
            try:
                async with asyncio.timeout(10):
                    await self._ask()
            except OSError as error:
                self.failures.append(repr(error))
            await asyncio.sleep(0.002)

    async def _ask(self) -> None:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            said = await reader.read()
        finally:
            writer.close()
        if said.startswith(b"HTTP/1.1 200 "):
            self.answered += 1
        else:
            self.failures.append(f"answered {said[:40]!r}")


async def restart_workers(guardian: Served) -> None:
    """Change what workers are told at their start, and wait until both were replaced."""
    before = set(guardian.children("gateway"))
    text = guardian.config.read_text().replace(TWO, TWO + "limits = { keep_alive_s = 60 }\n")
    guardian.config.write_text(text)
    guardian.process.send_signal(signal.SIGHUP)
    await until(lambda: "workers started anew" in guardian.log, 60)
    assert not before & set(guardian.children("gateway"))


async def test_while_workers_are_replaced_nobody_is_refused_and_answers_end(tmp_path: Path) -> None:
    pace = Pace(between_chunks_s=0.1, characters_per_chunk=1)
    async with (
        ModelServer("slowly but surely", pace=pace) as model,
        served(tmp_path, TWO, url=model.url) as guardian,
    ):
        knocking = Knocking(guardian.url)
        async with knocking.going_on(at_once=3):
            streams = [asyncio.create_task(_stream(guardian)) for _ in range(4)]
            await model.until(lambda: model.open_requests == 4, timeout_s=5)
            await restart_workers(guardian)
            ends = await asyncio.gather(*streams)
        told = "select count(*) from gateway_event where kind = 'worker_restarted'"
        await until(lambda: guardian.rows(told) == [(2,)])

    assert knocking.failures == []
    assert knocking.answered > 100
    assert all(end.endswith(b"data: [DONE]\n\n") for end in ends)


async def _stream(guardian: Served) -> bytes:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{guardian.url}/chat/completions", json={**CHAT, "stream": True}) as answer,
    ):
        return await answer.read()


async def test_clients_that_keep_connections_notice_nothing_of_a_replacement(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, TWO, url=model.url) as guardian:
        client = openai.AsyncOpenAI(base_url=guardian.url, api_key="none", max_retries=0)
        failures: list[Exception] = []
        is_over = asyncio.Event()

        async def keep_on() -> None:
            while not is_over.is_set():
                try:
                    await client.chat.completions.create(**CHAT)  # type: ignore[call-overload]
                except openai.OpenAIError as error:
                    failures.append(error)
                await asyncio.sleep(0.01)

        async with client, asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(keep_on())
            await restart_workers(guardian)
            is_over.set()

    assert failures == []


async def test_when_a_worker_dies_others_take_in_whoever_comes(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, TWO, url=model.url) as guardian:
        for pid in guardian.children("gateway"):
            ready = guardian.log.count("gateway ready")
            os.kill(pid, signal.SIGKILL)
            await until(lambda pid=pid: not lives(pid))
            knocking = Knocking(guardian.url)
            async with knocking.going_on():
                await until(lambda ready=ready: guardian.log.count("gateway ready") > ready)

            assert knocking.failures == []
            assert knocking.answered > 20
        await guardian.post()


async def test_a_reload_changes_how_many_workers_there_are(tmp_path: Path) -> None:
    async with served(tmp_path, TWO) as guardian:
        counts: list[int] = []
        for number in (3, 1):
            text = guardian.config.read_text()
            start = text.index("workers = ")
            guardian.config.write_text(text[:start] + f"workers = {number}\n")
            times = guardian.log.count("workers started anew")
            guardian.process.send_signal(signal.SIGHUP)
            await until(lambda times=times: guardian.log.count("workers started anew") > times, 60)
            counts.append(len(guardian.children("gateway")))

    assert counts == [3, 1]


async def test_a_renewed_certificate_is_served_after_a_reload(tmp_path: Path) -> None:
    authority = trustme.CA()
    extra = '[gateway]\ntls_certificate = "cert.pem"\ntls_key = "key.pem"\n'
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    def renew() -> None:
        certificate = authority.issue_cert("127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))

    async def shown(url: str) -> object:
        address = url.removeprefix("https://").removesuffix("/v1").split(":")
        _, writer = await asyncio.open_connection(address[0], int(address[1]), ssl=trust)
        number = writer.get_extra_info("peercert")["serialNumber"]
        writer.close()
        await writer.wait_closed()
        return number

    renew()
    async with served(tmp_path, extra) as guardian:
        first = await shown(guardian.url)
        renew()
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "workers started anew" in guardian.log, 60)

        assert await shown(guardian.url) != first


@pytest.mark.parametrize("workers", ["0", "65", "two"])
async def test_a_number_of_workers_that_cannot_be_is_said_before_anything_starts(
    tmp_path: Path, workers: str
) -> None:
    code, said = await run("serve", "--workers", workers, XDG_DATA_HOME=str(tmp_path))

    assert code in (2, 78)
    assert "workers" in said
