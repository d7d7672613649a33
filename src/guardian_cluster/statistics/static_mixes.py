"""Decides which fixed mixes of specialists cost as much as a router does, to hold it against them."""

from collections.abc import Mapping


def static_mixes(costs: Mapping[str, float], spend_usd: float) -> list[dict[str, float]]:
    """Return every mix of at most two specialists that spends this on average, and those who alone cost less.

    The best of these is the point of the cost-quality hull at that spend, whatever the qualities are. Where all cost
    more it is the cheapest.
    """
    mixes = [{name: 1.0} for name, cost in costs.items() if cost <= spend_usd]
    for low, low_cost in costs.items():
        for high, high_cost in costs.items():
            if low_cost < spend_usd < high_cost:
                share = (spend_usd - low_cost) / (high_cost - low_cost)
                mixes.append({low: 1.0 - share, high: share})
    if not mixes and costs:
        mixes = [{min(costs, key=costs.__getitem__): 1.0}]
    return mixes
