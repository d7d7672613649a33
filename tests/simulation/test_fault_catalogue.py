import openai
import pytest
from simulation_clients import ClientOf, ask

from guardian_cluster.simulation import NAMED_FAULTS, UNRESOLVED_URL, ModelServer, Pace

TEXT = "one two three four five six seven"
HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("name", NAMED_FAULTS)
async def test_a_server_answers_rightly_once_its_fault_has_ended(client_of: ClientOf, name: str):
    async with ModelServer(TEXT) as server:
        server.fault = NAMED_FAULTS[name]
        try:
            await ask(server, stream=True, patience_s=0.1)
        except ConnectionRefusedError:
            assert name == "refuse"

        server.fault = None
        completion = await client_of(server).chat.completions.create(**HI)

    assert completion.choices[0].message.content == TEXT
    assert server.open_requests == 0


HARMLESS_AT_FIRST = {"flapping", "degraded-5x", "slow-drip"}


@pytest.mark.parametrize("name", sorted(NAMED_FAULTS.keys() - HARMLESS_AT_FIRST - {"refuse"}))
async def test_a_named_fault_changes_what_a_client_receives(name: str):
    async with ModelServer(TEXT) as server:
        healthy = await ask(server, stream=True)
        server.fault = NAMED_FAULTS[name]
        faulty = await ask(server, stream=True, patience_s=0.1)

    assert (len(faulty.data), faulty.end) != (len(healthy.data), healthy.end)


async def test_degraded_means_five_times_as_slow():
    async with ModelServer(TEXT, pace=Pace(first_token_s=0.06), faults=NAMED_FAULTS["degraded-5x"]) as server:
        assert (await ask(server, patience_s=0.1)).end == "silent"


async def test_the_unresolved_name_stays_unresolved():
    async with openai.AsyncOpenAI(base_url=UNRESOLVED_URL, api_key="k", max_retries=0, timeout=5) as client:
        with pytest.raises(openai.APIConnectionError):
            await client.models.list()
