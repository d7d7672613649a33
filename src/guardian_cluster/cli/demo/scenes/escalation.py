"""Scene 9: nothing narrower helps against what the model of scene 8 does, so a backup answers and people are called.

The fault goes on. `large` has one endpoint and no other variant, and its playbook here says that people are to hear of
it when a model declines. They are called at a server that takes calls as strictly as PagerDuty does.
"""

from collections.abc import Sequence

from guardian_cluster.cli.demo.findings import (
    Recovered,
    opened,
    records_of,
    tell_history,
    until_called,
    until_recovered,
)
from guardian_cluster.cli.demo.models import CAST, DECLINED, STRONGEST
from guardian_cluster.cli.demo.scenes.regression import DESKS, STRUCK, desk_of, question
from guardian_cluster.cli.demo.stage import Stage
from guardian_cluster.cli.demo.traffic import Passed, traffic
from guardian_cluster.domain.action import Reroute
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.observation import named

MODEL, BACKUP = STRONGEST.name, CAST[0].name

MOST_S = 30.0
"""Until it is confirmed that the backup serves those whom it concerns."""
CALLED_S = 10.0
"""After that, until the call has arrived."""
AFTER = 24
"""Answers that are looked at after that: those of the struck desk are a third."""


async def play(stage: Stage) -> None:
    """Let traffic go on until the backup answers and people are called; then the model is mended."""
    voice = stage.models.voices[MODEL]
    stage.do(f"{MODEL} goes on declining what the {STRUCK} desk asks; {BACKUP} is its declared backup")
    try:
        async with traffic(stage, MODEL, question) as flow, opened(stage.folder) as store, flow.flowing():
            found = await until_recovered(store, MODEL, MOST_S)
            if found is None:
                said = f"nothing was confirmed within {MOST_S:.0f} s"
                stage.check("the backup answers the struck desk", held=False, found=said)
                return
            calls = await until_called(store, MODEL, CALLED_S)
            later = await flow.until_more(AFTER)
    finally:
        voice.declines = ""
    tell_history(stage, found.incident, found.incident.onset)
    _check_backup(stage, found)
    await _check_answers(stage, found, later)
    _check_calls(stage, calls)


def _check_backup(stage: Stage, found: Recovered) -> None:
    incident, result = found.incident, found.result
    stage.check(
        "it is left to people, for nothing narrower helps",
        incident.state == "escalated" and result.recovery_strategy.type == "manual",
        f"{incident.cause} in {named(incident.where)}: {result.recovery_strategy.why}",
    )
    moves = [each.move for each in found.actions if each.id in result.recovery_outcome.kept]
    given = [f"{named(each.where)} to {each.to}" for each in moves if isinstance(each, Reroute)]
    tested = result.validation_result
    stage.check(
        "meanwhile a backup answers, and a test confirms that this helps",
        len(given) == 1 and result.recovery_outcome.backup == BACKUP and tested.state == "confirmed",
        f"{', '.join(given) or 'nobody'}; {tested.state} on {tested.requests} requests, "
        f"{tested.observed:.0%} lost, still bad would be {tested.bad:.0%}",
    )


async def _check_answers(stage: Stage, found: Recovered, later: Sequence[Passed]) -> None:
    kept = set(found.result.recovery_outcome.kept)
    by = {desk: list[str]() for desk in DESKS}
    named_by = list[str]()
    desks = {each.reply.id: desk_of(each) for each in later}
    for record in await records_of(stage.folder, later):
        by[desks[record.id]].append(record.specialist or "nobody")
        named_by += [desks[record.id]] if kept & set(record.moves) else []
    declined = sum(each.reply.text == DECLINED for each in later)
    stage.check(
        f"the {STRUCK} desk gets its answers from {BACKUP}, the others theirs from {MODEL}, and none is declined",
        declined == 0
        and all(set(names) == {BACKUP if desk == STRUCK else MODEL} for desk, names in by.items())
        and set(named_by) == {STRUCK},
        f"{'; '.join(f'{desk}: {len(names)} by {_several(names)}' for desk, names in by.items())}; "
        f"{declined} declined; {len(named_by)} records name the action",
    )


def _check_calls(stage: Stage, calls: Sequence[Delivery]) -> None:
    pager = stage.models.pager
    for each in calls:
        stage.find("call", f"{each.sink}: {each.alert.title}")
    rung = sum(pager.pages.count(key) for key in {each.alert.key for each in calls})
    stage.check(
        "people are called, once, and the call arrived",
        rung == len(calls) == 1 and not pager.refused,
        f"the pager rang {rung} times for {MODEL}, of {len(calls)} calls; it refused {len(pager.refused)}",
    )


def _several(names: Sequence[str]) -> str:
    return ", ".join(sorted(set(names))) or "nobody"
