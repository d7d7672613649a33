"""What is remembered of names, with look-ups that are scripted."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from guardian_cluster.simulation import ModelServer
from guardian_cluster.specialists import addresses as module
from guardian_cluster.specialists.addresses import MAX_ADDRESSES, Address, AddressBook
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.specialists.transport import Call

FAILS = socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def at(*hosts: str, port: int = 80) -> list[Address]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]


class Names:
    """Gives one answer after the other, the last for ever; counts how often it was asked."""

    def __init__(self, *answers: list[Address] | Exception) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        await self.may_answer.wait()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_name_is_asked_for_once_while_it_is_fresh():
    names = Names(at("10.0.0.1"))
    book = AddressBook(names)

    assert [await book.addresses("a", 80) for _ in range(3)] == [at("10.0.0.1")] * 3
    assert names.asked == 1


async def test_many_who_want_a_name_at_once_ask_once_and_one_who_leaves_takes_it_from_nobody():
    names = Names(at("10.0.0.1"))
    names.may_answer.clear()
    book = AddressBook(names)
    wanting = [asyncio.create_task(book.addresses("a", 80)) for _ in range(5)]
    await asyncio.sleep(0)
    wanting[0].cancel()
    names.may_answer.set()

    found = await asyncio.gather(*wanting, return_exceptions=True)

    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [at("10.0.0.1")] * 4
    assert names.asked == 1


async def test_a_name_that_does_not_resolve_is_not_asked_for_again_at_once(monkeypatch: pytest.MonkeyPatch):
    names = Names(FAILS, at("10.0.0.1"))
    book = AddressBook(names)
    for _ in range(3):
        with pytest.raises(socket.gaierror):
            await book.addresses("a", 80)
    assert names.asked == 1

    monkeypatch.setattr(module, "FAILED_S", 0.0)
    book = AddressBook(names := Names(FAILS, at("10.0.0.1")))
    with pytest.raises(socket.gaierror):
        await book.addresses("a", 80)
    assert await book.addresses("a", 80) == at("10.0.0.1")


@pytest.mark.parametrize("failure", [FAILS, OSError("no network"), UnicodeError("no name"), []])
async def test_old_addresses_serve_while_a_name_cannot_be_looked_up(
    monkeypatch: pytest.MonkeyPatch, failure: Exception | list[Address]
):
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    names = Names(at("10.0.0.1"), failure)
    book = AddressBook(names)

    assert [await book.addresses("a", 80) for _ in range(4)] == [at("10.0.0.1")] * 4
    assert names.asked == 2


async def test_addresses_that_are_too_old_serve_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    monkeypatch.setattr(module, "STALE_S", 0.0)
    book = AddressBook(Names(at("10.0.0.1"), FAILS))
    await asyncio.wait([asyncio.create_task(book.addresses("a", 80))])

    with pytest.raises(socket.gaierror):
        await book.addresses("a", 80)


async def test_old_addresses_serve_while_a_look_up_hangs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    names = Names(at("10.0.0.1"), at("10.0.0.2"))
    book = AddressBook(names)
    await book.addresses("a", 80)
    names.may_answer.clear()

    async with asyncio.timeout(5):
        assert [await book.addresses("a", 80) for _ in range(2)] == [at("10.0.0.1")] * 2
        assert names.asked == 2
        await book.close()


async def test_numbers_are_looked_up_nowhere():
    names = Names(FAILS)

    (found,) = await AddressBook(names).addresses("127.0.0.1", 80)

    assert found[4] == ("127.0.0.1", 80)
    assert names.asked == 0


async def test_a_name_of_very_many_addresses_has_some_tried():
    book = AddressBook(Names(at(*(f"10.0.0.{n}" for n in range(200)))))

    assert len(await book.addresses("a", 80)) == MAX_ADDRESSES


async def test_a_name_to_which_nothing_connects_is_asked_for_again_but_not_at_once(
    monkeypatch: pytest.MonkeyPatch,
):
    names = Names(at("10.0.0.1"), at("10.0.0.2"))
    book = AddressBook(names)
    await book.addresses("a", 80)
    book.doubt("a", 80)
    assert await book.addresses("a", 80) == at("10.0.0.1")

    monkeypatch.setattr(module, "FAILED_S", 0.0)
    book.doubt("a", 80)

    assert await book.addresses("a", 80) == at("10.0.0.2")


async def test_the_address_that_answers_is_found_among_others_and_tried_first_from_then_on():
    async with ModelServer("hello") as server:
        found = at(
            "127.0.0.2", "127.0.0.3", "127.0.0.1", port=server.port
        )  # the server listens on the last alone
        transport = HttptoolsTransport(lookup=Names(found))
        for number in range(2):
            sent = Call(
                f"http://model.example:{server.port}/v1/models", {}, b"", 5.0, method="GET", is_fresh=True
            )
            response = await transport.send(sent)
            response.close()
            assert response.status == 200
            first = await transport._addresses.addresses("model.example", server.port)
            assert (number, first[0][4][0]) == (number, "127.0.0.1")
        await transport.close()
