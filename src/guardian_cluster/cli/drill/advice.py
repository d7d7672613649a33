"""Says in plain words what an operator could change, from the configuration and from what a drill has seen."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from guardian_cluster.cli.drill.asking import CLIENT_LEAVES_S
from guardian_cluster.cli.drill.scenery import hosts_of, models_of, reachable
from guardian_cluster.cli.drill.seen import Seen, Struck
from guardian_cluster.contract.snapshot import Base, Specialist

LONG_S = 10.0
"""What a user takes for a failure: patience with a page ends there (Nielsen, Usability Engineering, 1993, ch. 5)."""

Advice = Callable[[Base, Specialist, Sequence[Struck]], Iterator[str]]


def advice_for(base: Base, specialist: Specialist, struck: Sequence[Struck]) -> list[str]:
    """Return what could be changed, the gravest first; nothing where all went well."""
    return [line for advise in _ADVICE for line in advise(base, specialist, struck)]


def _seen(struck: Iterable[Struck]) -> Iterator[Seen]:
    for each in struck:
        yield from each.seen


def _silent(_: Base, specialist: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    wrong = sum(each.verdict == "silent_truncation" for each in _seen(struck))
    if wrong:
        what = f"{_counted(wrong, 'answer')} of {specialist.name}"
        yield f"{what} came short and looked whole: a bug of guardian; please report it"


def _alone(base: Base, specialist: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    if len(reachable(base, specialist)) > 1:
        return
    reached = sum(each.answered < len(each.seen) for each in struck)
    if reached:
        yield (
            f"{specialist.name} has one endpoint and nobody stands in for it, so {reached} of {len(struck)} faults "
            "reach its users: give it a second endpoint, an equal or a fallback"
        )


def _one_host(base: Base, specialist: Specialist, _: Sequence[Struck]) -> Iterator[str]:
    endpoints = reachable(base, specialist)
    hosts = hosts_of(endpoints)
    if len(endpoints) > 1 and len(hosts) == 1:
        yield (
            f"all {len(endpoints)} endpoints that answer for {specialist.name} are at {hosts.pop()}: an outage there "
            "takes them all; put one elsewhere"
        )


def _broken_off(base: Base, specialist: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    broken = sum(each.verdict == "in_band_error" and each.could_be_answered for each in _seen(struck))
    if not broken:
        return
    name = specialist.name
    off = [
        each.name for each in models_of(base) if each.name in (name, *_others(specialist)) and _is_off(each)
    ]
    streams = f"{_counted(broken, 'stream')} of {name}"
    told = f"{streams} ended with an error after the first words, though another endpoint was there"
    if off:
        yield f'{told}: continuation is "off" for {", ".join(off)}; "prompt" lets others go on'
    else:
        yield f"{told}: clients see the error and can ask again; whole answers are asked for elsewhere by the gateway"


def _half_calls(_: Base, specialist: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    half = sum(each.verdict == "in_band_error" and each.form == "tool" for each in _seen(struck))
    if half and len(specialist.endpoints) + len(_others(specialist)) > 1:
        yield (
            f"{_counted(half, 'streamed call')} of a tool broke off, and nobody can go on with half a call: whole "
            "answers are asked for elsewhere"
        )


def _others(specialist: Specialist) -> tuple[str, ...]:
    return (*specialist.equals, *specialist.fallback)


def _is_off(specialist: Specialist) -> bool:
    return specialist.continuation == "off"


def _hung(_: Base, specialist: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    hung = sum(each.verdict == "hung" for each in _seen(struck))
    if hung:
        now_s = specialist.timeouts.total_s
        yield (
            f"{_counted(hung, 'user')} left after {CLIENT_LEAVES_S:g} s without an answer or an error, as OpenAI's "
            f"clients do by default: set timeouts.total_s of {specialist.name} well below that ({now_s:g} now)"
        )


def _slow(_: Base, specialist: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    timeouts, name = specialist.timeouts, specialist.name
    first = max((each.added_first_s or 0.0 for each in struck), default=0.0)
    if first >= LONG_S:
        yield (
            f"an endpoint that hangs keeps users of {name} waiting for their first words, {first:.0f} s at worst: "
            f"timeouts.first_token_s is {timeouts.first_token_s:g}; set it to what your slowest honest answer needs"
        )
    whole = [each.total_s for each in _seen(struck) if each.is_answered and each.form in ("whole", "json")]
    if max(whole, default=0.0) >= max(LONG_S, timeouts.total_s / 4):
        yield (
            f"a whole answer that hangs is asked for elsewhere after half of timeouts.total_s ({timeouts.total_s:g} "
            f"now), {max(whole):.0f} s at worst: lower it, or stream"
        )
    if first >= LONG_S and not specialist.hedge:
        yield f"hedge is false for {name}: true lets a second endpoint be asked while the first is late"


def _bad_words(base: Base, _: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    passed = {each.strike.name for each in struck if any(one.verdict == "altered" for one in each.seen)}
    if "repetition" in passed:
        yield (
            f'a model in a loop is passed on: [watch] on_repetition is "{base.watch.on_repetition}"; "cut" ends such '
            'an answer, "retry" asks elsewhere where nothing has left yet'
        )
    if any(each.verdict == "empty_as_success" for each in _seen(struck)):
        yield f'empty answers pass as answers: [watch] on_empty is "{base.watch.on_empty}"; "retry" asks elsewhere'


def _no_second_try(base: Base, specialist: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    lost = any(each.lost for each in struck)
    if lost and base.limits.max_attempts == 1:
        yield "gateway.limits.max_attempts is 1, so nobody is asked a second time: 3 is the default"
    if lost and base.balancing.retry_share == 0:
        yield "balancing.retry_share is 0, so nobody is asked a second time: 0.2 is the default"


def _unused(_: Base, __: Specialist, struck: Sequence[Struck]) -> Iterator[str]:
    unused = sorted({name for each in struck for name in each.unused})
    if unused:
        yield f"{', '.join(unused)} came back, and was asked for nothing two minutes later"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


_ADVICE: tuple[Advice, ...] = (
    _silent,
    _alone,
    _no_second_try,
    _broken_off,
    _half_calls,
    _hung,
    _slow,
    _one_host,
    _bad_words,
    _unused,
)
