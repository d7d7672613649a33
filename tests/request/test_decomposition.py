"""Which requests are taken apart, into what, and which are left whole."""

import random
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guardian_cluster.request.decomposition import (
    LONGEST,
    MOST_SOLVABLE,
    MOST_WORDS,
    Part,
    decompose,
)
from guardian_cluster.request.decomposition_clauses import first_word
from guardian_cluster.request.decomposition_kinds import LONGEST_EXACT
from guardian_cluster.request.decomposition_pieces import MOST_PARTS
from guardian_cluster.request.decomposition_words import (
    COURTESY,
    CUES,
    DOCUMENT_ENDINGS,
    DOCUMENTS,
    STARTERS,
    STOP,
    written_words,
)
from guardian_cluster.specialists.solver import is_solvable

PIECES = (
    "compute 17*23",
    "4/9 + 5/6", "what is 15% of 240?", "tell me what the handbook says about leave", "who wrote Faust?",
    "write a Python function that reverses a string", "and", "and then", ";", "?", ".", "\n", "\n- ", "1. ", "2) ",
    ", ",
    "it", "also", "our", "the policy", "both", "17", "in German", "Answer in German.", "what", "John has 5 apples.",
    "und sag mir, was", "das Handbuch sagt", "'", '"', "```", "\u0000", "İ", "²", "  ", "please", "explain that result",
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
)


def parts_of(question: str) -> list[tuple[str, str]]:
    return [(part.text, part.requirement) for part in decompose(question, is_solvable)]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "compute 17*23 and tell me what the handbook says about leave",
            [("compute 17*23", "exact"), ("tell me what the handbook says about leave", "retrieval")],
        ),
        (
            "What is 15% of 240? Also, according to our travel policy, who approves flights?",
            [
                ("What is 15% of 240?", "exact"),
                ("according to our travel policy, who approves flights?", "retrieval"),
            ],
        ),
        (
            "Please answer these:\n1. what is 2^10\n2. who wrote Hamlet\n3. What does our wiki say about VPN access?",
            [
                ("what is 2^10", "exact"),
                ("who wrote Hamlet", "general"),
                ("What does our wiki say about VPN access?", "retrieval"),
            ],
        ),
        (
            "calculate 3/4 + 1/8; what did we decide about the launch date?",
            [("calculate 3/4 + 1/8", "exact"), ("what did we decide about the launch date?", "retrieval")],
        ),
        (
            "Write a SQL query that lists customers by country, and how much is 12.5% of 960?",
            [("Write a SQL query that lists customers by country", "code"), ("how much is 12.5% of 960?", "exact")],
        ),
        (
            "Solve 2x + 3 = 11, and then summarize our onboarding guide.",
            [("Solve 2x + 3 = 11", "exact"), ("summarize our onboarding guide.", "retrieval")],
        ),
        (
            "17*23 and the handbook's rules on leave",
            [("17*23", "exact"), ("the handbook's rules on leave", "retrieval")],
        ),
    ],
)  # fmt: skip
def test_independent_parts_are_found_with_their_kind(question: str, parts: list[tuple[str, str]]):
    assert parts_of(question) == parts


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Berechne 17*23 und sag mir, was das Handbuch über Urlaub sagt.",
         ["17*23", "sag mir, was das Handbuch über Urlaub sagt."]),
        ("Calcule 17*23 et dis-moi ce que dit le manuel sur les congés.",
         ["17*23", "dis-moi ce que dit le manuel sur les congés."]),
        ("¿Cuánto es 17*23? ¿Y qué dice nuestra política sobre vacaciones?",
         ["17*23", "qué dice nuestra política sobre vacaciones?"]),
    ],
)  # fmt: skip
def test_other_languages_join_their_parts_with_words_of_their_own(question: str, texts: list[str]):
    assert [text for text, _ in parts_of(question)] == texts


@pytest.mark.parametrize(
    "question",
    [
        "What is 17*23 and what is 5*6?",
        "List the pros and cons of remote work and of offices with 20 desks",
        "Is 97 prime and why?",
        "Who wrote Pride and Prejudice, and when?",
        "What does our handbook say about leave and what does our policy say about flights?",
    ],
)
def test_parts_for_the_same_specialist_are_left_together(question: str):
    assert parts_of(question) == []


