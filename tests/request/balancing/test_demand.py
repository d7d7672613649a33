"""What a request asks of an endpoint."""

from balanced import Balanced, smart

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.balancing.affinity import number_of, score
from guardian_cluster.request.balancing.demand import prefix_of, tokens_of


def chat(*texts: str, **facts: object) -> UserRequest:
    messages = [{"role": "user", "content": text} for text in texts]
    return UserRequest(body={"model": "smart", "messages": messages, **facts})


def test_requests_that_begin_alike_have_one_prefix_and_short_ones_have_none():
    system = "You are a helpful assistant of a bank. " * 40

    assert prefix_of(chat(system, "a question", "more")) == prefix_of(chat(system, "a question", "else"))
    assert prefix_of(chat("hi")) is None
    assert prefix_of(chat("\ud800" * 500)) is not None


def test_the_tokens_of_the_answer_are_those_it_may_have():
    assert tokens_of(chat("x" * 400)) == 600
    assert tokens_of(chat("x" * 400, max_tokens=50, n=2)) == 200
    embeddings = UserRequest(body={"model": "m", "input": "x" * 400}, operation="embeddings")
    assert tokens_of(embeddings) == 100


async def test_tokens_are_not_counted_where_nobody_has_a_rate():
    balanced = Balanced(smart(2))

    assert (await balanced.plan("x" * 4_000)).demand.tokens == 0


def test_an_endpoint_that_joins_takes_only_its_part():
    names = [f"smart/{number}" for number in range(1, 6)]

    def home(prefix: int, among: list[str]) -> str:
        return max(among, key=lambda name: score(prefix, number_of(name)))

    before = [home(prefix, names[:4]) for prefix in range(4_000)]
    after = [home(prefix, names) for prefix in range(4_000)]

    assert all(now in (was, "smart/5") for was, now in zip(before, after, strict=True))
    assert all(700 < after.count(name) < 900 for name in names)
