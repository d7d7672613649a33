"""What the watchers of one request are told of one another, and how long a part is waited for."""

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.sharing import (
    LEAST_PATIENCE_S,
    PATIENCE_FACTOR,
    ContextQuality,
    Insights,
    PerformanceInsight,
)


def performed(part: int, duration_s: float = 1.0, *, is_answered: bool = True) -> PerformanceInsight:
    specialist = f"s{part}" if is_answered else None
    return PerformanceInsight(
        part=part, specialist=specialist, duration_s=duration_s, attempts=1, is_answered=is_answered
    )


def told(*insights: PerformanceInsight | ContextQuality) -> Insights:
    shared = Insights()
    for insight in insights:
        shared.share(insight)
    return shared


def test_a_watcher_hears_of_all_but_its_own_part():
    insights = told(performed(1), performed(2), performed(3))

    assert [insight.part for insight in insights.heard_by(2)] == [1, 3]


def test_the_quality_of_context_is_told_of_its_own_part_alone():
    weak = ContextQuality(part=2, relevance=0.5, coverage=0.25)
    insights = told(performed(2), weak)

    assert insights.context_quality(2) is weak
    assert insights.context_quality(1) is None
    assert [insight.part for insight in insights.heard_by(1)] == [2]


def test_nobody_is_given_up_while_another_still_works():
    assert told(performed(2)).patience_s(1, [2, 3]) is None


def test_a_part_without_others_is_waited_for_no_shorter_than_the_least():
    assert told().patience_s(1, []) == LEAST_PATIENCE_S


def test_a_part_that_failed_has_ended_too():
    assert told(performed(2, 20.0, is_answered=False)).patience_s(1, [2]) == 20.0 * PATIENCE_FACTOR


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
def test_patience_is_a_multiple_of_the_slowest_and_never_less_than_the_least(durations: list[float]):
    others = range(2, 2 + len(durations))
    insights = told(*(performed(part, duration) for part, duration in zip(others, durations, strict=True)))

    assert insights.patience_s(1, others) == max(LEAST_PATIENCE_S, PATIENCE_FACTOR * max(durations))


def test_how_long_the_part_itself_took_before_does_not_count():
    assert told(performed(1, 1_000.0), performed(2)).patience_s(1, [2]) == LEAST_PATIENCE_S


def test_insights_read_as_sentences():
    answered, failed = performed(1, 0.25), performed(2, 1.5, is_answered=False)

    assert str(answered) == "performance: part 1 answered by s1 in 0.250 s"
    assert str(failed) == "performance: part 2 not answered by nobody in 1.500 s"
    assert str(ContextQuality(part=3, relevance=0.5, coverage=0.25)) == (
        "context quality: part 3 relevance 0.50, coverage 0.25"
    )
