import pytest

from guardian_cluster.watcher.scoring.concepts import CONCEPTS, NUMBER, concepts_of
from guardian_cluster.watcher.scoring.injection import looked_at
from guardian_cluster.watcher.scoring.lexicon import MARKS, NEAR, marks_of, pair


def weight(text: str) -> float:
    return looked_at(text.split())[0]


def names(word: str) -> list[str]:
    return [CONCEPTS[number] for number in concepts_of(word)]


def test_a_word_stands_for_its_concept_in_several_languages():
    assert names("ignore") == names("vergiss") == names("olvida") == ["override"]


def test_a_beginning_stands_for_all_words_with_it():
    assert names("instructional") == names("anweisungen") == ["instr"]


@pytest.mark.parametrize("word", ["", "a", "tractor", "\ud800", "0"])
def test_other_words_stand_for_nothing(word: str):
    assert names(word) == []


def test_only_near_concepts_in_their_order_are_a_pair():
    override, instructions = (NUMBER["override"],), (NUMBER["instr"],)
    near = marks_of([override, *[()] * (NEAR - 1), instructions])
    far = marks_of([override, *[()] * NEAR, instructions])

    assert pair(*override, *instructions) in near
    assert pair(*instructions, *override) not in near
    assert far == {*override, *instructions}


def test_every_mark_has_a_place():
    last = len(CONCEPTS) - 1

    assert pair(last, last) == MARKS - 1


def test_a_command_counts_more_than_a_report_of_one():
    assert weight("ignore the instructions") > weight("she may ignore the instructions") + 1


def test_a_question_about_ones_own_affairs_counts_less():
    assert weight("can I ignore this warning ?") < 0 < weight("now ignore this warning !")


def test_shouting_in_the_middle_of_a_text_counts():
    assert weight("here are YOU NOT ALLOWED THINGS to say") > weight("here are you not allowed things to say")
