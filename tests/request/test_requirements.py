"""What a request asks for, told from rules: each requirement by examples, and properties for every text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.request import ContentPart, Message
from guardian_cluster.request.requirement_words import LANGUAGES, RULES
from guardian_cluster.request.requirements import Profile, profile_of, profile_of_text

FOUND = {
    "reasoning": [
        "Explain why the sky is blue", "Why is the sky blue?", "Prove that there is no largest prime",
        "Prove Fermat's little theorem for p = 5", "Think step by step", "Compare TCP and UDP",
        "What are the pros and cons of remote work?", "Derive the formula", "Plan my week in Rome",
        "Evaluate this argument", "How come the moon has no air?", "Is Rust better than Go?",
        "If it rains then we stay, unless Bob drives", "Design a schedule for three teams", "Analyse the poem",
        "Suppose all cats sleep. Given that Tom is a cat, what follows?", "Justify your choice",
        "Show that the sum is even", "Cats versus dogs", "Optimise this route", "What is the trade-off here?",
    ],
    "retrieval": [
        "What does the handbook say about leave?", "Summarise the attached document", "According to the text, who won?",
        "Look up the address of our office", "What did I say? You said it was red", "Cite three studies",
        "What is our policy on travel?", "How many vacation days do our employees have?", "Open the PDF and read on",
        "Find in the minutes who was present", "Remind me what we agreed", "Which guideline applies?",
        "Was steht im Handbuch über Urlaub?", "Quote the first paragraph", "Answer with sources", "As we discussed",
        "What is in the wiki about deployment?", "Does the contract allow it?", "Add a bibliography",
        "Last time we spoke about tea", "What is written in the manual?",
    ],
    "code": [
        "Write a Python function that reverses a list", "```\nx = 1\n```", "def f(x): return x", "Fix this SQL query",
        "Write a function to add numbers", "Why do I get this stack trace?", "Make a regex for dates",
        "Which docker command removes images?", "My loop never ends, what is the bug?", "Refactor the following",
        "What does git rebase do?", "Write a unit test for it", "Center a div with css", "select * from users;",
        "How do I import a class from an api?", "#include <stdio.h>", "Explain numpy broadcasting",
        "Write a bash one-liner", "My program throws an exception", "Convert TypeScript to JavaScript",
    ],
    "exact": [
        "17*23", "What is 12 + 30?", "compute the area of a circle", "How many apples are left?", "3^4", "(2+3) * 4",
        "How much is a dozen at 30 cents?", "What percent of 80 is 20?", "Solve for x", "Convert 5 miles to km",
        "Calculate the average of 3, 4 and 5", "Tom is 5, Ann 7, Bob 9: who is oldest?", "12/4", "5 x's: 3 = 3",
        "What is the sum of all odd numbers below ten?", "Multiply six by seven", "derivative of sin", "7 × 8",
        "Berechne die Fläche", "the probability of rain and wind",
    ],
    "structured": [
        "Answer as JSON", "Give me a YAML file", "Return csv", "Put it in a table", "Use bullet points",
        "Valid XML only",
        "Answer in the following format: name, age", "Answer with exactly one word", "Make a markdown table of it",
        "Follow this schema", "Write it in LaTeX", "As a table, please",
    ],
    "language": [
        "Translate 'cat'", "Say hello in German", "Traduis cette phrase", "Übersetze das ins Englische",
        "Proofread my letter", "Check the grammar", "Wie ist das Wetter in der Stadt und was kann ich tun?",
        "Quelle est la capitale de la France et comment on y va ?", "東京の人口は何人ですか", "Как дела, друг?",
        "¿Cómo está el tiempo en la ciudad y qué más?", "지금 몇 시입니까", "今天天气怎么样", "Paraphrase the sentence",
        "Bitte auf Englisch antworten", "مرحبا كيف حالك", "Che cosa è il sole e come si forma nel cielo?",
        "Hoe laat is het en wat is de weg naar het station?", "שלום עולם", "नमस्ते दुनिया", "Καλημέρα κόσμε", "สวัสดีครับ",
    ],
    "risk": [
        "What dosage of ibuprofen is safe?", "Can I sue my landlord?", "Should I invest in gold?",
        "I want to end my life",
        "What are the side effects?", "Is it legal to record a call?", "I forgot my password", "Do I pay tax on gifts?",
        "I have chest pain", "My blood pressure is high", "Which lawyer do I need?", "Should I take aspirin?",
        "Describe this malware", "Am I liable for the damage?", "What are symptoms of flu?", "Refinance my mortgage",
    ],
}  # fmt: skip

NOTHING = [
    "hi", "hello there", "thanks!", "What is the capital of France?", "Tell me a joke", "Who wrote Hamlet?",
    "Write a poem about spring", "Good morning", "Name a fruit", "What colour is grass?", "Tell me about Rome",
    "Recommend a film", "Where is Mount Everest?", "Sing me a song", "ok", "", " ", "Who are you?",
    "The weather is nice today", "Describe a sunset", "When did Mozart live?", "Write a story about a dragon",
]  # fmt: skip

LANGUAGE_OF = {
    "de": "Wie ist das Wetter in der Stadt und was kann ich tun?",
    "fr": "Quelle est la capitale de la France et comment on y va ?",
    "es": "¿Cómo está el tiempo en la ciudad y qué más hay para ver?",
    "it": "Che cosa è il sole e come si forma nel cielo?",
    "pt": "Qual é a capital do Brasil e como se chega para ver uma praia?",
    "nl": "Hoe laat is het en wat is de weg naar het station?",
    "ru": "Как дела, друг?",
    "zh": "今天天气怎么样",
    "ja": "東京の人口は何人ですか",
    "ko": "지금 몇 시입니까",
    "ar": "مرحبا كيف حالك",
    "he": "שלום עולם",
    "hi": "नमस्ते दुनिया",
    "el": "Καλημέρα κόσμε",
    "th": "สวัสดีครับ",
    "en": "What is the weather like in this city?",
}
CASES = [(name, text) for name, texts in FOUND.items() for text in texts]
TEXTS = st.text(max_size=400)


def user(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_a_requirement_is_found_with_a_reason(name: str, text: str) -> None:
    profile = profile_of_text(text)

    assert name in profile.requirements
    assert profile.reasons[profile.requirements.index(name)]  # type: ignore[arg-type]


@pytest.mark.parametrize("text", NOTHING)
def test_an_ordinary_question_asks_for_nothing_special(text: str) -> None:
    profile = profile_of_text(text)

    assert profile.requirements == profile.reasons == ()
    assert profile.complexity < 0.35


@pytest.mark.parametrize(("language", "text"), LANGUAGE_OF.items())
def test_the_language_of_a_text_is_told(language: str, text: str) -> None:
    assert profile_of_text(text).language == language


@pytest.mark.parametrize("text", ["", "Paris", "12345", "?!", "le weekend", "status quo", "Los Angeles"])
def test_english_is_assumed_where_nothing_speaks_for_another_language(text: str) -> None:
    assert profile_of_text(text).language == "en"


@given(TEXTS, st.booleans(), st.booleans())
def test_a_profile_is_well_formed_whatever_the_text(text: str, tools: bool, json: bool) -> None:
    profile = profile_of(user(text), has_tools=tools, wants_json=json)

    assert 0.0 <= profile.complexity <= 1.0
    assert len(profile.reasons) == len(profile.requirements) == len(set(profile.requirements))
    assert list(profile.requirements) == [name for name in RULES if name in profile.requirements]
    assert profile == profile_of(user(text), has_tools=tools, wants_json=json)


@given(TEXTS)
def test_case_does_not_matter_to_ascii_words(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()

    assert profile_of_text(plain.upper()).requirements == profile_of_text(plain.lower()).requirements


@given(st.sampled_from(CASES), st.sampled_from(NOTHING))
def test_what_is_asked_beside_it_hides_no_requirement(case: tuple[str, str], other: str) -> None:
    name, text = case
    if name == "language":
        return  # the language of half a text may not be that of the whole

    assert name in profile_of_text(f"{other}\n{text}").requirements


def test_a_request_for_json_or_with_tools_asks_for_structured_output() -> None:
    assert profile_of(user("hi"), wants_json=True).reasons == ("demands JSON",)
    assert profile_of(user("hi"), has_tools=True).reasons == ("offers tools",)
    assert profile_of(user("as json"), has_tools=True).reasons == ("asks for JSON",)


def test_the_last_user_message_decides() -> None:
    messages = [
        Message(role="system", content="Answer as JSON"),
        Message(role="user", content="Prove it"),
        Message(
            role="user", content=[ContentPart("text", "What does the handbook"), ContentPart("text", "say?")]
        ),
        Message(role="assistant", content="```code```"),
    ]

    assert profile_of(messages).requirements == ("retrieval",)


def test_no_user_message_is_no_reason_to_fail() -> None:
    assert profile_of([]).requirements == ()
    assert profile_of([Message(role="system", content="Be nice")]).complexity < 0.1


def test_longer_requests_and_those_that_ask_for_more_look_harder() -> None:
    texts = ["hi", "What is the capital of France?", "Explain why rivers bend, and compare two of them. " * 3]

    found = [profile_of_text(text).complexity for text in (*texts, "Prove that 3 + 4 = 7? " * 300)]

    assert found == sorted(found)
    assert found[-1] > 0.7


@pytest.mark.parametrize(
    "unit", ["a ", "1+", "```", "\n- ", "é", "字", "if then ", "1 ", "\x00", "x" * 99 + " "]
)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))

    before = time.process_time()
    profile_of_text(text)

    assert time.process_time() - before < 1.0


def test_the_middle_of_a_long_text_is_not_read() -> None:
    filler = "word " * 2_000

    assert "risk" not in profile_of_text(filler + "what dosage " + filler).requirements
    assert "risk" in profile_of_text(filler + "what dosage").requirements


def test_reasons_can_be_read_by_people() -> None:
    profile = profile_of_text("compute 17*23 and tell me what the handbook says about leave")

    assert profile.requirements == ("retrieval", "exact")
    assert profile.reasons == ("mentions a document", "holds a sum")


def test_all_words_are_such_as_a_text_is_looked_through_for() -> None:
    assert all(word == word.lower() for rule in RULES.values() for _, words in rule.words for word in words)
    assert all(text == text.lower() for rule in RULES.values() for _, texts in rule.phrases for text in texts)
    assert all(len(words) >= 15 for words in LANGUAGES.values())


def test_a_profile_without_anything_is_a_simple_english_request() -> None:
    assert Profile() == Profile(complexity=0.2, requirements=(), language="en", reasons=())
