"""Decides which specialist answers, from what is expected of each: quality at cost, and a little curiosity.

Utility of asking s: `- cost_usd(s) * (1 + price) - mistake_usd * P(wrong | s) - second_usd * latency_s(s)`.
"""

import math
import random
from collections.abc import Mapping, Sequence

import msgspec

EXPLORED_SHARE = 0.03
"""Most of the requests that are given to another than the best, at random, with known probability."""

NEARNESS = 0.02
"""Who is behind by this share of a mistake is explored at 1/e of the rate: what is clearly worse teaches too
little for what it costs. Where the next arm costs three times the target, 2 % at random take 6 % of a budget."""

OPTIMISM = 1 / 3
"""Standard errors by which a little tried specialist is taken to be better than its record, those of right or
wrong, the widest there are. Of 1/3, 2/3 and 1, replayed on recorded requests, the least did as well as any; a whole one
spent more on learning than it brought, as Thompson sampling does."""

COST_OPTIMISM = 0.7
"""The same for its costs: the logarithm of a bill has a standard deviation of about .7."""

MISTAKE_USD = 0.01

SHIFTS: Mapping[str, tuple[float, float]] = {
    "auto": (1.0, 0.0),
    "auto:cheap": (0.1, 0.0),
    "auto:fast": (1.0, 0.1),
    "auto:best": (30.0, 0.0),
}
"""For each name how much more a mistake costs, and what share of a mistake a second of waiting costs."""


class Option(msgspec.Struct, frozen=True):
    """One able specialist and what is expected of it on this request."""

    name: str
    success: float
    trust: float
    """0: a guess; 1: learned on many requests like this one."""
    cost_usd: float
    latency_s: float = 0.0
    verdicts: int = 0
    """How much evidence of it there is at all."""


class Policy(msgspec.Struct, frozen=True):
    """What is weighed against what."""

    mistake_usd: float = MISTAKE_USD
    """What a wrong answer costs the operator."""
    second_usd: float = 0.0
    """What a second of waiting costs."""
    explored_share: float = EXPLORED_SHARE

    @classmethod
    def named(
        cls,
        name: str,
        mistake_usd: float = MISTAKE_USD,
        second_usd: float = 0.0,
        explored_share: float = EXPLORED_SHARE,
    ) -> "Policy":
        """Return the policy of `auto`, `auto:cheap`, `auto:fast` or `auto:best`. Raises KeyError for others.

        `second_usd` is what a second costs under any of them.
        """
        factor, waiting = SHIFTS[name]
        return cls(mistake_usd * factor, second_usd + mistake_usd * waiting, explored_share=explored_share)


class Choice(msgspec.Struct, frozen=True):
    """Who is asked first and who after it, and with which probability it was chosen."""

    order: tuple[str, ...]
    propensity: float
    explored: bool
    """Whether another would have been asked on its record alone."""
    reason: str
    chances: Mapping[str, float]
    """With which each could have been chosen."""


def choose(
    options: Sequence[Option],
    policy: Policy,
    rng: random.Random,
    *,
    price: float = 0.0,
) -> Choice:
    """Choose among options, given in configured order, which decides between equals.

    `price` is the pacer's. One number is drawn from `rng`. Raises ValueError without options.
    """
    chances = propensities(options, policy, price=price)
    chosen = _draw(chances, rng.random())
    ranked = ranking(options, policy, price=price)
    rest = tuple(option.name for option in ranked if option.name != chosen)
    explored = chosen != ranked[0].name
    return Choice((chosen, *rest), chances[chosen], explored, _reason(chosen, ranked, explored), chances)


def ranking(options: Sequence[Option], policy: Policy, *, price: float = 0.0) -> list[Option]:
    """Return the options by what is expected of them, best first, without curiosity."""
    if not options:
        raise ValueError("there is nothing to choose from")
    return sorted(options, key=lambda option: -utility_usd(option, policy, price=price))


def utility_usd(option: Option, policy: Policy, *, price: float = 0.0, doubt: float = 0.0) -> float:
    """Return what asking an option is worth, in dollars: never above 0.

    `doubt`, 0 to 1, is how much less is known of it than of the others, in whose favour it is resolved.
    """
    cost = option.cost_usd * math.exp(-COST_OPTIMISM * doubt)
    deviation = math.sqrt(max(0.0, option.success * (1.0 - option.success)))
    success = min(1.0, option.success + OPTIMISM * doubt * deviation)
    waiting = policy.second_usd * option.latency_s
    return -cost * (1.0 + price) - policy.mistake_usd * (1.0 - success) - waiting


def propensities(options: Sequence[Option], policy: Policy, *, price: float = 0.0) -> dict[str, float]:
    """Return the probability with which each option is chosen; they sum to 1.

    That is nearly 1 for one, and the explored share among those near to it. Raises ValueError without options.
    """
    if not options:
        raise ValueError("there is nothing to choose from")
    doubts = [1.0 / math.sqrt(option.verdicts + 1.0) for option in options]
    known = min(doubts)  # of those of whom equally little is known none is to be preferred for it
    utilities = {
        option.name: utility_usd(option, policy, price=price, doubt=doubt - known)
        for option, doubt in zip(options, doubts, strict=True)
    }
    best = max(utilities, key=utilities.__getitem__)
    scale = NEARNESS * policy.mistake_usd
    nearness = {
        name: math.exp((utility - utilities[best]) / scale) if scale > 0.0 else 0.0
        for name, utility in utilities.items()
        if name != best
    }
    total = max(1.0, sum(nearness.values()))
    chances = {name: policy.explored_share * nearness.get(name, 0.0) / total for name in utilities}
    chances[best] = 1.0 - sum(chances.values())
    return chances


def _draw(chances: Mapping[str, float], number: float) -> str:
    for name, chance in chances.items():
        number -= chance
        if number < 0.0:
            return name
    return max(chances, key=chances.__getitem__)


def _reason(chosen: str, ranked: Sequence[Option], explored: bool) -> str:
    option = next(each for each in ranked if each.name == chosen)
    named = f"`{chosen}`"
    if explored:
        named += f", to learn more of it (`{ranked[0].name}` was expected to be better value)"
    words = f"{named}: {'perhaps ' if option.trust < 0.3 else ''}right in {100 * option.success:.0f} %"
    others = [each for each in ranked if each.name != chosen]
    if not others:
        return f"{words}; nobody else is able"
    strongest = max(others, key=lambda each: each.success)
    return f"{words} ({_against(option, strongest)}), {_priced(option, strongest)}"


def _against(option: Option, other: Option) -> str:
    points = round(100 * (option.success - other.success))
    if not points:
        return f"as `{other.name}`"
    return f"{abs(points)} % {'more' if points > 0 else 'less'} than `{other.name}`"


def _priced(option: Option, other: Option) -> str:
    if option.cost_usd <= 0.0:
        return "without cost" if other.cost_usd > 0.0 else "at the same price"
    ratio = other.cost_usd / option.cost_usd
    if ratio >= 1.5:
        return f"at 1/{ratio:.0f} of its price"
    if ratio <= 0.67:
        return f"at {1 / ratio:.1f} times its price" if ratio > 0.0 else "where the other costs nothing"
    return "at about the same price"
