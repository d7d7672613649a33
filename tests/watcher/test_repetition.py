"""When an answer has begun to repeat itself, and when it only looks so."""

import random
import time

import pytest
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
    detector, read = RepetitionDetector(), 0
    for piece in pieces:
        found = detector.feed(piece)
        read += len(piece)
        if found is not None:
            assert read - len(piece) < found <= read
            return found
    return None


@pytest.mark.parametrize(
    "passage", ["I cannot. ", "ab", "1, ", "Sure! Here is the list of all of them:\n- one\n", "x" * 150 + "y"]
)
def test_a_passage_that_never_ends_is_found(passage: str):
    found = found_at(PROSE, passage * 400)

    assert found is not None
    assert found <= len(PROSE) + 6 * len(passage) + 512


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
    ],
)
def test_prose_tables_code_and_rules_are_no_loops(text: str):
    assert found_at(text) is None


def test_a_passage_said_five_times_is_no_loop_and_seven_times_is():
    passage = PROSE[:150]

    assert found_at(passage * 5 + PROSE[150:] + "x" * 300) is None
    assert found_at(passage * 9) is not None


@given(
    st.sampled_from(["ab", "I cannot. ", "x" * 40 + "y"]),
    st.integers(0, 400),
    st.randoms(use_true_random=False),
)
def test_where_a_loop_is_found_does_not_depend_on_the_cutting(passage: str, start: int, rng: random.Random):
    text = PROSE[:start] + passage * 200

    assert found_at(*Teller(rng, longest=300).cut(text)) == found_at(text)


def test_the_shortest_period_is_the_one_named():
    assert period_of("abc" * 400, 1_200) == 3


def test_a_text_made_to_be_compared_often_is_not():
    text = ("ab" * 60 + "c") * 8_000
    started = time.process_time()

    found_at(text, *text[:5_000])

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("action", "ends"), [("cut", True), ("retry", True), ("observe", False), ("redact", False)]
)
def test_a_loop_ends_the_answer_where_the_policy_says_so(action: str, ends: bool):
    text = "I cannot. " * 400

    outcome = watched(policy(on_repetition=action), [chunk({"content": text}, reason="stop")])

    done = action if ends else "observe"
    assert ("repetition", done, "content", 0, 256) in outcome.found
    assert outcome.said("content") == (text[:256] if ends else text)
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
