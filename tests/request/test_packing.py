"""Which messages of a conversation are shown."""

import random
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from conversations import calling, message, piece, result, talk, turns
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.request.measuring import Piece
from guardian_cluster.request.packing import LeftOut, Packed, pack

QUESTION = piece(message("user", "and now?"), tokens=10)
SYSTEM = piece(message("system", "Be brief."), tokens=10)


def shown(packed: Packed) -> list[Any]:
    return [msgspec.json.decode(each)["content"] for each in packed.messages]


def numbers(packed: Packed) -> list[int]:
    return [each.number for each in packed.pieces if each.number]


def test_everything_is_shown_where_there_is_room():
    packed = pack([SYSTEM], turns(2), [], [QUESTION], 1_000)

    assert shown(packed) == [
        "Be brief.", "question 0", "answer 0", "question 1", "answer 1", "and now?",
    ]  # fmt: skip
    assert (packed.history, packed.tokens, packed.left_out) == (4, 60, LeftOut())


def test_the_newest_turns_are_shown_where_room_is_short():
    packed = pack([SYSTEM], turns(10), [], [QUESTION], 65)

    assert numbers(packed) == [17, 18, 19, 20]
    assert packed.left_out == LeftOut(count=16, tokens=160, first=1, last=16, reasons=(("no room", 16),))


def test_a_question_is_not_parted_from_its_answer():
    packed = pack([], turns(3), [], [QUESTION], 35)

    assert numbers(packed) == [5, 6]


def test_an_older_turn_about_the_question_goes_before_one_that_is_not():
    history = turns(20)
    history[4:6] = talk(
        message("user", "how long is parental leave?"), message("assistant", "14 months"), first=5, tokens=10
    )
    asked = piece(message("user", "and who pays during parental leave?"), tokens=10)

    packed = pack([], history, [], [asked], 10 + 6 * 20)

    assert numbers(packed) == [5, 6, *range(31, 41)]


@pytest.mark.parametrize("escaped", [False, True])
def test_an_older_turn_in_a_language_without_spaces_is_found(escaped: bool):
    history = turns(20)
    history[4:6] = talk(
        message("user", "育児休暇はどのくらいですか"), message("assistant", "14"), first=5, tokens=10
    )
    if escaped:
        plain = '{"role": "user", "content": "\\u80b2\\u5150\\u4f11\\u6687"}'
        history[4] = msgspec.structs.replace(history[4], message=msgspec.Raw(plain))
    asked = piece(message("user", "育児休暇中の給料は"), tokens=10)

    packed = pack([], history, [], [asked], 10 + 6 * 20)

    assert numbers(packed)[:2] == [5, 6]


def test_a_pasted_book_does_not_displace_all_else():
    book = talk(message("user", "x"), message("assistant", "read"), first=7, tokens=15_000)
    history = [*turns(3), *book, *turns(1)]
    history[-2:] = talk(message("user", "q"), message("assistant", "a"), first=9, tokens=10)

    packed = pack([], history, [], [QUESTION], 20_000)

    assert numbers(packed) == [1, 2, 3, 4, 5, 6, 9, 10]


def test_a_call_is_shown_with_all_its_results_or_not_at_all():
    history = talk(
        message("user", "q"),
        calling("a", "b"),
        result("a"),
        result("b"),
        message("assistant", "done"),
        tokens=10,
    )

    some = pack([], history, [], [QUESTION], 59)
    everything = pack([], history, [], [QUESTION], 60)

    assert (numbers(some), numbers(everything)) == ([], [1, 2, 3, 4, 5])


def test_a_large_turn_keeps_its_question_and_its_last_answer():
    steps = [each for n in range(10) for each in (calling(f"c{n}"), result(f"c{n}"))]
    history = talk(message("user", "q"), *steps, message("assistant", "done"), tokens=500)

    packed = pack([], history, [], [QUESTION], 3_100)

    assert numbers(packed) == [1, 18, 19, 20, 21, 22]


def test_a_call_in_the_history_is_shown_with_its_new_result():
    history = [*turns(5), *talk(message("user", "weather?"), calling("a"), first=11, tokens=10)]

    packed = pack([], history, [], [piece(result("a"), tokens=10)], 30)

    assert shown(packed) == ["weather?", None, "42"]


def test_a_function_call_of_the_older_kind_has_its_result_with_it():
    call = message("assistant", function_call={"name": "f", "arguments": "{}"})
    sent = [message("user", "q"), call, message("function", "42", name="f"), message("assistant", "a")]

    packed = pack([], talk(*sent[:3]), [], [QUESTION], 1_000)
    orphan = pack([], talk(sent[0], *sent[2:]), [], [QUESTION], 1_000)

    assert numbers(packed) == [1, 2, 3]
    assert (numbers(orphan), orphan.left_out.reasons) == ([1, 3], (("result without its call", 1),))


