"""The supervisor and its workers talk over real sockets: shares, questions, counts, and ends at any moment."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sample_records import request_record
from serving import until
from worker_town import base_with

from guardian_cluster.contract import fleet as contract
from guardian_cluster.contract import link
from guardian_cluster.contract.fleet import Join
from guardian_cluster.contract.records import Spend
from guardian_cluster.contract.snapshot import Limits
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.gateway.auth import Caller
from guardian_cluster.gateway.limits import Accounts, OverLimit, month_of
from guardian_cluster.gateway.siblings import WorkersSilent
from guardian_cluster.processes.fleet import Fleet, Member
from guardian_cluster.processes.membership import Membership
from guardian_cluster.request.sinks import RecentRequests
from guardian_cluster.telemetry.metrics import Metrics

RATE = Limits(requests_per_minute=100)
CLOCK = SystemClock()


@dataclass
class Tied:
    """A worker's parts, tied to a fleet."""

    membership: Membership
    accounts: Accounts
    recent: RecentRequests
    metrics: Metrics
    member: Member
    task: asyncio.Task[None]
    wire: socket.socket

    async def end(self) -> None:
        """End in order."""
        self.task.cancel()
        await asyncio.wait({self.task})

    def asked(self, times: int, limits: Limits = RATE, cost_usd: float = 0.0) -> int:
        """Return how many of so many requests were let through."""
        let_through = 0
        for _ in range(times):
            with suppress(OverLimit):
                self.accounts.reserve(Caller("t", "k", "client", limits), 0, cost_usd)
                let_through += 1
        return let_through


@asynccontextmanager
async def fleet(limits: Limits = RATE) -> AsyncGenerator[Fleet, None]:
    running = Fleet(CLOCK)
    running.configure(base_with(limits))
    task = asyncio.create_task(running.run())
    await asyncio.sleep(0)
    yield running
    task.cancel()
    await asyncio.wait({task})


async def tie(to: Fleet, number: int) -> Tied:
    """Return a worker that has its shares."""
    ours, theirs = socket.socketpair()
    accounts, recent, metrics = Accounts(CLOCK, shared=True), RecentRequests(), Metrics(lambda: 1.0, number)
    membership = Membership(
        number, accounts, recent, metrics, CLOCK, in_flight=lambda: 0, on_share=lambda _: None
    )
    member = to.admit(ours, number)
    task = asyncio.create_task(membership.run(theirs))
    async with asyncio.timeout(5):
        await membership.has_shares.wait()
    return Tied(membership, accounts, recent, metrics, member, task, theirs)


def total(text: bytes, name: str) -> float:
    families = text_string_to_metric_families(text.decode())
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


async def test_a_worker_alone_may_use_all_and_a_second_one_gets_its_part() -> None:
    async with fleet() as running:
        first = await tie(running, 1)
        before = first.asked(40)
        second = await tie(running, 2)
        await until(lambda: second.asked(1) == 1)
        after = first.asked(100) + second.asked(100)

    assert before == 40
    assert after == 59


async def test_what_is_refused_by_one_is_taken_from_the_other_within_milliseconds() -> None:
    async with fleet() as running:
        first, _ = await tie(running, 1), await tie(running, 2)
        let_through = 0
        async with asyncio.timeout(2):
            while let_through < 95:
                let_through += first.asked(10)
                await asyncio.sleep(0.02)

    assert let_through <= 100


async def test_what_was_spent_before_is_known_to_all_however_often_it_is_told() -> None:
    budget = Limits(budget_usd_per_month=1.0)
    async with fleet(budget) as running:
        first, second = await tie(running, 1), await tie(running, 2)
        spent = Spend(key="k", month=month_of(CLOCK.now()), usd=0.6)
        for each in (first, second):
            each.membership.tell_spending([spent])
        async with asyncio.timeout(5):
            await second.membership.knows_spending.wait()
        await until(lambda: first.asked(1, budget, 0.3) == 1)
        await asyncio.sleep(0.1)

        assert first.asked(1, budget, 0.3) + second.asked(1, budget, 0.3) == 0


