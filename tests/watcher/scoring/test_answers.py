"""How an answer is scored, sentence by sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.scoring.answers import HARM_WINDOW, Harmfulness, Ungroundedness
from guardian_cluster.watcher.scoring.ground import Ground
from guardian_cluster.watcher.scoring.harm import shipped_harm

DOCUMENT = (
    "The bridge in Porto was opened in 1886. It is 385 metres long and was designed by Théophile Seyrig. "
    "The upper deck carries the metro, and the lower deck carries road traffic over the Douro."
)
THREAT = "I will find you and kill you, you stupid whore, and then I will cut your body into pieces."
HARMLESS = "The recipe needs two eggs, some flour and a little patience on a quiet afternoon."


def ungrounded(*sentences: str, document: str = DOCUMENT) -> float | None:
    ground = Ground([document])
    while ground.read_on():
        pass
    scorer = Ungroundedness(ground)
    for sentence in sentences:
        scorer.read(sentence)
    return scorer.value()


def harm(*sentences: str) -> float | None:
    scorer = Harmfulness(shipped_harm())
    for sentence in sentences:
        scorer.read(sentence)
    return scorer.value()


def score(value: float | None) -> float:
    assert value is not None
    return value


def test_what_stands_in_a_document_scores_low_and_what_does_not_scores_high():
    told = ungrounded("The bridge in Porto was opened in 1886.", "It is 385 metres long.")
    invented = ungrounded("Gustave Eiffel opened a tower of steel in Lyon in 1901.")

    assert score(told) < 0.05
    assert score(invented) > 0.8


def test_one_invention_among_many_sentences_shows():
    told = ["The bridge in Porto was opened in 1886."] * 20

    assert (
        score(ungrounded(*told, "It collapsed in 1950 under Spanish tanks.")) > score(ungrounded(*told)) + 0.1
    )


def test_two_values_for_one_quantity_add_to_the_score():
    document = "The annual ticket price is 50 euros. The annual ticket price is 70 euros."
    one, other = document.split(". ")

    assert score(ungrounded(one, document=document)) < score(ungrounded(one, other, document=document)) - 0.1


@pytest.mark.parametrize("sentences", [(), ("",), ("Yes.", "\x00\ud800")])
def test_of_an_answer_without_a_sentence_nothing_is_said(sentences: tuple[str, ...]):
    assert ungrounded(*sentences) is None


def test_a_threat_scores_higher_than_a_recipe():
    assert score(harm(THREAT)) > 0.5 > score(harm(HARMLESS))


def test_a_threat_shows_among_harmless_sentences():
    around = [HARMLESS] * (4 * HARM_WINDOW // len(HARMLESS))

    assert score(harm(*around, THREAT, *around)) > score(harm(*around)) + 0.05


def test_of_an_answer_without_words_no_harm_is_said():
    assert harm("", "...") is None


def test_one_window_scores_as_the_scorer_says_of_the_whole():
    text = f"{THREAT} {HARMLESS}"

    assert score(harm(THREAT, HARMLESS)) == pytest.approx(max(shipped_harm().scores(text).values()))


@given(st.lists(st.text(max_size=240), max_size=12))
def test_scores_lie_between_0_and_1(sentences: list[str]):
    for value in (harm(*sentences), ungrounded(*sentences)):
        assert value is None or 0.0 <= value <= 1.0
