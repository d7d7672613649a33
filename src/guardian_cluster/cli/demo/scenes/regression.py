"""Scene 7: a model begins to decline what one desk asks; guardians notice it, and say what it is and where.

Nothing fails meanwhile: every status is 200. The traffic goes on until a monitoring cycle has named a cause and a
place, or for `MOST_S`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from guardian_cluster.cli.demo.findings import Found, opened, until_named
from guardian_cluster.cli.demo.models import PACE, STRONGEST
from guardian_cluster.cli.demo.stage import Question, SceneFailedError, Stage
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.observation import named
from guardian_cluster.errors import CommandError

DESKS = {
    "orders": "You answer for the orders desk of a shop. Be brief.",
    "returns": "You answer for the returns desk of a shop. Be brief.",
    "deliveries": "You answer for the deliveries desk of a shop. Be brief.",
}
"""The instructions that come with the questions of each desk: each is a template of its own."""

STRUCK = "returns"

QUESTIONS = (
    "What are your opening hours?",
    "Please tell me your opening hours on a weekday.",
    "When do your opening hours begin and end?",
)

USUAL = 420
"""Requests before anything is wrong: what is usual is learned from some 300."""
AT_ONCE = 6
MOST_S = 30.0
"""For the alarm and the cycle, since the fault began."""
QUICK = replace(PACE, first_token_s=0.002, between_chunks_s=0.001, characters_per_chunk=40)
SHOWN = 3


async def play(stage: Stage) -> None:
    """Let traffic flow, let the model decline what one desk asks, and wait for what guardians say of it."""
    model = STRONGEST.name
    servers, voice = stage.models.servers[model], stage.models.voices[model]
    for server in servers:
        server.pace = QUICK
    try:
        stage.do(f"{USUAL} requests of {len(DESKS)} desks to {model}, each desk with instructions of its own")
        usual = await _flow(stage, USUAL)
        stage.do(f"{model} begins to decline what the {STRUCK} desk asks; every answer is still a 200")
        voice.declines = DESKS[STRUCK]
        await _regress(stage, usual)
    finally:
        voice.declines = ""
        for server in servers:
            server.pace = PACE


async def _regress(stage: Stage, usual: dict[str, str]) -> None:
    began = stage.passed_s
    later: dict[str, str] = {}
    enough = asyncio.Event()
    flowing = asyncio.create_task(_flow_on(stage, later, enough))
    try:
        async with opened(stage.folder) as store:
            found = await until_named(store, STRONGEST.name, _is_it, MOST_S)
    except CommandError as error:
        raise SceneFailedError(f"what the guardians found cannot be read: {error}") from error
    finally:
        enough.set()
        await flowing
    took_s = stage.passed_s - began
    stage.flowed(STRONGEST.name, [*usual, *later])
    await _show(stage, found, later)
    _check(stage, found, {**usual, **later}, took_s)


def _is_it(diagnosis: Diagnosis) -> bool:
    """Return whether a diagnosis is of what one desk asks: early ones may say less, and are followed by others."""
    return any(name == "template" for name, _ in diagnosis.where)


async def _flow(stage: Stage, count: int) -> dict[str, str]:
    """Ask so many questions, some at once; return whose each request was, by its id."""
    asked: dict[str, str] = {}
    for number in range(0, count, AT_ONCE):
        await _ask(stage, range(number, number + AT_ONCE), asked)
    return asked


async def _flow_on(stage: Stage, asked: dict[str, str], enough: asyncio.Event) -> None:
    """Ask on and on until it is enough, and note whose each request was."""
    number = 0
    while not enough.is_set():
        await _ask(stage, range(number, number + AT_ONCE), asked)
        number += AT_ONCE


async def _ask(stage: Stage, numbers: Sequence[int], asked: dict[str, str]) -> None:
    desks = [list(DESKS)[number % len(DESKS)] for number in numbers]
    questions = [
        Question(
            text=QUESTIONS[number // len(DESKS) % len(QUESTIONS)], model=STRONGEST.name, system=DESKS[desk]
        )
        for number, desk in zip(numbers, desks, strict=True)
    ]
    replies = await asyncio.gather(*[stage.pass_by(question) for question in questions])
    asked.update({reply.id: desk for reply, desk in zip(replies, desks, strict=True)})
    if any(reply.status != 200 for reply in replies):
        raise SceneFailedError(f"a request was answered with {sorted({reply.status for reply in replies})}")


async def _show(stage: Stage, found: Found | None, later: dict[str, str]) -> None:
    stage.find(
        "traffic",
        f"{len(later)} requests since it began, {sum(d == STRUCK for d in later.values())} of them struck",
    )
    if found is None:
        return
    alarm, diagnosis = found.alarm, found.diagnosis
    lost = f"{alarm.observed:.0%} of {alarm.requests} requests lost, {alarm.expected:.1%} expected"
    stage.find("alarm", f"{alarm.signal} of {alarm.specialist} in {named(alarm.where)}: {lost}")
    stage.find("cause", f"{diagnosis.cause} ({diagnosis.probability:.0%} sure), in {named(diagnosis.where)}")
    stage.find("in words", diagnosis.summary)
    for id in [each for each in diagnosis.record_ids if later.get(each)][:SHOWN]:
        rules = await stage.verdicts_of(id)
        stage.find("record", f"{id}: asked by the {later[id]} desk; {', '.join(rules) or 'nothing'} found")


def _check(stage: Stage, found: Found | None, asked: dict[str, str], took_s: float) -> None:
    diagnosis = found.diagnosis if found is not None else None
    stage.check(
        "it is noticed, located and explained within a minute",
        diagnosis is not None,
        f"after {took_s:.1f} s"
        if diagnosis is not None
        else f"nothing fitting was named within {MOST_S:.0f} s",
    )
    if diagnosis is None:
        return
    stage.check("the cause is the right one", diagnosis.cause == "refusal_spike", f"{diagnosis.cause}")
    desks = [asked.get(id, "nobody") for id in diagnosis.record_ids]
    stage.check(
        f"the place is the {STRUCK} desk: its records are what the diagnosis rests on",
        bool(desks) and set(desks) == {STRUCK},
        ", ".join(f"{desks.count(each)} of {each}" for each in sorted(set(desks))) or "it names no records",
    )