@pytest.mark.parametrize(
    "question",
    [
        "compute 17*23 and double it",
        "What is 17*23? Explain that result.",
        "What is 15% of 240? Is it more than what our policy allows?",
        "Compute 17*23 and use it to find the leave days in our handbook",
        "Who wrote Pride and Prejudice and what does the handbook say about it?",
        "Write a Python function that adds two numbers and explain how it works",
        "What does our travel policy say about flights? What is the limit?",
        "What does our policy say about flights? Who approves trips to France?",
        "What is 15% of 240? According to our policy, is a 240 dollar dinner fine?",
        "Compute 15% of 240 and give the remainder when divided by 7",
        "What's 240*0.15 and who pays the bill?",
        "Calculate 12*12 and show your work",
        "Prepare a cheat sheet for a unit conversion problem.\nConvert 375 millimeters to inches.",
        "Solve 2x+3=7. What does x represent?",
        "What is 1945-1939 and what happened in that period?",
        "Convert 10 miles to km and recommend a route for running",
        "Find the gcd of 12 and 18, then describe the Euclidean algorithm.",
        "Write a SQL query for the top customers. What does our schema look like?",
        "Explain recursion and write a Python function that computes factorials",
        "Write a Python function to reverse a list. Explain the time complexity.",
    ],
)
def test_a_part_that_refers_to_another_keeps_the_request_whole(question: str):
    assert parts_of(question) == []


@pytest.mark.parametrize(
    "question",
    [
        "If 17*23 is larger than 300, tell me what our handbook says about leave",
        "What is 17*23? If so, what does our handbook say about leave?",
        "Compute 3^5. Then tell me which is larger, that or the limit in our policy.",
        "Compare 17*23 and the number of leave days in our handbook",
        "Compute 17*23 and tell me what the handbook says about leave. Answer both in JSON.",
        "Compute 17*23 and tell me what the handbook says about leave in a table",
        "Compute 17*23 and tell me what the handbook says about leave in German",
        "Compute 17*23 and tell me what the handbook says about leave. End with a moral.",
        'Translate "compute 17*23 and tell me what the handbook says about leave" into French',
        "`compute 17*23` and tell me what the handbook says about leave",
        "John has 5 apples. He buys 3 more. What is 5+3? What does our handbook say about fruit?",
        "My manager asked me about badges. What does our wiki say? Also what is 45*11?",
        "Summarize our meeting notes and write a follow-up email",
        "Check our style guide and write a Python function for the rules",
        "Look at our style guide and tell me how to write a Python function",
    ],
)
def test_what_spans_the_request_keeps_it_whole(question: str):
    assert parts_of(question) == []


def test_a_clause_that_asks_on_about_documents_stays_with_the_one_before_it():
    question = "What does the handbook say about leave and how many days do I get? Also compute 17*23."

    assert parts_of(question) == [
        ("What does the handbook say about leave and how many days do I get?", "retrieval"),
        ("compute 17*23.", "exact"),
    ]


def test_a_general_question_beside_documents_is_apart_only_when_the_user_says_so_or_it_is_about_the_world():
    policy = "What does our remote work policy say about equipment?"

    assert parts_of(f"{policy} Why do cats purr?") == []
    assert len(parts_of(f"{policy} Separately, why do cats purr?")) == 2
    assert len(parts_of(f"{policy} What is the capital of Kenya?")) == 2


def test_a_language_or_brevity_is_asked_of_every_part():
    question = "Summarise the meeting notes; write a Python function that parses a date. Answer in German."

    assert [part.instruction for part in decompose(question, is_solvable)] == ["Answer in German."] * 2


def test_the_solver_is_given_no_part_of_a_request_for_another_language():
    question = "Compute 17*23 and tell me what the handbook says about leave."

    assert parts_of(f"{question} Answer in German.") == []
    assert len(parts_of(f"{question} Be brief.")) == 2


def test_more_parts_than_five_are_left_whole():
    asks = [f"What is {number}*23?" for number in range(11, 11 + MOST_PARTS)]
    policy = "What does our travel policy say about flights?"

    assert len(parts_of(" ".join([*asks[1:], policy]))) == MOST_PARTS
    assert parts_of(" ".join([*asks, policy])) == []


def test_the_department_is_no_pronoun():
    assert len(parts_of("Compute 61*73. What do our IT guidelines say about overtime?")) == 2
    assert parts_of("COMPUTE 61*73. WHAT DOES OUR HANDBOOK SAY ABOUT IT?") == []


