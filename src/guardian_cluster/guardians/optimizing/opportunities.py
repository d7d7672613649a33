"""Finds what of a specialist could be better although nothing is broken, read off one window, with its records.

Nothing is said of a share before it is told from the others with a confidence of 99 %: these are read in each cycle.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from guardian_cluster.contract.snapshot import Base, Specialist
from guardian_cluster.domain.monitoring import Opportunity
from guardian_cluster.domain.observation import Observation, Signal, Slice, named
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.evidence import MOST_RECORDS
from guardian_cluster.guardians.optimizing.answers import is_raced
from guardian_cluster.guardians.optimizing.figures import median
from guardian_cluster.guardians.optimizing.situation import LEAST_SOUND, is_sound
from guardian_cluster.guardians.optimizing.waiting import TIMED_OUT, WORTH_IT, is_too_short, wait_of
from guardian_cluster.statistics.intervals import share_interval

LEAST = 20
"""Cases from which a share is looked at."""

CONFIDENCE = 0.99
FAR = 2.0
"""Times what its equals take or cost, from which an endpoint stands out."""

MUCH_CHEAPER = 3.0
"""Times what another that is as strong would cost: prices of models of one strength differ by less."""

LONG_PROMPT = 1_000
"""Tokens from which caches of prompts begin to count (1,024 at OpenAI and Anthropic)."""


def opportunities(specialist: Specialist, base: Base, window: Window) -> tuple[Opportunity, ...]:
    """Return all that could be better, in the order in which it is looked for."""
    looks: Sequence[Callable[[Specialist, Base, Sequence[Observation]], Iterable[Opportunity]]] = (
        _timeouts, _cut_short, _dearer, _slow_endpoints, _dear_endpoints, _retries, _templates, _hedges, _affinity,
    )  # fmt: skip
    return tuple(found for look in looks for found in look(specialist, base, window.observations))


def _timeouts(specialist: Specialist, _: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    hung = [each for each in seen if any(attempt.error == TIMED_OUT for attempt in each.tries)]
    needed_s = [
        each.first_token_ms / 1e3 for each in seen if is_sound(each) and each.first_token_ms is not None
    ]
    wait_s, now_s = wait_of(needed_s), specialist.timeouts.first_token_s
    if len(hung) >= 3 and wait_s is not None and wait_s <= WORTH_IT * now_s:
        said = f"{len(hung)} hung answers were waited for up to {now_s:g} s; sound ones begin within {wait_s:g} s."
        yield Opportunity(
            kind="timeout-too-long", motive="quality", cause="hang", said=said, record_ids=_ids(hung)
        )
    if len(hung) >= LEAST and is_too_short(now_s, needed_s):
        said = f"{len(hung)} answers were given up after {now_s:g} s, and sound ones need nearly as long."
        yield Opportunity(kind="timeout-too-short", motive="quality", said=said, record_ids=_ids(hung))


def _cut_short(specialist: Specialist, _: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    cut = [each for each in seen if each.finish_reason == "length"]
    if len(cut) >= LEAST and _low(len(cut), len(seen)) >= 0.02:
        said = f"{len(cut)} of {len(seen)} answers end because they may not be longer."
        yield Opportunity(kind="answers-cut-short", motive="quality", said=said, record_ids=_ids(cut))


def _dearer(specialist: Specialist, base: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    paid = [each for each in seen if each.outcome == "ok" and each.cost_usd > 0.0]
    others = [each for each in base.specialists if _is_as_strong(each, specialist)]
    if len(paid) < LEAST_SOUND or not others:
        return
    asked, answered = _mean(paid, "input_tokens"), _mean(paid, "output_tokens")
    costs = {each.name: each.price.cost_usd(asked, answered) for each in others}
    cheapest = min(costs, key=lambda name: (costs[name], name))
    own = _mean(paid, "cost_usd")
    if own > MUCH_CHEAPER * costs[cheapest]:
        named_price = f"{cheapest}, of the same tier or above, would take {costs[cheapest]:.2g}"
        said = f"An answer costs {own:.2g} USD; {named_price}."
        dearest = sorted(paid, key=lambda each: each.cost_usd, reverse=True)
        yield Opportunity(kind="dearer-than-alternatives", motive="cost", said=said, record_ids=_ids(dearest))


def _is_as_strong(other: Specialist, own: Specialist) -> bool:
    is_priced = other.price.input_usd > 0.0 or other.price.output_usd > 0.0
    return other.kind == "http" and other.name != own.name and other.tier >= own.tier and is_priced


def _slow_endpoints(_: Specialist, __: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    times = {
        endpoint: [float(each.duration_ms) for each in found]
        for endpoint, found in _by_endpoint(filter(is_sound, seen)).items()
    }
    for endpoint, own, others in _standing_out(times, median):
        said = f"{endpoint} takes {own / 1e3:.2g} s for an answer, its equals {others / 1e3:.2g} s."
        yield _at_endpoint("endpoint-slower", endpoint, said, seen, lambda each: each.duration_ms)


def _dear_endpoints(_: Specialist, __: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    prices = {
        endpoint: [each.cost_usd / each.output_tokens for each in found if each.output_tokens > 0]
        for endpoint, found in _by_endpoint(filter(is_sound, seen)).items()
    }
    for endpoint, own, others in _standing_out(prices, median):
        said = f"A token of {endpoint} costs {own / others:.1f} times what it costs at its equals."
        yield _at_endpoint("endpoint-dearer", endpoint, said, seen, lambda each: each.cost_usd)


def _retries(_: Specialist, __: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    failed, tried = defaultdict[str, int](int), defaultdict[str, int](int)
    for each in seen:
        for attempt in each.tries:
            tried[attempt.endpoint] += 1
            failed[attempt.endpoint] += attempt.outcome == "failed" and len(each.tries) > 1
    for endpoint, rate in _worse_than_rest(failed, tried):
        said = f"{rate:.0%} of what is tried at {endpoint} fails, and is tried again elsewhere."
        hit = [each for each in seen if _failed_at(each, endpoint)]
        where: Slice = (("endpoint", endpoint),)
        yield Opportunity(kind="retries-wasted", motive="cost", said=said, where=where, record_ids=_ids(hit))


def _templates(_: Specialist, __: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    yield from _in_templates(seen, "refusal", "refusals-in-template", "begin like refusals")
    yield from _in_templates(seen, "format", "format-failures-in-template", "have not their format")


def _in_templates(seen: Sequence[Observation], signal: Signal, kind: str, what: str) -> Iterator[Opportunity]:
    lost, asked = defaultdict[str, int](int), defaultdict[str, int](int)
    for each in seen:
        template, loss = each.dimensions.get("template"), each.losses.get(signal)
        if template is not None and loss is not None:
            asked[template] += 1
            lost[template] += loss >= 0.5
    for template, rate in _worse_than_rest(lost, asked):
        where: Slice = (("template", template),)
        hit = [
            e for e in seen if e.dimensions.get("template") == template and e.losses.get(signal, 0.0) >= 0.5
        ]
        said = f"{rate:.0%} of the answers to {named(where)} {what}, and few of the others."
        yield Opportunity(kind=kind, motive="quality", said=said, where=where, record_ids=_ids(hit))


def _hedges(specialist: Specialist, _: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    raced = [each for each in seen if is_raced(each)]
    won = sum(each.tries[0].outcome == "ok" for each in raced)
    if specialist.hedge and len(raced) >= LEAST_SOUND and _low(won, len(raced)) >= 0.9:
        said = f"For {len(raced)} requests a second endpoint was asked, and {won} times the first answered."
        yield Opportunity(kind="hedges-wasted", motive="cost", said=said, record_ids=_ids(raced))


def _affinity(specialist: Specialist, base: Base, seen: Sequence[Observation]) -> Iterator[Opportunity]:
    long = [each for each in seen if each.input_tokens >= LONG_PROMPT and "template" in each.dimensions]
    has_choice = len(specialist.endpoints) > 1 or bool(specialist.equals)
    if has_choice and not base.balancing.affinity and len(long) >= max(LEAST_SOUND, len(seen) / 2):
        said = f"{len(long)} of {len(seen)} requests begin with long instructions, which endpoints keep in caches."
        yield Opportunity(kind="affinity-off", motive="cost", said=said, record_ids=_ids(long))


def _by_endpoint(seen: Iterable[Observation]) -> dict[str, list[Observation]]:
    found = defaultdict[str, list[Observation]](list)
    for each in seen:
        if (endpoint := each.dimensions.get("endpoint")) is not None:
            found[endpoint].append(each)
    return found


def _standing_out(
    values: Mapping[str, Sequence[float]], middle: Callable[[Sequence[float]], float]
) -> Iterator[tuple[str, float, float]]:
    """Yield the endpoints of which the middle is far above that of all others, with both."""
    known = {name: each for name, each in values.items() if len(each) >= LEAST_SOUND}
    for name, own in sorted(known.items()):
        others = [value for other, each in known.items() if other != name for value in each]
        if others and (usual := middle(others)) > 0.0 and middle(own) >= FAR * usual:
            yield name, middle(own), usual


def _worse_than_rest(hits: Mapping[str, int], of: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    """Yield the names whose share is for certain twice that of all others together, and 5 % at least."""
    all_hits, all_of = sum(hits.values()), sum(of.values())
    for name, cases in sorted(of.items()):
        own, rest = hits.get(name, 0), all_of - cases
        if own < LEAST or rest < LEAST:
            continue
        others = share_interval(all_hits - own, rest, CONFIDENCE).high
        if _low(own, cases) >= max(0.05, FAR * others):
            yield name, own / cases


def _at_endpoint(
    kind: str,
    endpoint: str,
    said: str,
    seen: Sequence[Observation],
    most: Callable[[Observation], float],
) -> Opportunity:
    own = [each for each in seen if each.dimensions.get("endpoint") == endpoint]
    ids = _ids(sorted(own, key=most, reverse=True))
    motive = "cost" if kind == "endpoint-dearer" else "quality"
    return Opportunity(kind=kind, motive=motive, said=said, where=(("endpoint", endpoint),), record_ids=ids)


def _failed_at(each: Observation, endpoint: str) -> bool:
    was_tried_again = len(each.tries) > 1
    return was_tried_again and any(
        attempt.endpoint == endpoint and attempt.outcome == "failed" for attempt in each.tries
    )


def _low(hits: int, of: int) -> float:
    return share_interval(hits, of, CONFIDENCE).low


def _mean(seen: Sequence[Observation], field: str) -> float:
    return sum(float(getattr(each, field)) for each in seen) / len(seen)


def _ids(seen: Sequence[Observation]) -> tuple[str, ...]:
    return tuple(each.id for each in seen[:MOST_RECORDS])
