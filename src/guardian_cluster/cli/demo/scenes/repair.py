"""Scene 7: one of two endpoints answers in words where JSON is asked for; it is mended with no human.

The model and what it knows are as before, every status is 200, and half of the answers are well: only programs that
read them fail. Traffic goes on until recovery has confirmed what it did, or for `MOST_S`.
"""

from collections.abc import Sequence

from guardian_cluster.cli.demo.findings import (
    Recovered,
    opened,
    records_of,
    tell_history,
    until_recovered,
)
from guardian_cluster.cli.demo.models import FILLED_IN, ORDER, in_words
from guardian_cluster.cli.demo.stage import Question, Stage
from guardian_cluster.cli.demo.traffic import Passed, Traffic, traffic
from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.observation import named

MODEL = "clerk"
STRUCK = f"{MODEL}/2"

QUESTIONS = (
    f"Fill in the order: {ORDER}, please.",
    f"As JSON, please: I should like to have {ORDER}.",
    f"Write down for the store: {ORDER}.",
)

USUAL = 300
"""Requests before anything is wrong: what is usual is learned from some 200."""
MOST_S = 30.0
"""From the beginning of the fault until it is confirmed that its users are served well."""
AFTER = 24
"""Answers that are looked at after that."""


async def play(stage: Stage) -> None:
    """Let traffic flow, let one endpoint change its manner, and wait until recovery is done with it."""
    server = stage.models.servers[MODEL][1]
    usual = server.script
    async with traffic(stage, MODEL, _question) as flow:
        stage.do(f"{USUAL} requests to {MODEL}, which fills in forms as JSON at two endpoints")
        await flow.flow(USUAL)
        stage.do(f"{STRUCK} begins to answer in words; every answer is still a 200")
        server.script = in_words
        try:
            await _until_well(stage, flow)
        finally:
            server.script = usual


async def _until_well(stage: Stage, flow: Traffic) -> None:
    began = stage.now
    later: Sequence[Passed] = ()
    async with opened(stage.folder) as store, flow.flowing():
        found = await until_recovered(store, MODEL, MOST_S)
        if found is not None:
            later = await flow.until_more(AFTER)
    since = [each for each in flow.passed if each.at >= began]
    wrong = sum(not _is_well(each) for each in since)
    stage.find("traffic", f"{len(since)} requests since it began, {wrong} of them answered in words")
    if found is None:
        found_s = f"nothing was confirmed within {MOST_S:.0f} s"
        stage.check("it is repaired within a minute, by no human", held=False, found=found_s)
        return
    tell_history(stage, found.incident, began)
    _check_repair(stage, found, began)
    await _check_answers(stage, found, later)


def _check_repair(stage: Stage, found: Recovered, began: float) -> None:
    incident, result = found.incident, found.result
    stage.check(
        "its cause and its place are found",
        incident.cause == "wrong_format" and dict(incident.where).get("endpoint") == STRUCK,
        f"{incident.cause} in {named(incident.where)}",
    )
    kept = [each for each in found.actions if each.id in result.recovery_outcome.kept]
    drained = [each.move.endpoint for each in kept if isinstance(each.move, Drain)]
    stage.check(
        "that endpoint is left out, and undoes itself",
        drained == [STRUCK] and all(each.state == "active" for each in kept),
        ", ".join(
            f"{each.state}: {each.scope}, for {each.until - each.taken:.0f} s at most" for each in kept
        ),
    )
    tested = result.validation_result
    stage.check(
        "that this helped is confirmed by a test",
        tested.state == "confirmed" and incident.mitigated is not None,
        f"{tested.state} on {tested.requests} requests: {tested.observed:.0%} lost, "
        f"still bad would be {tested.bad:.0%}; evidence {tested.e_value:.0f} to 1",
    )
    stage.check(
        "it is repaired within a minute, by no human",
        incident.mitigated is not None and not found.calls and not result.recovery_outcome.escalated,
        f"after {(incident.mitigated or stage.now) - began:.1f} s; {len(found.calls)} calls to people",
    )


async def _check_answers(stage: Stage, found: Recovered, later: Sequence[Passed]) -> None:
    kept = set(found.result.recovery_outcome.kept)
    records = await records_of(stage.folder, later)
    turned = sum(bool(kept & set(each.moves)) for each in records)
    stage.check(
        "answers are well again",
        len(later) == AFTER
        and all(map(_is_well, later))
        and len(records) == AFTER
        and all(each.endpoint != STRUCK for each in records),
        f"{sum(map(_is_well, later))} of the next {len(later)} are JSON alone; {turned} records name the action",
    )


def _question(number: int) -> Question:
    return Question(
        text=f"{QUESTIONS[number % len(QUESTIONS)]} Its number is {number}.", model=MODEL, as_json=True
    )


def _is_well(passed: Passed) -> bool:
    return passed.reply.text == FILLED_IN
