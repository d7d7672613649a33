"""Each fault through the real HTTP server and the unchanged openai client: it sees what docs/failures.md says."""

import asyncio

import pytest
from fault_views import BOUND, DNS, GOES_ON, TIMEOUTS, Struck, faults, struck, tables
from harness import base, running_gateway, specialist

from guardian_cluster.simulation import Hang, ModelServer, Refuse, Reset, Status

FAULTS = faults()
LIFTED = [name for name in FAULTS if name not in (DNS, "tls-failure")]
"""Those that end by themselves; in the two others the endpoint's address is wrong."""

EQUAL, ALONE, BOUND_TABLE = tables()[1:4]
each_fault = pytest.mark.parametrize("name", FAULTS)
each_way = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def test_the_page_shows_every_fault_that_has_a_name():
    assert list(EQUAL) == list(ALONE) == list(FAULTS)
    assert list(BOUND_TABLE) == list(BOUND)


@each_fault
@each_way
async def test_with_an_equal_that_is_well_a_client_sees_what_the_page_says(name: str, stream: bool):
    async with struck(FAULTS[name], equal=True) as gateway:
        assert await gateway.view(stream=stream) == EQUAL[name][1 + stream]


@each_fault
@each_way
async def test_with_nobody_else_a_client_sees_what_the_page_says(name: str, stream: bool):
    async with struck(FAULTS[name], equal=False) as gateway:
        assert await gateway.view(stream=stream) == ALONE[name][stream]


@pytest.mark.parametrize("name", LIFTED)
async def test_the_endpoint_answers_again_as_soon_as_the_fault_has_ended(name: str):
    async with struck(FAULTS[name], equal=False) as gateway:
        await gateway.view(stream=True)
        gateway.faulty.fault = None

        assert await gateway.view(stream=True) == "the answer"


@each_way
async def test_two_faults_at_once_are_survived_where_a_fallback_is_well(stream: bool):
    async with (
        ModelServer(GOES_ON, faults=Reset(4)) as first,
        ModelServer(GOES_ON, faults=Hang()) as second,
        ModelServer(GOES_ON) as spare,
    ):
        smart = specialist("smart", first.url, second.url, timeouts=TIMEOUTS, fallback=("spare",))
        async with running_gateway(base(smart, specialist("spare", spare.url))) as gateway:
            seen = await Struck(gateway, first).view(stream=stream)

    assert seen.startswith("the answer")


@each_way
async def test_where_all_are_down_a_client_is_told_at_once(stream: bool):
    async with ModelServer(faults=Status(503)) as first, ModelServer(faults=Refuse()) as second:
        smart = specialist("smart", first.url, fallback=("spare",))
        async with running_gateway(base(smart, specialist("spare", second.url))) as gateway:
            async with asyncio.timeout(3):
                seen = await Struck(gateway, first).view(stream=stream)

    assert seen.startswith("`InternalServerError` 50")


@pytest.mark.parametrize("name", BOUND)
async def test_a_stream_that_nobody_can_go_on_with_ends_with_the_error_that_the_page_says(name: str):
    case = BOUND[name]
    async with struck(case.fault, equal=True, said=case.said, **case.specialist) as gateway:
        assert await gateway.view(stream=True, **case.asked) == BOUND_TABLE[name][0]


def test_no_cell_of_the_page_is_a_half_answer_that_looks_whole():
    told = ("the answer", "words, then `APIError`", "`")
    cells = [cell for row in (*EQUAL.values(), *ALONE.values(), *BOUND_TABLE.values()) for cell in row[-2:]]

    assert [cell for cell in cells if not cell.startswith(told)] == []
