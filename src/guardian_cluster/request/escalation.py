"""Decides what to do with a checked answer: let it go, ask a stronger specialist, or ask a second, different one.

Nothing counts but how likely it is wrong, how likely the others are right, and what they cost.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from guardian_cluster.request.choice import Option

SHARED_MISTAKES = 2.0
"""How much likelier the next specialist is to be wrong where this one is: GPT-4 on GSM8K 11 % against 5.5 %."""

SPOILT = 0.45
"""How much likelier, against its average, the next one is to be wrong where this one is right: 2.5 % against 5.5 %."""

SAME_MISTAKE = 0.1
"""How often two specialists that are both wrong say the same: GPT-4 and Mixtral did in 5 % where Mixtral was wrong;
models of one family more often."""


class Accept(msgspec.Struct, frozen=True):
    """Let the answer go."""

    name = "accept"


class Escalate(msgspec.Struct, frozen=True):
    """Ask a stronger specialist."""

    specialist: str
    name = "escalate"


class SecondOpinion(Escalate, frozen=True):
    """Ask a different specialist, to see whether it says the same."""

    name = "second_opinion"


Decision = Accept | Escalate | SecondOpinion


class _Outlook(NamedTuple):
    """What asking somebody comes to, against letting an answer go that is wrong with probability `p`."""

    name: str
    worth_usd: float


def gain(p_wrong: float, success: float) -> float:
    """Return by how much another's answer is likelier right than this one.

    It mends where this one is wrong and the other is not, and spoils where this one is right and the other is not.
    """
    mistake = 1.0 - success
    mends = p_wrong * max(0.0, 1.0 - SHARED_MISTAKES * mistake)
    return mends - (1.0 - p_wrong) * min(1.0, SPOILT * mistake)


def revised(p_wrong: float, other_success: float, *, agreed: bool) -> float:
    """Return how likely an answer is wrong once another specialist has said the same, or something else."""
    if agreed:
        wrong, right = p_wrong * SAME_MISTAKE, (1.0 - p_wrong) * other_success
    else:
        wrong, right = p_wrong * (1.0 - SAME_MISTAKE), (1.0 - p_wrong) * (1.0 - other_success)
    return wrong / (wrong + right) if wrong + right > 0 else p_wrong


def decide(
    p_wrong: float,
    here: Option | None,
    stronger: Sequence[Option],
    *,
    mistake_usd: float,
    budget_left_usd: float | None = None,
) -> Decision:
    """Return what is worth most: letting go, the best of the others, or a cheap one's opinion before that.

    Escalating is worth `gain x mistake_usd - price`. A second opinion is worth what may be decided after it, better
    informed, less its own price; it is asked for only where it beats both. `here` is what was expected of whoever
    gave the answer, which is wrong with `p_wrong`. Pure.
    """
    able = [
        each
        for each in stronger
        if (here is None or each.name != here.name)
        and (budget_left_usd is None or each.cost_usd <= budget_left_usd)
    ]
    escalation = _best_escalation(p_wrong, able, mistake_usd)
    opinions = [_second_opinion(p_wrong, each, able, mistake_usd, budget_left_usd) for each in able]
    opinion = max(opinions, key=lambda each: each.worth_usd, default=_Outlook("", 0.0))
    if opinion.worth_usd > max(0.0, escalation.worth_usd) * (1 + 1e-9) and opinion.worth_usd > 0:
        return SecondOpinion(opinion.name)
    return Escalate(escalation.name) if escalation.worth_usd > 0 else Accept()


def _best_escalation(p_wrong: float, options: Sequence[Option], mistake_usd: float) -> _Outlook:
    outlooks = (
        _Outlook(each.name, gain(p_wrong, each.success) * mistake_usd - each.cost_usd) for each in options
    )
    return max(outlooks, key=lambda each: each.worth_usd, default=_Outlook("", 0.0))


def _second_opinion(
    p_wrong: float,
    asked: Option,
    options: Sequence[Option],
    mistake_usd: float,
    budget_left_usd: float | None,
) -> _Outlook:
    """Return what asking for an opinion is worth: in agreement the answer goes, else the best of the rest is asked."""
    left = None if budget_left_usd is None else budget_left_usd - asked.cost_usd
    rest = [each for each in options if each.name != asked.name and (left is None or each.cost_usd <= left)]
    if not rest:
        return _Outlook(asked.name, 0.0)  # then its answer would simply be taken: an escalation
    agrees = p_wrong * SAME_MISTAKE + (1.0 - p_wrong) * asked.success
    in_doubt = revised(p_wrong, asked.success, agreed=False)
    after = max(0.0, _best_escalation(in_doubt, rest, mistake_usd).worth_usd)
    return _Outlook(asked.name, (1.0 - agrees) * after - asked.cost_usd)