def test_small_numbers_are_not_taken_for_those_of_a_list():
    question = "Hey! 4/9 + 5/6 and what's in our handbook about leave"

    assert [text for text, _ in parts_of(question)] == ["4/9 + 5/6", "what's in our handbook about leave"]


def test_a_long_request_is_left_whole():
    question = "compute 17*23 and tell me what the handbook says about leave"

    assert parts_of(question + " " * (LONGEST - len(question))) == []
    assert parts_of(question + " and holidays" * MOST_WORDS) == []
    assert parts_of(question + "s" * LONGEST) == []


def test_a_heading_is_one_short_line_without_invisible_characters():
    question = f"compute 17*23\nWhat does our hand\u202ebook say about {'holidays ' * 12}in our policy?"

    first, second = decompose(question, is_solvable)

    assert first.heading == "Compute 17*23"
    assert second.heading.startswith("What does our handbook say about holidays")
    assert len(second.heading) <= 62


def test_parts_are_numbered_in_their_order():
    parts = decompose("who wrote Hamlet? what is 2^10? what does our wiki say on leave?", is_solvable)

    assert [part.number for part in parts] == [1, 2, 3]


@given(texts)
@example("\n".join(["- compute 1+1", "- what does the handbook say"]))
def test_parts_are_in_the_request_one_after_the_other_and_never_empty(text: str):
    parts = decompose(text, is_solvable)
    at = 0
    for part in parts:
        at = text.index(part.text, at) + len(part.text)

    assert all(any(map(str.isalnum, part.text)) and part.heading for part in parts)
    assert len(parts) == 0 or 2 <= len(parts) <= MOST_PARTS
    assert len({part.requirement for part in parts}) != 1


@given(texts)
def test_a_part_is_not_taken_apart_again_and_the_same_text_has_the_same_parts(text: str):
    parts = decompose(text, is_solvable)

    assert all(decompose(part.text, is_solvable) == () for part in parts)
    assert decompose(text, is_solvable) == parts


@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=8).map(" ".join))
@example("Hi! compute 17*23 and then, please, tell me what the handbook says about leave. Thanks!")
@example("1. what is 2^10\n2. who wrote Hamlet\n3. What does our wiki say about VPN access?")
def test_no_word_of_content_is_lost(text: str):
    parts = decompose(text, is_solvable)
    if not parts:
        return
    kept = {word for part in parts for word in written_words(f"{part.text} {part.instruction}")}
    left_out = [word.lower() for word in written_words(text) if word not in kept]

    known = STOP | STARTERS | COURTESY | {"then", "und", "sag", "mir"}
    assert all(word in known or word in ("1", "2", "3") for word in left_out)


@given(st.sampled_from(PIECES), st.sampled_from(PIECES), st.sampled_from(PIECES))
def test_the_time_is_bounded_for_any_text(start: str, middle: str, end: str):
    text = f"what is 17*23 and {start} " + f"{middle} {end} " * LONGEST
    began_ns = time.thread_time_ns()
    decompose(text[:LONGEST], is_solvable)

    assert time.thread_time_ns() - began_ns < 50e6


def test_most_requests_cost_the_solver_nothing():
    asked: list[str] = []

    def solvable(text: str) -> bool:
        asked.append(text)
        return False

    for text in (
        "Explain how rainbows form.",
        "Write a story about 3 dragons.",
        "Tom has 4 cars and buys 2.",
    ):
        assert decompose(text, solvable) == ()
    assert asked == []


def test_the_solver_is_asked_a_bounded_number_of_times():
    asked: list[str] = []

    def solvable(text: str) -> bool:
        asked.append(text)
        return False

    rng = random.Random(1)
    for _ in range(200):
        asked.clear()
        decompose(" ".join(rng.choices(PIECES, k=12)) * 3, solvable)
        assert sum(map(len, asked)) <= 2 * MOST_SOLVABLE
        assert max(map(len, asked), default=0) <= LONGEST_EXACT


@pytest.mark.parametrize("document", sorted(DOCUMENTS | frozenset(DOCUMENT_ENDINGS)))
def test_the_first_look_knows_every_document(document: str):
    assert any(cue in document for cue in CUES)


def test_the_first_word_is_read_without_what_hangs_on_it():
    assert [first_word(text) for text in ("What's up", "dis-moi", "3 apples", "")] == ["what", "dis", "", ""]


def test_a_part_has_no_instruction_unless_one_was_given():
    assert Part(1, "compute 1+1", "exact", "Compute 1+1").instruction == ""
