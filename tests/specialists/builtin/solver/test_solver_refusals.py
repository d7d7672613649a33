"""What the solver must not answer: stories, ambiguity, hostile input. It never guesses, and never crashes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guardian_cluster.specialists.builtin.solver.reading.question import understand
from guardian_cluster.specialists.builtin.solver.reading.tokens import MAX_CHARACTERS
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import NotUnderstood

STORIES = (
    "",
    "   \n ",
    "hello",
    "What is the capital of France?",
    "Tell me a joke",
    "If I have 3 apples and buy 2 more, how many apples do I have?",
    "A train leaves at 5 pm and travels 60 miles. How long does it take?",
    "Anna is twice as old as Ben.\nTogether they are 36.\nHow old is Ben?",
    "What is 17% of 2,350? Answer with only the number.",
    "Hey, what is 17% of 2350?",
    "What is 2 + 2 and why?",
    "Write a Python function that computes 2 + 2",
    "Is 2 + 2 = 5 true?",
    "2 + 2 = 5",
    "translate 5 to German",
    "what is 255 in hex",
    "the answer to life, the universe and everything",
    "how many people live in a city",
    "solve world hunger",
    "integrate the new team member",
    "factor in the costs",
    "What is the limit of human knowledge?",
    "what is the meaning of 42",
    "expand on the last point",
    "3 + 4, then double it",
    "What is x?",
)

NOTHING_TO_COMPUTE = (
    "42",
    "What is 42?",
    "-5",
    "50%",
    "pi",
    "What is e?",
    "x",
    "?",
    "=",
    "sin",
    "90 degrees",
    "x + 1",
)

LABELS = (
    "9/11",
    "What is 9/11?",
    "24/7",
    "12/25/2024",
    "2024-01-15",
    "1-800-555-0199",
    "555-1234",
    "1914-1918",
    "192.168.0.1",
    "3.11.7",
    "12:30",
    "x = 5",
    "E = mc^2",
    "H2O",
    "n/a",
    "C++",
    ":-)",
)

AMBIGUOUS = (
    "1/2x",
    "solve 1/2x = 3",
    "6/2(1+2)",
    "2^3x",
    "e^2x + 1",
    "9^1/2",
    "sin(30)",
    "cos(1.5)",
    "sin 2x",
    "sin^-1(0.5)",
    "sqrt 16 + 9",
    "square root of 16 plus 9",
    "log(100)",
    "3!!",
    "3 + 4!",
    "17 % 5",
    "200 + 10%",
    "10% of 50 + 3",
    "increase 200 by 10",
    "2,35 + 1",
    "1,23,456 + 1",
    "1.234,56 + 1",
    "1 000 + 1",
    "gcd(1,200)",
    "gcd of 12,180 and 15",
    "lcm of 100,200, 300",
    "2 1/2 + 1",
    "2½ + 1",
    "3x4",
    "derivative of 3x4",
    "2i + 3",
    "E + 1",
    "X + x = 4",
    "f(2) + 1",
    "f(x) = x^2",
    "pi(10)",
    "a + b",
    "x^2 + y^2 = 1",
    "sum of 1-10 and 3",
    "average of 1-10",
    "3 +- 4",
    "two hundred and five + 3",
    "x = 5, y = 3",
)

HOSTILE = (
    "__import__('os').system('ls')",
    "eval('1+1')",
    "print(1)",
    "().__class__.__bases__[0]",
    "lambda x: x",
    "1; import os",
    "exec(1)",
    "os.system(1)",
    "[x for x in (1,2)]",
    "{1: 2}",
    "\\frac{1}{2}",
    "$20 + $5",
    "1 + 1 # comment",
    "`rm -rf /`",
    "<script>alert(1)</script>",
    "1 + 1\x00",
    "1\u200b+1",
    "1\u202e+1",
    "12 + \u0417",
    "\uff11 + 1",
    "\u0663 + 1",
    "x\u0301 = 3",
    "2 \U0001d7d9",
    "\ud800 + 1",
    "9**9**9",
    "9^9^9^9",
    "2^(2^(2^10))",
    "10^3100 + 1",
    "1e1001 + 1",
    "1e99999999999 + 1",
    "(1/3)^7000 + 1",
    "100000!",
    "((4!)!)!",
    "(1000!)^1000",
    "exp(exp(exp(10)))",
    "1/0",
    "calculate 1/(1-1)",
    "infinity - infinity",
    "(" * 31 + "1" + ")" * 31 + " + 1",
    "-" * 100 + "1",
    "1" + "^1" * 100,
    "|" * 100,
    "√" * 100 + "4",
    "(((((1",
    "1)))))",
    "()",
    "3 + * 4",
    "3 +",
    "5..3",
    "1,,2",
)


@pytest.mark.parametrize("text", STORIES + NOTHING_TO_COMPUTE + LABELS + AMBIGUOUS + HOSTILE)
def test_what_is_not_clearly_a_question_is_not_understood(text: str) -> None:
    result = understand(text)

    assert isinstance(result, NotUnderstood)
    assert result.reason


def test_a_megabyte_of_parentheses_is_refused_at_once() -> None:
    result = understand("(" * 1_000_000)

    assert result == NotUnderstood(
        f"the text is longer than {MAX_CHARACTERS} characters, which is more than one short question"
    )


def test_a_reason_repeats_only_a_little_of_the_text_and_no_control_characters() -> None:
    assert understand("w" * 100 + " + 1") == NotUnderstood(
        f'"{"w" * 20}…" is not part of a question it knows'
    )
    assert understand("1 \x1b[31m") == NotUnderstood('the character "?" is not part of a question it knows')


FRAGMENTS = st.sampled_from(
    [
        *"0123456789+-*/^()%!|,.=;:?√½²xyzie ",
        *("\n", "sin", "log", " of ", " and ", " to ", " from ", " in ", "km", "solve ", "integral", " dx"),
        *("limit ", "->", "sum ", "prime", "sqrt", " mod ", "two", "hundred", "1,234"),
    ]
)


@given(st.lists(FRAGMENTS, max_size=60).map("".join))
@example("d/dx dx dx")
@example("integral of from to")
@example("lim x-> of")
def test_text_made_of_mathematical_fragments_never_raises(text: str) -> None:
    understand(text)


@given(st.text(max_size=MAX_CHARACTERS + 20))
def test_arbitrary_text_never_raises(text: str) -> None:
    understand(text)


@given(st.text(alphabet=st.characters(), max_size=40).filter(lambda text: not text.isascii()))
def test_a_character_outside_the_alphabet_is_never_skipped(text: str) -> None:
    known = set("µμ×÷·⋅∙∕⁄−–→π∞½⅓⅔¼¾°√∛∫⁻⁰¹²³⁴⁵⁶⁷⁸⁹’\u00a0\u2009\u202f")
    strange = {character for character in text.strip() if not character.isascii()} - known

    if strange:
        assert isinstance(understand(f"2 + 2 {text} + 1"), NotUnderstood)


def test_a_refusal_carries_its_reason() -> None:
    assert Refusal("because").reason == "because"
