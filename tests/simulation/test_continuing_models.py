import random

import pytest

from guardian_cluster.simulation import ModelRequest
from guardian_cluster.simulation.continuing import GOING, Continues, Manner, break_of, drawn_manner
from guardian_cluster.simulation.long_answers import long_answers, progress, verdict_of

ANSWERS = long_answers(120, seed=4) + long_answers(100, seed=4, held_out=True)


def request(*messages: tuple[str, str]) -> ModelRequest:
    body = {"model": "m", "messages": [{"role": role, "content": content} for role, content in messages]}
    return ModelRequest(0, "POST", "/v1/chat/completions", "", {}, b"", body)


def test_every_answer_is_sound_in_all_its_wordings() -> None:
    for answer in ANSWERS:
        for wording in range(3):
            verdict = verdict_of(answer, answer.text(wording))
            assert not verdict.is_bad, answer.name
            assert not verdict.lost


def test_there_are_answers_of_every_form() -> None:
    assert {answer.form for answer in ANSWERS} >= {
        "prose",
        "headed",
        "bullets",
        "numbered",
        "table",
        "with code",
    }
    assert len({answer.text() for answer in ANSWERS}) == len(ANSWERS)


def test_the_judge_finds_a_sentence_that_is_lost_or_doubled() -> None:
    answer = next(answer for answer in ANSWERS if answer.form == "prose")
    number = next(at for at, piece in enumerate(answer.pieces) if piece.mark)
    parts = answer.parts()
    without = "".join(parts[:number] + parts[number + 2 :])
    twice = "".join([*parts[: number + 1], " ", *parts[number:]])

    assert verdict_of(answer, without).lost == (0,)
    assert verdict_of(answer, twice).doubled == (0,)
    assert verdict_of(answer, without).is_bad
    assert verdict_of(answer, twice).is_bad


@pytest.mark.parametrize(
    "change", [lambda t: t[:-30], lambda t: t + " More.", lambda t: t.replace(" ", "", 1)]
)
def test_the_judge_finds_what_is_cut_added_or_glued(change) -> None:
    answer = next(answer for answer in ANSWERS if answer.form == "prose" and answer.name.startswith("rivers"))

    assert verdict_of(answer, change(answer.text())).is_bad


def test_the_judge_finds_facts_in_another_order() -> None:
    answer = next(answer for answer in ANSWERS if answer.form == "bullets")
    parts = answer.parts()
    first, second = [at for at, piece in enumerate(answer.pieces) if piece.mark][:2]
    parts[first], parts[second] = parts[second], parts[first]

    verdict = verdict_of(answer, "".join(parts))

    assert verdict.out_of_order == (1,)
    assert verdict.is_bad


def test_the_judge_finds_an_open_fence() -> None:
    answer = next(answer for answer in ANSWERS if answer.form == "with code")

    assert verdict_of(answer, answer.text().replace("```\n", "\n", 1)).has_open_fence


def test_every_manner_but_a_refusal_goes_on_to_the_last_fact() -> None:
    rng = random.Random(1)
    for answer in ANSWERS[::10]:
        text = answer.text()
        where = break_of(answer, text[: len(text) // 2].rstrip())
        for going in GOING.keys() - {"refused"}:
            assert answer.facts[-1].mark in Manner(going).words(where, rng)


def test_a_model_says_its_answer_and_goes_on_in_both_manners_of_asking() -> None:
    answer = ANSWERS[0]
    model, said = Continues(answer, Manner("exactly")), answer.text()[:100].rstrip()

    assert model(request(("user", "Tell me."))).text == answer.text()
    assert said + model(request(("user", "?"), ("assistant", said))).text == answer.text()
    assert said + model(request(("user", "?"), ("assistant", said), ("user", "Go on."))).text == answer.text()


def test_a_seed_draws_the_same_manners() -> None:
    drawn = [[drawn_manner(rng) for _ in range(50)] for rng in (random.Random(7), random.Random(7))]

    assert drawn[0] == drawn[1]
    assert len({manner.going for manner in drawn[0]}) > 8


def test_the_place_of_a_break_is_found_in_any_wording() -> None:
    answer = next(answer for answer in ANSWERS if answer.form == "prose")
    text = answer.text(2)

    assert progress(answer, text)[0] == len(answer.pieces)
    half = text[: len(text) // 2]
    assert not verdict_of(answer, half + break_of(answer, half).rest).is_bad
