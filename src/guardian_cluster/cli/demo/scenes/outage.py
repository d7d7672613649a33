"""Scene 5: one of two endpoints dies while both are answering; those who ask notice nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from guardian_cluster.cli.demo.models import CAST, PACE
from guardian_cluster.cli.demo.stage import Outcome, Question, SceneFailedError, Stage
from guardian_cluster.simulation import ModelServer, Refuse

TEXT = "What are your opening hours?"

AT_ONCE = 4
"""One of the two endpoints has half of these, or more."""

THINKING_S = 0.6
"""Time to die in: before this model's first word."""

MEETING_TIMEOUT_S = 10.0


async def play(stage: Stage) -> None:
    """Ask four times at once, half of them as streams, and kill an endpoint that has begun."""
    servers = stage.models.servers[CAST[0].name]
    for server in servers:
        server.pace = replace(PACE, first_token_s=THINKING_S)
    stage.do(f"{AT_ONCE} requests at once to {CAST[0].name}, which now thinks for {THINKING_S:g} s first")
    questions = [
        Question(text=TEXT, model=CAST[0].name, streamed=number % 2 == 0) for number in range(AT_ONCE)
    ]
    for question in questions:
        stage.announce(question)
    outcomes = await _asked_while_dying(stage, questions, servers)
    for server in servers:
        server.pace = PACE
    for outcome in outcomes:
        stage.show(outcome, reason=False)
    _check(stage, outcomes)


async def _asked_while_dying(
    stage: Stage, questions: list[Question], servers: Sequence[ModelServer]
) -> list[Outcome]:
    asking = [asyncio.create_task(stage.fetch(question)) for question in questions]
    waiting = [asyncio.create_task(_busy(server)) for server in servers]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        number = waiting.index(done.pop())
        await waiting[number]
        dying, name = servers[number], f"{CAST[0].name}/{number + 1}"
        hit, dying.fault = dying.open_requests, Refuse()
        stage.do(f"endpoint {name} dies with {hit} of them under way; from now on it refuses connections")
        return await asyncio.gather(*asking)
    except TimeoutError as error:
        open_requests = [server.open_requests for server in servers]
        raise SceneFailedError(f"the requests did not come to the endpoints: {open_requests}") from error
    finally:
        for task in (*asking, *waiting):
            task.cancel()
        await asyncio.gather(*asking, *waiting, return_exceptions=True)


async def _busy(server: ModelServer) -> None:
    await server.until(lambda: server.open_requests >= AT_ONCE // 2, MEETING_TIMEOUT_S)


def _check(stage: Stage, outcomes: list[Outcome]) -> None:
    failed = [each for outcome in outcomes for each in outcome.record.attempts if each.outcome == "failed"]
    for each in failed:
        stage.find("attempt", f"{each.endpoint} failed after {each.duration_ms:.0f} ms: {each.error}")
    texts = {outcome.reply.text for outcome in outcomes}
    whole = [
        outcome
        for outcome in outcomes
        if outcome.reply.status == 200 and outcome.reply.complete and outcome.record.outcome == "ok"
    ]
    stage.check(
        "requests were under way at the endpoint that died",
        bool(failed),
        f"{len(failed)} attempts failed: {', '.join(sorted({str(each.error) for each in failed})) or 'none'}",
    )
    stage.check(
        "every client gets the whole answer all the same",
        len(whole) == len(outcomes) and len(texts) == 1,
        f"{len(whole)} of {len(outcomes)} answers are whole, in {len(texts)} wording{'' if len(texts) == 1 else 's'}",
    )
