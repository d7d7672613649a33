import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.statistics.static_mixes import static_mixes


@given(
    st.dictionaries(st.text(max_size=3), st.floats(1e-6, 1.0), min_size=1, max_size=6),
    st.floats(1e-6, 1.0),
)
def test_static_mixes_spend_at_most_the_budget_where_any_can(costs: dict[str, float], spend_usd: float):
    for mix in static_mixes(costs, spend_usd):
        assert sum(mix.values()) == pytest.approx(1.0)
        spent = sum(costs[name] * share for name, share in mix.items())
        assert spent <= max(spend_usd, min(costs.values())) * (1 + 1e-9)


def test_static_mixes_hold_the_hull_whatever_the_qualities():
    costs = {"small": 1.0, "middle": 2.0, "large": 4.0}

    mixes = static_mixes(costs, 3.0)

    assert {"small": pytest.approx(1 / 3), "large": pytest.approx(2 / 3)} in mixes
    assert {"middle": 0.5, "large": 0.5} in mixes
    assert {"middle": 1.0} in mixes
