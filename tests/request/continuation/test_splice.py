import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.continuation.asking import Manner
from guardian_cluster.request.continuation.splice import Splice
from guardian_cluster.simulation.continuing import break_of, drawn_manner
from guardian_cluster.simulation.long_answers import long_answers

TEXT = (
    "The river Lenta is 230 km long. It is crossed by 12 bridges. The oldest bridge was built in 1890 by Anna Meyer."
    " The capital of the region is Orma, with 4000 people."
)
BROKEN = TEXT[: TEXT.index("capital") + 4]
AFTER = TEXT[len(BROKEN) :]
ENDED = TEXT[: TEXT.index(" The capital")]
REST = TEXT[len(ENDED) :]


def spliced(said: str, words: str, manner: Manner = "prompt", sizes: tuple[int, ...] = (3,)) -> str:
    splice, out, place, number = Splice(said, manner), [], 0, 0
    while place < len(words):
        size = sizes[number % len(sizes)]
        out.append(splice.take(words[place : place + size]))
        place, number = place + size, number + 1
    return "".join(out) + splice.finish()


def outcome(said: str, words: str, manner: Manner, sizes: tuple[int, ...]) -> str:
    try:
        return spliced(said, words, manner, sizes)
    except AttemptFailed as failure:
        return f"error {failure.message}"


@pytest.mark.parametrize(
    "again",
    [
        "The capi",
        "capi",
        "by Anna Meyer. The capi",
        "The oldest bridge was built in 1890 by Anna Meyer. The capi",
        "the OLDEST bridge  was built\nin 1890 by “Anna Meyer”. The capi",
        "The **oldest** bridge was _built_ in 1890 by Anna Meyer. The capi",
        "Sure, here is the continuation:\n\n1890 by Anna Meyer. The capi",
        "Hier ist die Fortsetzung:\n\nwas built in 1890 by Anna Meyer. The capi",
        "...was built in 1890 by Anna Meyer. The capi",
        BROKEN,
        "Of course! Here is the rest:\n\n" + BROKEN,
    ],
)
@pytest.mark.parametrize("manner", ["prompt", "prefill"])
def test_what_is_said_again_does_not_leave(again: str, manner: Manner) -> None:
    assert spliced(BROKEN, again + AFTER, manner) == AFTER


def test_a_backup_that_goes_on_from_the_last_sign_is_let_out() -> None:
    said = TEXT[: TEXT.index(" of the region")]

    assert spliced(said, " of the region is Orma, with 4000 people.", "prefill") == TEXT[len(said) :]
    assert spliced(said + " ", "of the region is Orma, with 4000 people.", "prompt") == TEXT[len(said) + 1 :]


def test_it_goes_on_after_all_that_is_put_in_other_words() -> None:
    words = (
        "Its length comes to 230 kilometres. There are 12 bridges across the Lenta. Anna Meyer had the first one built"
        " in 1890. The capital of the region is Orma, with 4000 people."
    )

    assert spliced(ENDED, words) == REST
    assert spliced(ENDED, words, "prefill") == REST


def test_a_sentence_that_broke_off_and_is_put_in_other_words_is_an_error() -> None:
    with pytest.raises(AttemptFailed) as caught:
        spliced(TEXT[:60].rsplit(" ", 1)[0], "Twelve bridges cross it; Lenta's length is 230 kilometres.")

    assert caught.value.code == "continuation_unclear"
    assert not caught.value.again
    assert not caught.value.rests
    assert caught.value.elsewhere


@pytest.mark.parametrize(
    "words", ["", "  \n", "I'm sorry, but I do not see an answer to continue.", "...", "```\n```"]
)
def test_words_that_hold_nothing_new_are_an_error(words: str) -> None:
    with pytest.raises(AttemptFailed):
        spliced(BROKEN, words)


def test_a_code_fence_around_all_is_left_out() -> None:
    assert spliced(BROKEN, f"```\nbuilt in 1890 by Anna Meyer. The capi{AFTER}\n```").rstrip() == AFTER
    assert spliced(BROKEN, f"```markdown\n{BROKEN}{AFTER}\n```\n").rstrip() == AFTER


def test_a_code_block_within_the_fence_stays_whole() -> None:
    code = "\n\n```python\nprint(1)\n```\n\nThat is all 77."

    assert spliced(BROKEN, f"````\n{BROKEN}{AFTER}{code}\n````").rstrip() == AFTER + code


def test_words_after_the_end_of_the_fence_are_an_error() -> None:
    with pytest.raises(AttemptFailed, match="code block"):
        spliced(BROKEN, f"```\n{BROKEN}{AFTER}\n```\nMore words.")


@pytest.mark.parametrize(
    ("said", "words", "after"),
    [
        ("1. Red 11\n2. Blue 22\n", "3. Green 33\n", "3. Green 33\n"),
        ("1. Red 11\n2. Blue 22", "\n3. Green 33\n", "\n3. Green 33\n"),
        ("- Red 11\n- Blue 22", "- Green 33\n", "\n- Green 33\n"),
        ("- Red 11\n- Bl", "- Blue 22\n- Green 33\n", "ue 22\n- Green 33\n"),
        ("| A | B |\n| --- | --- |\n| x | 11 |", "| y | 22 |\n", "\n| y | 22 |\n"),
        ("| A | B |\n| --- | --- |\n| x | 1", "| x | 11 |\n| y | 22 |\n", "1 |\n| y | 22 |\n"),
        ("# One\n\nIt has 11 parts.", "\n\n# Two\n\nIt has 22 parts.", "\n\n# Two\n\nIt has 22 parts."),
    ],
)
def test_lists_tables_and_headings_keep_their_lines(said: str, words: str, after: str) -> None:
    assert spliced(said, words, "prefill") == after


