"""Whether a stream of several choices that ends without `[DONE]` has come to its end."""

from typing import Any

import pytest

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.specialists.finishing import Finishing, finishing_of


def asking_for(n: float | None) -> UserRequest:
    return UserRequest(body={"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": n})


def ends(*choices: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [{"finish_reason": "stop", **choice} for choice in choices]}


@pytest.mark.parametrize("n", [None, 1])
def test_one_choice_is_the_watchers_to_judge(n: int | None):
    assert finishing_of(asking_for(n)) is None


def test_several_choices_are_noted():
    noted = finishing_of(asking_for(2.0))
    assert noted is not None

    with pytest.raises(AttemptFailed, match="after 0 of 2 choices"):
        noted.check()


@pytest.mark.parametrize("indices", [(0, 1), (1, 0), (1, 1, 0)])
def test_all_choices_have_to_finish_in_any_order(indices: tuple[int, ...]):
    noted = Finishing(2)
    for index in indices:
        noted.take([ends({"index": index})])

    noted.check()


def test_choices_without_a_number_are_counted_by_their_place():
    noted = Finishing(2)
    noted.take([ends({}, {})])

    noted.check()


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [ends({"index": 0})],
        [ends({"index": 0}), ends({"index": 2}), ends({"index": -1})],
        [ends({"index": 0}), ends({"index": 1, "finish_reason": None})],
        [ends({"index": 0}), ends({"index": 1, "finish_reason": ""})],
        [ends({"index": 0}), {"choices": None}, {"usage": {}}],
    ],
)
def test_a_choice_that_has_not_finished_is_missed(chunks: list[dict[str, Any]]):
    noted = Finishing(2)
    noted.take(chunks)

    with pytest.raises(AttemptFailed, match="of 2 choices") as caught:
        noted.check()

    assert caught.value.code == "upstream_incomplete"
