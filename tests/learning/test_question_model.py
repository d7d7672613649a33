import pytest
from lesson_samples import EASY, HARD

from guardian_cluster.learning.question_model import FADED_EVERY, MAX_SPECIALISTS, QuestionModel
from guardian_cluster.statistics.hashing import Features
from guardian_cluster.statistics.success_model import SuccessModel


def success(model: SuccessModel, question: bytes = EASY) -> float:
    return model.predict("small", Features.decode(question)).success


def taught(label: float, times: int, model: QuestionModel | None = None) -> QuestionModel:
    model = model or QuestionModel()
    for _ in range(times):
        model.teach("small", EASY, label, 1.0)
        model.teach("small", HARD, label, 1.0)
    return model


def test_after_a_change_of_mind_recent_verdicts_win_sooner_than_without_fading() -> None:
    model, plain = taught(1.0, 5_000), SuccessModel()
    for label, times in ((1.0, 5_000), (0.0, 30)):
        for _ in range(times):
            for question in (EASY, HARD):
                plain.learn("small", Features.decode(question), label)

    taught(0.0, 30, model)

    assert success(model) < 0.5
    assert success(model) < success(plain)


def test_what_fades_is_trusted_less_than_all_that_was_learned() -> None:
    steady = taught(1.0, 10 * int(FADED_EVERY))

    assert 4_000 < steady.evidence("small") < 6_000  # of ten thousand


def test_a_forgotten_specialist_is_unknown_and_the_others_stay() -> None:
    model = taught(1.0, 50)
    model.teach("large", EASY, 0.0, 1.0)

    model.forget_all_but({"large"})

    assert model.arms() == ("large",)
    assert success(model) == 0.5


def test_what_is_restored_predicts_and_learns_on() -> None:
    model = taught(1.0, 50)

    restored = QuestionModel.decode(model.encode())

    assert success(restored) == success(model)
    assert taught(0.0, 5, restored).encode() == taught(0.0, 5, model).encode()


@pytest.mark.parametrize("damage", [b"", b"GCSM", QuestionModel().encode() + b"x"])
def test_damaged_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match="model"):
        QuestionModel.decode(damage)


def test_no_more_specialists_are_learned_of_than_a_file_holds() -> None:
    model = QuestionModel()
    for number in range(MAX_SPECIALISTS):
        model.teach(f"s{number}", EASY, 1.0, 1.0)

    with pytest.raises(ValueError, match="at most 60"):
        model.teach("one more", EASY, 1.0, 1.0)
    assert len(model.arms()) == MAX_SPECIALISTS
