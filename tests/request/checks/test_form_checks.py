import pytest

from guardian_cluster.domain.request import Message, ResponseFormat
from guardian_cluster.request.checks import (
    citations,
    code,
    form,
    hedging,
    language,
    refusal,
    repetition,
    structure,
    truncation,
)
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.citations import sources_of
from guardian_cluster.request.checks.question import Question


def answered(answer: str, question: str = "Why?", **others) -> Answered:
    return Answered(Question(question), answer, **others)


@pytest.mark.parametrize(
    "text",
    [
        "so we add 64 + 30 +",
        "```python\nx = 1",
        "10/100 * 700 = <<10/1",
        "Then we take the whole of it and",
    ],
)
def test_what_breaks_off_is_found(text: str):
    assert truncation.check(answered(text)).held is False


def test_a_length_limit_is_a_truncation():
    assert truncation.check(answered("All is said.", finish_reason="length")).held is False


@pytest.mark.parametrize(
    "text",
    [
        "All is said.",
        "42",
        "- milk\n- bread and butter with salt",
        "```\nx\n```",
        "## Summary of it all",
        "Ja.",
    ],
)
def test_what_ends_well_holds(text: str):
    assert truncation.check(answered(text)).held is True


def test_a_refusal_is_found_at_the_beginning_only():
    assert refusal.check(answered("I'm sorry, but I cannot help with that.")).held is False
    assert refusal.check(answered("Sure. " * 60 + "I cannot say more.")).held is True


def test_doubt_is_quoted():
    assert "not enough information" in hedging.check(answered("There is not enough information.")).detail


def test_a_loop_is_found():
    assert repetition.check(answered("Well, " + "and so it goes on and on. " * 20)).held is False
    assert repetition.check(answered("One thing.\nAnother thing that is different.")).held is True


@pytest.mark.parametrize(
    ("block", "held"),
    [
        ("```python\ndef f(x):\n    return x\n```", True),
        ("```python\ndef f(x)\n    return x\n```", False),
        ("```json\n{\"a\": [1, 2]}\n```", True),
        ("```json\n{\"a\": [1, 2}\n```", False),
        ("```toml\na = 1\n```", True),
        ("```toml\na = = 1\n```", False),
        ("```js\nf(1, [2, 3)\n```", False),
        ("```python\n>>> 1 + 1\n2\n```", None),
        ("```text\n((((\n```", None),
        ("```python\n" + "-" * 1_900 + "1\n```", None),
        ("```python\n" + "(" * 1_900 + "\n```", None),
    ],
)  # fmt: skip
def test_code_is_parsed_and_never_run(block: str, held: bool | None):
    assert code.check(answered(f"Here:\n{block}\nDone.")).held is held


def test_json_that_was_asked_for_in_words_is_parsed():
    assert structure.check(answered('{"a": 1}', "Answer in JSON.")).held is True
    assert structure.check(answered("a is 1", "Answer in JSON.")).held is False
    assert structure.check(answered("a is 1", "What is JSON?")).held is None


def test_a_response_format_is_held_against_the_answer():
    wanted = ResponseFormat(type="json_object")

    assert structure.check(answered("no", wanted=wanted)).held is False
    assert structure.check(answered("{}", wanted=wanted)).held is True


@pytest.mark.parametrize(
    ("given", "is_source"),
    [
        ("Answer from:\n[1] Leave is thirty days.\n[2] Other things.", True),
        ("What does a[1] = 2 do?", False),
        ("items:\n[1], [2]", False),
        ("[1] " + "long " * 10_000, False),
        ("Be brief.", False),
    ],
)
def test_sources_are_what_numbers_its_passages(given: str, is_source: bool):
    messages = [Message(role="system", content=given), Message(role="user", content="How long is leave?")]

    assert sources_of(messages) == ((given, "How long is leave?") if is_source else ())


SOURCES = ("[1] Leave is granted for thirty days a year to all who work.\n[2] Other things.", "Why?")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("As said in [1] and [2].", True),
        ("As said in [3].", False),
        ("It says “granted for thirty days a year”.", True),
        ('It says "granted for forty days a year at most".', False),
        ("Nothing is quoted.", None),
    ],
)
def test_citations_must_stand_in_the_sources(text: str, held: bool | None):
    assert citations.check(answered(text, sources=SOURCES)).held is held


@pytest.mark.parametrize(
    ("question", "answer", "held"),
    [
        ("Answer with one word: the capital of France?", "Paris", True),
        ("Answer with one word: the capital of France?", "It is Paris", False),
        ("List five ideas for lunch.", "- a\n- b\n- c", False),
        ("List three ideas for lunch.", "1. a\n2. b\n3. c", True),
        ("Is it so? Answer yes or no.", "Perhaps.", False),
        ("Explain it in two sentences.", "So it is. And so. And more.", False),
        ("Explain it.", "So it is.", None),
    ],
)
def test_the_form_asked_for_in_words_is_looked_for(question: str, answer: str, held: bool | None):
    assert form.check(answered(answer, question)).held is held


GERMAN = "Das ist die Antwort auf die Frage, und sie ist nicht lang, aber es ist eine gute Antwort für alle."
ENGLISH = (
    "This is the answer to the question, and it is not long, but it is a good answer for all of us here."
)


def test_another_language_than_the_one_asked_for_is_found():
    assert language.check(answered(ENGLISH, "Answer in German: why is it so?")).held is False
    assert language.check(answered(GERMAN, "Answer in German: why is it so?")).held is True
    assert language.check(answered("12", "Answer in German: why is it so?")).held is None
    assert language.check(answered(GERMAN, ENGLISH)).held is False