async def test_a_record_is_found_at_another_worker_for_its_own_tenant_alone() -> None:
    async with fleet() as running:
        first, second = await tie(running, 1), await tie(running, 2)
        record = request_record(id="req_1", tenant="acme")
        second.recent.report(record)
        find = first.membership.inquiries.find_request

        assert await find("req_1", "acme") == record
        assert await find("req_1", None) == record
        assert await find("req_1", "another") is None
        assert await find("req_2", None) is None


async def test_counts_are_those_of_all_and_never_go_back() -> None:
    async with fleet() as running:
        first, second, third = [await tie(running, number) for number in (1, 2, 3)]
        for each in (first, second, third):
            each.metrics.report(request_record())
        seen = [
            total(first.metrics.text(await first.membership.inquiries.counts()), "guardian_requests_total")
        ]
        second.wire.close()  # as if it was killed
        await second.member.ended.wait()
        seen.append(
            total(first.metrics.text(await first.membership.inquiries.counts()), "guardian_requests_total")
        )
        third.metrics.report(request_record())
        await third.end()
        text = first.metrics.text(await first.membership.inquiries.counts())

    assert seen == [3, 3]
    assert total(text, "guardian_requests_total") == 4
    assert total(text, "guardian_requests_in_flight") == 1


async def test_a_worker_that_hangs_holds_up_no_answer_for_long() -> None:
    async with fleet() as running:
        first = await tie(running, 1)
        ours, theirs = socket.socketpair()
        running.admit(ours, 2)
        async with asyncio.timeout(3):
            assert await first.membership.inquiries.find_request("req_1", None) is None
            assert await first.membership.inquiries.counts() == ()
        theirs.close()


async def test_without_a_supervisor_that_answers_no_sum_is_shown() -> None:
    async with fleet() as running:
        first = await tie(running, 1)
        running._take = lambda message, member: None  # type: ignore[method-assign]  # it hangs

        with pytest.raises(WorkersSilent):
            await first.membership.inquiries.counts()
        assert await first.membership.inquiries.find_request("req_1", None) is None


@pytest.mark.parametrize(
    "said", [b"\xff" * 64, link.encode_message(Join(version=9, worker=1))], ids=["no frame", "far version"]
)
async def test_who_talks_nonsense_is_cut_off_and_harms_no_other(said: bytes) -> None:
    async with fleet() as running:
        first = await tie(running, 1)
        ours, theirs = socket.socketpair()
        member = running.admit(ours, 2)
        theirs.send(said)
        async with asyncio.timeout(5):
            await member.ended.wait()

        theirs.close()
        await until(lambda: first.asked(1) == 1)
        assert running.members == (first.member,)


async def test_very_many_accounts_are_told_in_pieces() -> None:
    async with fleet() as running:
        key = base_with(RATE).keys[0]
        keys = tuple(
            type(key)(id=f"k{n}", sha256="0", tenant="t", created=0.0, limits=RATE) for n in range(1_001)
        )
        running.configure(type(base_with(RATE))(specialists=(), keys=keys))
        first, second = await tie(running, 1), await tie(running, 2)
        caller = Caller("t", "k1000", "client", RATE)

        def is_served() -> bool:
            with suppress(OverLimit):
                second.accounts.reserve(caller, 0, 0.0)
                return True
            return False

        await until(is_served)
        assert first.asked(0) == 0


def test_messages_are_read_as_they_were_sent() -> None:
    for message in (Join(version=1, worker=2), contract.Question(id=1, topic="request", request_id="r")):
        (body,) = link.FrameSplitter().feed(link.encode_message(message))
        assert contract.decode_up(body) == message
    (body,) = link.FrameSplitter().feed(link.encode_message(contract.Answers(id=1, bodies=(b"x",))))
    assert contract.decode_down(body) == contract.Answers(id=1, bodies=(b"x",))
