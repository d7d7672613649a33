import pytest
from simulation_clients import ClientOf, ask

from guardian_cluster.simulation import Comments, EventForm, Fault, Interim, ModelServer

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TEXT = "one two three four five six seven"


@pytest.mark.parametrize(
    ("oddity", "seen"),
    [
        (
            Interim(2),
            b"; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n",
        ),
        (Comments(), b": keep-alive\n\ndata: {"),
        (EventForm(), b"}]}\r\n\r\n"),
        (EventForm(line_end=b"\n", prefix=b"event: chunk\ndata: "), b"event: chunk\ndata: {"),
    ],
    ids=str,
)
async def test_an_odd_form_is_sent_and_means_the_same(client_of: ClientOf, oddity: Fault, seen: bytes):
    async with ModelServer(TEXT, faults=oddity) as server:
        received = await ask(server, stream=True)
        stream = await client_of(server).chat.completions.create(**HI, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert seen in received.data
    assert said == TEXT


@pytest.mark.parametrize("oddity", [Comments(), EventForm()], ids=str)
async def test_a_whole_answer_has_no_events_to_be_odd(client_of: ClientOf, oddity: Fault):
    async with ModelServer(TEXT, faults=oddity) as server:
        completion = await client_of(server).chat.completions.create(**HI)

    assert completion.choices[0].message.content == TEXT
