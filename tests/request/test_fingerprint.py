"""How bad answers of one kind are known again: by hashes of their words."""

from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.request.fingerprint import KEPT, fingerprint_of
from guardian_cluster.statistics.word_numbers import WordNumbers, unpacked

NUMBERS = WordNumbers(b"salt")
REFUSAL = (
    "I'm sorry, but as a language model of the house I am not able to help you with questions about {}. "
    "Please contact the support team during office hours."
)
SOUND = "A load balancer takes the backend with the least requests under way, and retries elsewhere when it fails."


def hashes(text: str) -> set[int]:
    return set(unpacked(fingerprint_of(text, NUMBERS)))


def test_answers_of_one_kind_share_most_and_others_nothing():
    one, other = hashes(REFUSAL.format("tax law")), hashes(REFUSAL.format("the 3 rules of chess"))

    assert len(one & other) >= 0.6 * KEPT
    assert not one & hashes(SOUND)


def test_equal_answers_have_equal_fingerprints_and_other_salts_others():
    assert fingerprint_of(SOUND, NUMBERS) == fingerprint_of(SOUND, WordNumbers(b"salt"))
    assert not hashes(SOUND) & set(unpacked(fingerprint_of(SOUND, WordNumbers(b"pepper"))))


def test_a_script_without_spaces_has_a_fingerprint_as_well():
    refusal = "抱歉，我无法回答{}个问题，因为它违反了规定。"

    assert len(hashes(refusal.format("这")) & hashes(refusal.format("那"))) >= 0.5 * KEPT


def test_an_answer_of_one_word_has_a_fingerprint_and_one_without_words_none():
    assert len(hashes("No.")) == 1
    assert fingerprint_of("", NUMBERS) == fingerprint_of(" \n…!", NUMBERS)[:0] == b""


@settings(max_examples=60)
@given(st.text(max_size=1_500) | st.text("ab \ud800字😀", max_size=1_200))
def test_any_answer_has_a_fingerprint_of_bounded_size(text: str):
    found = fingerprint_of(text, NUMBERS)

    assert len(found) % 2 == 0
    assert len(found) <= 2 * KEPT
    assert found == fingerprint_of(text, NUMBERS)


@settings(max_examples=30)
@given(st.text("abc ", min_size=1_000, max_size=1_000), st.text(max_size=50))
def test_only_the_beginning_counts(text: str, end: str):
    assert fingerprint_of(text, NUMBERS) == fingerprint_of(text + end, NUMBERS)