@pytest.mark.parametrize(
    ("history", "reason", "kept"),
    [
        ([message("user", "q"), result("a"), message("assistant", "r")], "result without its call", [1, 3]),
        ([message("user", "q"), calling("a"), message("assistant", "r")], "call without its result", [1, 3]),
        ([message("assistant", "r"), *[message("user", "q"), message("assistant", "r")]],
         "answer without its question", [2, 3]),
        ([message("user", "q"), message("user", "q"), message("assistant", "r")],
         "question without its answer", [2, 3]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_alone_is_left_out(history: list[Any], reason: str, kept: list[int]):
    packed = pack([], talk(*history), [], [QUESTION], 1_000)

    assert (numbers(packed), packed.left_out.reasons) == (kept, ((reason, 1),))


def test_a_name_used_twice_means_the_last_call_of_that_name():
    history = talk(
        message("user", "q"), calling("0"), result("0"), message("assistant", "r"),
        message("user", "p"), calling("0"), result("0"), message("assistant", "s"), tokens=10,
    )  # fmt: skip

    assert numbers(pack([], history, [], [QUESTION], 50)) == [5, 6, 7, 8]


def test_what_was_recalled_stands_before_the_history_without_its_neighbours():
    every = turns(10)
    recalled = [*every[2:4], every[7]]

    packed = pack([], every[13:], recalled, [QUESTION], 1_000)

    assert numbers(packed) == [3, 4, 15, 16, 17, 18, 19, 20]
    assert packed.left_out.reasons == (("answer without its question", 2),)


def test_the_messages_of_a_request_go_before_its_history():
    new = [
        piece(each, tokens=10)
        for each in (message("user", "a"), message("assistant", "b"), message("user", "c"))
    ]

    assert shown(pack([], turns(3), [], new, 30)) == ["a", "b", "c"]
    assert shown(pack([], turns(3), [], new, 29)) == ["c"]


def test_what_cannot_fit_is_refused_with_the_numbers():
    with pytest.raises(InvalidRequest, match="hold about 20 tokens, and there is room for 19") as caught:
        pack([SYSTEM], turns(3), [], [QUESTION], 19)

    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


NAMES = st.sampled_from("abc")
SENT = st.one_of(
    st.sampled_from([message("user", "x y"), message("assistant", "y z"), message("developer", "d")]),
    st.lists(NAMES, min_size=1, max_size=2).map(lambda names: calling(*names)),
    NAMES.map(result),
)
SIZES = st.sampled_from([1, 7, 100, 1_500, 5_000])


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Piece], list[Piece], list[Piece]]:
    stored = draw(st.lists(st.tuples(SENT, SIZES, st.integers(1, 2)), max_size=25))
    number, history = 0, list[Piece]()
    for sent, tokens, step in stored:
        number += step
        history.append(piece(sent, number, tokens))
    new = [piece(sent, 0, tokens) for sent, tokens in draw(st.lists(st.tuples(SENT, SIZES), max_size=6))]
    cut = draw(st.integers(0, len(history)))
    return history[:cut], history[cut:], [*new, piece(message("user", "newest"), 0, 5)]


def results_with_calls(pieces: Sequence[Piece]) -> bool:
    """Return whether each result has a call before it."""
    called: set[str] = set()
    for each in pieces:
        if each.answers is not None and each.answers not in called:
            return False
        called |= set(each.calls)
    return True


def packed_or_none(parts: tuple[list[Piece], list[Piece], list[Piece]], budget: int) -> Packed | None:
    recalled, history, new = parts
    try:
        return pack([SYSTEM], history, recalled, new, budget)
    except InvalidRequest:
        return None


@given(conversations(), st.integers(0, 20_000))
def test_what_is_shown_fits_and_keeps_its_order(parts: Any, budget: int):
    packed = packed_or_none(parts, budget)
    if packed is None:
        return

    every = [SYSTEM, *parts[0], *parts[1], *parts[2]]
    places = iter(every)
    assert all(any(each is other for other in places) for each in packed.pieces)
    assert packed.tokens == sum(each.tokens for each in packed.pieces) <= budget
    assert len(packed.pieces) + packed.left_out.count == len(every)
    assert packed.tokens + packed.left_out.tokens == sum(each.tokens for each in every)


@given(conversations(), st.integers(0, 20_000))
def test_instructions_and_the_newest_question_are_always_shown(parts: Any, budget: int):
    packed = packed_or_none(parts, budget)
    if packed is None:
        return

    must = [each for each in (SYSTEM, *parts[0], *parts[1], *parts[2]) if each.is_instruction]
    shown = set(map(id, packed.pieces))
    assert all(id(each) in shown for each in must)
    assert packed.pieces[-1] is parts[2][-1]


@given(conversations(), st.integers(0, 20_000))
def test_no_call_of_the_history_is_parted_from_its_results(parts: Any, budget: int):
    packed = packed_or_none(parts, budget)
    if packed is None:
        return

    assert results_with_calls(packed.pieces)
    new = {each.answers for each in parts[2] if each.answers}
    answered = {each.answers for each in packed.pieces if each.answers}
    asking = [each.calls for each in packed.pieces if each.number and new.isdisjoint(each.calls)]
    assert {call for calls in asking for call in calls} <= answered


@given(conversations(), st.integers(0, 20_000), st.integers(0, 20_000))
def test_more_room_never_shows_less(parts: Any, budget: int, more: int):
    less, bigger = packed_or_none(parts, budget), packed_or_none(parts, budget + more)
    if less is None:
        return

    assert bigger is not None
    assert set(map(id, less.pieces)) <= set(map(id, bigger.pieces))
    assert packed_or_none(parts, budget) == less


def test_ten_thousand_messages_are_packed_in_time():
    rng = random.Random(1)
    words = [f"word{n}" for n in range(500)]
    sent = [
        message("user" if n % 2 == 0 else "assistant", " ".join(rng.choices(words, k=30)))
        for n in range(10_000)
    ]
    history = talk(*sent, tokens=50)
    asked = piece(message("user", " ".join(words[:20])))

    took_s: list[float] = []
    for _ in range(5):
        started = time.process_time()
        packed = pack([SYSTEM], history, [], [asked], 100_000)
        took_s.append(time.process_time() - started)

    assert packed.history > 1_900
    assert min(took_s) < 2.0  # 8 ms where nothing else runs
