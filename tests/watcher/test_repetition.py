"""When an answer has begun to repeat itself, and when it only looks so."""

import random
import time

import pytest
from fed_sensor import fed
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import Said, Teller, chunk, deny, policy, told_whole, watched

from guardian_cluster.watcher.repetition import RepetitionDetector, period_of

PROSE = (
    "The harbour lay quiet under a sky of slate. Three boats came in before noon, one with its mast gone, and the "
    "keeper wrote each name into the book that his father had begun. By evening the wind had turned; nobody spoke of "
    "the fourth boat, though its lamp was lit and its bread baked. In the morning the book was open at another page, "
    "in a hand that the keeper did not know, and the ink was dry. "
)


def found_at(*pieces: str) -> int | None:
    return fed(RepetitionDetector(), pieces)


@pytest.mark.parametrize(
    ("passage", "least"),
    [
        ("I cannot. ", 72),
        ("ab", 96),
        ("well ", 96),
        ("我不能。", 96),
        ("1, ", 1_024),
        ("Sure! Here is the list of all of them:\n- one\n", 0),
        ("x" * 150 + "y", 0),
        (PROSE, 0),
        ("The value is f(2) = 4 * 2 + 1 = 9. ", 96),
        ("| north | 12 | open |\n", 640),
        ("    total = total + item.price\n", 640),
        ("```\nfor name in names:\n    print(name)\n```\n", 0),
        ("x^2 = 3x + 4\n", 96),
        ("\\frac{a}{b} \\cdot ", 96),
        ("Price | 31 | 45 | 60 | 72 |\n", 0),
        ("    for name in names:\n        ", 0),
        ("        <p>Our company stands here</p>\n", 0),
        ("| north | 12 | open | the whole day |\n", 0),
        ("  color: red;\n  padding: 4px;\n", 0),
        ("!", 1_024),
        ("\n", 4_000),
    ],
)
def test_a_passage_that_never_ends_is_found_within_four_periods_or_when_it_is_long_enough(
    passage: str, least: int
):
    found = found_at(PROSE, passage * (5_000 // len(passage)))

    assert found is not None
    assert found <= len(PROSE) + max(4 * len(passage), least) + 8


@pytest.mark.parametrize(
    "text",
    [
        PROSE * 1,
        "-" * 3_000,
        " " * 3_000,
        "\n".join(f"| row {n} | {n * n} | {n % 7} |" for n in range(300)),
        "\n".join(f"    self.field_{n} = field_{n}" for n in range(200)),
        "The chorus. " * 5 + PROSE,
        "|---|---|---|---|\n" + PROSE,
        "No, " * 20 + PROSE,
        PROSE[:150] * 3 + PROSE[150:],
        "| north | yes | yes |\n" * 20 + PROSE,
        "yes,no,unknown\n" * 20 + PROSE,
        "    'text/plain',\n" * 20 + PROSE,
        "assert_equal(first(row), row[0])\n" * 3 + PROSE,
        "0, " * 300 + PROSE,
        "1\n" * 300 + PROSE,
        "0 0 1 0 0 0 0 1 0 0 0 0 0 \n" * 20 + PROSE,
        "|      |     |        |   |\n" * 20 + PROSE,
        "        '\\x00\\xff\\u0100',\n" * 11 + PROSE,
        "            transport.sendto(data)\n" * 6 + PROSE,
        "      <td class='noday'>&nbsp;</td>\n" * 7 + PROSE,
        "\n".join(f"{n}. Drink a glass of water." for n in range(200)),
    ],
)
def test_prose_tables_code_and_rules_are_no_loops(text: str):
    assert found_at(text) is None


def test_a_passage_said_three_times_is_no_loop_and_four_times_is():
    passage = PROSE[:150]

    assert found_at(passage * 3 + PROSE[150:] + "x" * 300) is None
    assert 3.5 * 150 <= (found_at(passage * 4) or 0) <= 4 * 150


def test_a_loop_late_in_a_long_text_is_found():
    text = "".join(f"{number} is followed by {number + 1}. " for number in range(10_000))

    found = found_at(text, "Then the lamp went out again. " * 100)

    assert found is not None
    assert found - len(text) < 2_000


@given(st.text(st.sampled_from("a b\n|0,\x00\ud800é"), max_size=3_000))
def test_no_text_raises_and_a_period_is_one(text: str):
    period = period_of(text, len(text))

    assert found_at(text) is None or len(text) >= 72
    assert period is None or text[-period:] == text[-2 * period : -period]


@given(
    st.sampled_from(["ab", "I cannot. ", "x" * 40 + "y", "| a | 1 |\n", "0", PROSE[:300]]),
    st.integers(0, 400),
    st.randoms(use_true_random=False),
)
def test_where_a_loop_is_found_does_not_depend_on_the_cutting(passage: str, start: int, rng: random.Random):
    text = PROSE[:start] + passage * min(200, 4_000 // len(passage))

    assert found_at(*Teller(rng, longest=300).cut(text)) == found_at(text)


def test_the_shortest_period_is_the_one_named():
    assert period_of("abc" * 400, 1_200) == 3


@pytest.mark.parametrize(
    "unit", ["ab" * 30 + "c", "| a |" + "-" * 70 + "\n", "a" * 90, "0, 0, 1, " * 9, "say it " * 9 + "x"]
)
def test_a_text_made_to_be_compared_often_is_not(unit: str):
    text = "".join(unit + str(number % 7) * (number % 3) + "." * (number % 5) for number in range(8_000))
    started = time.process_time()

    found_at(text)
    found_at(*text[:20_000])

    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("action", "ends"), [("cut", True), ("retry", True), ("observe", False), ("redact", False)]
)
def test_a_loop_ends_the_answer_where_the_policy_says_so(action: str, ends: bool):
    text = "I cannot. " * 400

    outcome = watched(policy(on_repetition=action), [chunk({"content": text}, reason="stop")])

    done = action if ends else "observe"
    assert ("repetition", done, "content", 0, 72) in outcome.found
    assert outcome.said("content") == (text[:72] if ends else text)
    assert outcome.watch.retry_wanted is (action == "retry")


loops: st.SearchStrategy[Said] = st.lists(
    st.tuples(
        st.sampled_from([("content",), ("reasoning",), ("tool_calls", 0, "function", "arguments")]),
        st.tuples(st.text("ab\\n", min_size=1, max_size=7), st.integers(1, 120)).map(
            lambda pair: pair[0] * pair[1]
        ),
    ),
    max_size=3,
    unique_by=lambda pair: pair[0],
)


@given(
    loops,
    st.sampled_from(["observe", "cut", "retry"]),
    st.sampled_from(["redact", "cut"]),
    st.randoms(use_true_random=False),
)
def test_loops_and_rules_end_a_stream_where_they_end_the_whole_answer(
    said: Said, on_repetition: str, action: str, rng: random.Random
):
    compiled = policy(*deny("abba", "\\nb", action=action), *deny("bab" * 9), on_repetition=on_repetition)

    streamed = watched(compiled, Teller(rng, longest=200).stream({0: said}))
    at_once = watched(compiled, [told_whole({0: said})])

    assert (streamed.texts, streamed.reasons, streamed.found) == (
        at_once.texts,
        at_once.reasons,
        at_once.found,
    )
