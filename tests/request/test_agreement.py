import pytest

from guardian_cluster.request.agreement import agree

QUESTION = "Gerald and Julia divided $100 as 3:2. If Gerald spent $10, how much money did he have left?"


@pytest.mark.parametrize(
    ("first", "second", "question", "expected"),
    [
        ("So it is $1,200.", "#### 1200", QUESTION, True),
        ("So it is 12.", "#### 1200", QUESTION, False),
        ("The answer is (B).", "b", "Which one?", True),
        ("Paris.", "paris", "Capital of France?", True),
        ("Paris", "Lyon", "Capital of France?", False),
        ("a b " * 100, "c d " * 100, "Why?", None),
    ],
)
def test_answers_agree_by_what_they_come_to(first: str, second: str, question: str, expected: bool | None):
    assert agree(first, second, question) is expected
