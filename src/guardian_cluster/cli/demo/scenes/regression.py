"""Scene 8: a model begins to decline what one desk asks; guardians notice it, and say what it is and where.

Nothing fails meanwhile: every status is 200. The traffic goes on until a monitoring cycle has named a cause and a
place, or for `MOST_S`. The model goes on declining in the next scene.
"""

from guardian_cluster.cli.demo.findings import Found, opened, until_named
from guardian_cluster.cli.demo.models import STRONGEST
from guardian_cluster.cli.demo.stage import Question, Stage
from guardian_cluster.cli.demo.traffic import Passed, traffic
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.observation import named

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
MOST_S = 30.0
"""For the alarm and the cycle, since the fault began."""
SHOWN = 3


async def play(stage: Stage) -> None:
    """Let traffic flow, let the model decline what one desk asks, and wait for what guardians say of it."""
    model = STRONGEST.name
    async with traffic(stage, model, question) as flow:
        stage.do(f"{USUAL} requests of {len(DESKS)} desks to {model}, each desk with instructions of its own")
        await flow.flow(USUAL)
        stage.do(f"{model} begins to decline what the {STRUCK} desk asks; every answer is still a 200")
        stage.models.voices[model].declines = DESKS[STRUCK]
        began = stage.now
        async with opened(stage.folder) as store, flow.flowing():
            found = await until_named(store, model, _is_it, MOST_S)
        took_s = stage.now - began
    desks = {each.reply.id: desk_of(each) for each in flow.passed}
    await _show(stage, found, {each.reply.id: desk_of(each) for each in flow.passed if each.at >= began})
    _check(stage, found, desks, took_s)


def question(number: int) -> Question:
    """Return a question of each desk in turn."""
    desk = list(DESKS)[number % len(DESKS)]
    text = QUESTIONS[number // len(DESKS) % len(QUESTIONS)]
    return Question(text=text, model=STRONGEST.name, system=DESKS[desk])


def desk_of(passed: Passed) -> str:
    """Return the desk that asked."""
    return next(desk for desk, instructions in DESKS.items() if instructions == passed.question.system)


def _is_it(diagnosis: Diagnosis) -> bool:
    """Return whether a diagnosis is of what one desk asks: early ones may say less, and are followed by others."""
    return any(name == "template" for name, _ in diagnosis.where)


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
        verdicts = (await stage.record(id)).verdicts
        rules = ", ".join(f"{each.detector} {each.rule}" for each in verdicts)
        stage.find("record", f"{id}: asked by the {later[id]} desk; {rules or 'nothing'} found")


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
