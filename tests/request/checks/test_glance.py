"""A glance comes to the same as the checks it stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.checks import form, language, refusal, truncation
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.glance import _reasons, glance
from guardian_cluster.request.checks.question import Question
from guardian_cluster.request.checks.refusal import _FULL, _SORRY

PIECES = (
    *("Paris.", " of course", "**bold**", "```python\n", "```", "(", ")", "17 *", "\n- item", "\n\n"),
    *("This sentence goes on and", " a [link", "]", "=", "| a | b |", "# Heading", ""),
)
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(text=texts, reason=st.sampled_from(["stop", "length", "tool_calls"]))
def test_it_sees_what_was_broken_off_as_the_check_does(text: str, reason: str):
    answered = Answered(Question("Why?"), text, reason)

    assert truncation.is_broken_off(text, reason) == (truncation.check(answered).held is False)


@pytest.mark.parametrize("words", [*_FULL, *_SORRY])
def test_it_sees_every_refusal_that_the_check_knows(words: str):
    text = f"Well, {words} do that."
    found = refusal.check(Answered(Question("Why?"), text)).held is False

    assert (glance("Why?", text, "stop").quality < 1.0) == found


ITEMS = (
    *(
        "item",
        "examples",
        "ideas",
        "reason",
        "ways",
        "tip",
        "steps",
        "bullet points",
        "bullets",
        "points",
        "names",
    ),
    *(
        "title",
        "suggestion",
        "questions",
        "facts",
        "options",
        "synonyms",
        "things",
        "words",
        "sentences",
        "word",
    ),
)


@given(
    verb=st.sampled_from(["List", "GIVE me", "in", "exactly", "Name", "write", "(up to"]),
    number=st.sampled_from(["3", "two", "TEN", "a single"]),
    items=st.sampled_from(ITEMS),
    begin=st.sampled_from(["", "'", '"', "(", "“", "—", "…"]),
    end=st.sampled_from(
        ["", "?", ".", ", please", ": yes or no", "'yes or no'", "“true or false”", "…", "。"]
    ),
)
def test_it_looks_at_the_form_whenever_one_is_asked_for(
    verb: str, number: str, items: str, begin: str, end: str
):
    question = f"{begin}{verb} {number} {items}{end}"

    assert form.check in _reasons(question, "No.") or not form.wishes_of(question.lower())


@pytest.mark.parametrize("verb", sorted(language._ASKING))
@pytest.mark.parametrize("begin", ["", "'", "“"])
def test_it_looks_at_the_language_whenever_one_is_asked_for(begin: str, verb: str):
    question = f"{begin}{verb.title()}, in German: who was it?"

    assert language.asked_for(question.lower()) == "german"
    assert language.check in _reasons(question, "He.")


CAPITAL = "What is the capital of France? What does a ticket to Berlin cost?"
GERMAN = "Answer in German: who wrote this long book about the sea?"
ENGLISH = "It was written by a man of the sea, and by nobody else at all in that year."


@pytest.mark.parametrize(
    ("question", "text", "quality", "alignment"),
    [
        ("Capital of France?", "Paris.", 1.0, 1.0),
        ("Capital of France?", "", 0.5, 0.0),
        ("Name three colours. Give three examples.", "- red\n- green", 2 / 3, 2 / 3),
        (CAPITAL, "Paris is the capital of France.", 1.0, 0.5),
        ("Write it in Python.", "```python\nx = (\n```", 2 / 3, 2 / 3),
        (GERMAN, ENGLISH, 2 / 3, 2 / 3),
    ],
)
def test_it_says_how_far_an_answer_is_what_was_asked(
    question: str, text: str, quality: float, alignment: float
):
    seen = glance(question, text, "stop")

    assert (seen.quality, seen.intent_alignment) == (pytest.approx(quality), pytest.approx(alignment))