def test_scripts_without_spaces_are_compared_too() -> None:
    said, after = "青河市的人口是230万。城墙建于1890年，由安娜主持修建。主要河", "流长45公里。"

    assert spliced(said, "城墙建于1890年，由安娜主持修建。主要河" + after) == after
    assert spliced(said, said + after) == after


def test_emoji_and_links_are_passed_on_as_they_are() -> None:
    said = "We met the whole family \U0001f468‍"
    assert spliced(said, "\U0001f469‍\U0001f467 and [went home](https://a.example/22).", "prefill").startswith(
        "\U0001f469"
    )

    link = "For more about the bridges of the Lenta see [the guide](https://exam"
    again = "bridges of the Lenta see [the guide](https://example.org/22) for all."
    assert spliced(link, again) == "ple.org/22) for all."


def test_spaces_at_the_joint_are_neither_lost_nor_doubled() -> None:
    said = "It is crossed by 12 bridges and"

    assert spliced(said, "  carries 45 trains.") == " carries 45 trains."
    assert spliced(said + " ", " carries 45 trains.") == "carries 45 trains."
    assert spliced("It has 12 bridges.", "It carries 45 trains.") == " It carries 45 trains."


ANSWERS = long_answers(80, seed=11)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 50), min_size=1, max_size=8),
    st.sampled_from(["prompt", "prefill"]),
)
def test_any_cutting_gives_the_same(seed: int, sizes: list[int], manner: Manner) -> None:
    rng = random.Random(seed)
    answer = rng.choice(ANSWERS)
    said = answer.text()[: rng.randint(1, len(answer.text()) - 1)]
    words = drawn_manner(rng).words(break_of(answer, said.rstrip()), rng)

    assert outcome(said, words, manner, tuple(sizes)) == outcome(said, words, manner, (len(words) + 1,))


PIECES = st.sampled_from(
    ["a", "Ab. ", "\n", "- ", "1. ", "```\n", "|", "天", "。", "“", "12 ", " ", "...", "Sure:\n", "the ", "é"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=40), st.lists(PIECES, max_size=60), st.integers(1, 7))
def test_hostile_words_give_an_error_or_themselves(said: list[str], words: list[str], size: int) -> None:
    given_said, given_words = "".join(said), "".join(words)

    cut = outcome(given_said, given_words, "prompt", (size,))

    assert cut == outcome(given_said, given_words, "prompt", (10_000,))
    assert cut.startswith("error ") or len(cut) <= len(given_words) + 2


@pytest.mark.parametrize(
    "piece",
    ["\n", "-", "a", ". ", "桥", "ab ", "1 ", '"', "a: ", "```\n", "The river Lenta is 230 km long. "],
)
def test_a_megabyte_of_hostile_words_is_refused_early(piece: str) -> None:
    splice, taken = Splice(TEXT * 20, "prompt"), 0

    with suppress(AttemptFailed):
        while taken < 1_000_000:
            splice.take(piece)
            taken += len(piece)

    assert taken < 2 * len(TEXT * 20) + 12_000
    assert not splice.is_decided


@pytest.mark.parametrize(
    ("said", "words", "after"),
    [
        ("The mill was rebuilt by the fami", "ly of Anna.", "ly of Anna."),
        ("The mill has 42", "7 windows.", "7 windows."),
        ("The mill is run by the hea", "rt of the town.", "rt of the town."),
        ("境内に448", "本の杉があります。", "本の杉があります。"),
        ("お土産には紅葉", "がよく選ばれます。", "がよく選ばれます。"),
    ],
)
def test_the_rest_of_a_word_or_number_needs_no_anchor(said: str, words: str, after: str) -> None:
    assert spliced(said, words) == after


@pytest.mark.parametrize(
    ("said", "words", "after"),
    [
        ("It is old. The ch", "The chief executive is Anna Meyer.", "ief executive is Anna Meyer."),
        ("It is old. Every 825 m", "Every 825 minutes it stops.", "inutes it stops."),
        ("A list:\n\n1. Wood\n2. Stone\n3", "3. Iron\n4. Tin", ". Iron\n4. Tin"),
        ("A list:\n\n1. Wood\n2. Stone\n3.", "3. Iron\n4. Tin", " Iron\n4. Tin"),
        ("A list:\n\n- Wood costs 12\n-", "- Iron costs 77\n", " Iron costs 77\n"),
    ],
)
def test_the_sentence_or_item_that_broke_off_may_begin_again(said: str, words: str, after: str) -> None:
    assert spliced(said, words) == after


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Les îles de", "l'archipel sont belles."),
        ("Its mirror was cast in 1820. Its", "It springs from a hillside 383 m up."),
        ("It was founded by Quill", "Quill it is, 59 years old."),
        ("A list:\n\n1. Wood\n2", "2 kinds of stone."),
    ],
)
def test_words_that_begin_alike_are_not_taken_for_a_repetition(said: str, words: str) -> None:
    with pytest.raises(AttemptFailed):
        spliced(said, words)


@pytest.mark.parametrize(
    ("words", "is_at_end"), [("", False), (ENDED, True), (ENDED[-60:], True), (ENDED + REST, False)]
)
def test_who_repeats_the_last_words_alone_is_at_the_end(words: str, is_at_end: bool) -> None:
    splice = Splice(ENDED, "prompt")
    splice.take(words)
    with suppress(AttemptFailed):
        splice.finish()

    assert splice.is_at_end == is_at_end
