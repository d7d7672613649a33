"""The pure parts of the routing benchmark: its measures are exact, its folds fair, its data found."""

import gzip
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import routing
from benchmarks.replay import before_answer, decision, transfer
from benchmarks.replay.apgr import curve, folds
from benchmarks.replay.recordings import FILES, generated, load, recordings

DATA = generated(rows=60)
OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(-1, 1)), min_size=2, max_size=30)


def test_a_router_that_asks_the_strong_model_where_it_gains_recovers_all_with_as_few_calls() -> None:
    found = curve([3, 2, 1, 0], weak=[0, 0, 1, 1], strong=[1, 1, 1, 1])

    assert found.recovered == (0.0, 0.5, 1.0, 1.0, 1.0)
    assert (found.apgr, found.cpt(0.5), found.cpt(0.8)) == (0.75, 25.0, 50.0)


def test_a_router_that_is_always_wrong_recovers_late() -> None:
    found = curve([0, 1, 2, 3], weak=[0, 0, 1, 1], strong=[1, 1, 1, 1])

    assert (found.apgr, found.cpt(0.5)) == (0.25, 75.0)


def test_equal_scores_are_the_straight_line_between_the_two_models() -> None:
    found = curve([1, 1, 1, 1], weak=[0, 1, 0, 1], strong=[1, 1, 1, 0])

    assert found.apgr == 0.5
    assert found.cpt(0.8) == 100.0


@given(OUTCOMES)
def test_the_curve_ends_at_the_strong_model_and_its_reverse_mirrors_it(
    rows: list[tuple[bool, bool, float]],
) -> None:
    weak, strong = [float(row[0]) for row in rows], [float(row[1]) for row in rows]
    scores = [row[2] for row in rows]
    if sum(strong) <= sum(weak):
        with pytest.raises(ValueError, match="the better one"):
            curve(scores, weak, strong)
        return
    found = curve(scores, weak, strong)
    mirrored = curve([-score for score in scores], weak, strong)

    assert found.recovered[0] == 0.0
    assert found.recovered[-1] == pytest.approx(1.0)
    assert found.apgr + mirrored.apgr == pytest.approx(1.0)


@given(st.integers(1, 200), st.integers(1, 9), st.integers())
def test_folds_are_of_equal_size_and_the_same_for_a_seed(rows: int, count: int, seed: int) -> None:
    numbers = folds(rows, count, seed)
    sizes = [numbers.count(fold) for fold in range(count)]

    assert max(sizes) - min(sizes) <= 1
    assert numbers == folds(rows, count, seed)


def test_generated_recordings_are_the_same_every_time_and_have_a_better_strong_model() -> None:
    assert generated(rows=20) == generated(rows=20)
    assert sum(row["strong_correct"] for row in DATA.mmlu) > sum(row["weak_correct"] for row in DATA.mmlu)
    assert DATA.counts() == {"mmlu": 120, "gsm8k": 60, "four_models": 60}


def write(folder: Path, name: str, content: bytes) -> None:
    path = folder / FILES[name]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def test_recordings_that_are_given_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FILES:
        write(
            tmp_path, name, gzip.compress(b"\n".join(json.dumps(row).encode() for row in getattr(DATA, name)))
        )
    monkeypatch.setenv("GUARDIAN_DATA", str(tmp_path))

    found = recordings()

    assert (found.origin, found.mmlu, found.counts()) == ("given", DATA.mmlu, DATA.counts())


BROKEN = (b"no gzip", gzip.compress(b"{no json}", mtime=0), gzip.compress(b"{}" * 9, mtime=0)[:-4])


@pytest.mark.parametrize("content", BROKEN, ids=["no-gzip", "no-json", "cut"])
def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "mmlu", content)

    with pytest.raises(RuntimeError, match=r"mmlu\.jsonl\.gz"):
        load(tmp_path, "given")


def test_no_score_comes_from_a_model_that_learned_from_the_same_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = before_answer.mmlu(DATA.mmlu)
    fold_of = before_answer.by_row(questions, 3)
    place_of = {id(question.features): place for place, question in enumerate(questions)}
    taught: list[set[int]] = []
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(
        before_answer,
        "learned",
        lambda those: taught.append({fold_of[place_of[id(q.features)]] for q in those}),
    )
    monkeypatch.setattr(
        before_answer,
        "gain",
        lambda model, features: asked.append((len(taught) - 1, fold_of[place_of[id(features)]])) or 0.0,
    )

    before_answer.held_out(questions, before_answer.by_row, 3)

    assert len(asked) == len(questions)
    assert all(fold not in taught[model] for model, fold in asked)


def test_whole_subjects_are_left_out() -> None:
    questions = before_answer.mmlu(DATA.mmlu)
    fold_of = before_answer.by_subject(questions, 1)

    pairs = {(question.subject, fold) for question, fold in zip(questions, fold_of, strict=True)}

    assert len(pairs) == len({question.subject for question in questions})


def test_what_was_learned_orders_generated_questions_better_than_chance() -> None:
    questions = before_answer.mmlu(generated(rows=400).mmlu)
    half = len(questions) // 2

    model = before_answer.learned(questions[:half])
    scores = [before_answer.gain(model, question.features) for question in questions[half:]]

    assert before_answer.curve_of(scores, questions[half:]).apgr > 0.52


def test_transfer_tells_both_directions_and_the_worse_of_them() -> None:
    found = transfer.figures(DATA, quick=True)

    assert found["transfer_worst"] == min(found["transfer_mmlu_to_gsm8k"], found["transfer_gsm8k_to_mmlu"])
    assert found == transfer.figures(DATA, quick=True)


def test_decisions_are_timed_on_recorded_texts_and_long_ones() -> None:
    figures = decision.figures(DATA, quick=True)
    texts = decision.texts_of(DATA)

    assert figures["decision_texts"] == len(texts) == 240 + decision.LONG_TEXTS
    assert sum(len(text) > 4_096 for text in texts) >= decision.LONG_TEXTS
    assert 0 < figures["decision_us_p50"] <= figures["decision_us_p99"]


def test_a_goal_that_is_a_least_value_is_met_from_it_on_and_open_where_nothing_was_measured() -> None:
    met = routing.met_at_least({"mmlu_apgr": 0.6796, "transfer_worst": 0.5994})

    assert met["mmlu_apgr"] is True
    assert met["transfer_worst"] is False
    assert met["harm_held"] is None
