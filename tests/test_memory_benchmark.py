"""The documents and questions that benchmarks/memory.py measures recall with."""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks.memory import FACTS, PASSAGES_OF_A_DOCUMENT, corpus, measure


def test_every_answer_is_in_the_documents_and_no_two_passages_are_the_same() -> None:
    data = corpus(400, 60, random.Random(1))

    texts = [passage.text for document in data.documents for passage in document.passages]
    assert (len(texts), len(set(texts))) == (400, 400)
    assert {text for _, text in data.answerable} <= set(texts)
    assert {len(document.passages) for document in data.documents} == {PASSAGES_OF_A_DOCUMENT}


def test_questions_without_an_answer_are_never_among_those_with_one() -> None:
    data = corpus(400, 60, random.Random(1))

    assert len(data.answerable) == len(data.unanswerable) == 60
    assert not {question for question, _ in data.answerable} & set(data.unanswerable)


def test_the_same_seed_makes_the_same_documents() -> None:
    assert corpus(80, 20, random.Random(3)) == corpus(80, 20, random.Random(3))


def test_no_question_repeats_the_fact_it_asks_for() -> None:
    assert all(question.split()[0] != fact.split()[0] and question.endswith("?") for fact, question in FACTS)


def test_measuring_is_offered_for_other_databases_too() -> None:
    assert set(measure.__kwdefaults__) == {"location"}
