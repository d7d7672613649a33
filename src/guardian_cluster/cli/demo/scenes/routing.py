"""Scene 1: an easy question goes to the cheaper model; a hard one, of which the best is asked for, to the stronger."""

from guardian_cluster.cli.demo.models import CAST, STRONGEST
from guardian_cluster.cli.demo.stage import Outcome, Question, Stage

EASY = "Name three uses of baking soda."
HARD = (
    "A ferry leaves the north shore at 9:15, another the south shore at 9:40. One makes 12 knots, the other 18; the "
    "lake is 45 nautical miles long, with a current of 2 knots against the first. Prove step by step when and where "
    "they meet, and explain why that changes if the current turns."
)


async def play(stage: Stage) -> None:
    """Ask one of `auto`, the other of `auto:best`, to which a mistake is 30 times as dear."""
    easy = await stage.ask(Question(text=EASY))
    _weighed(stage, easy)
    _check(stage, "`auto` gives an easy question to the cheaper model", easy, CAST[0].name)
    hard = await stage.ask(Question(text=HARD, model="auto:best"))
    _weighed(stage, hard)
    _check(stage, "`auto:best` gives a hard one to the stronger model", hard, STRONGEST.name)


def _weighed(stage: Stage, outcome: Outcome) -> None:
    routing = outcome.record.routing
    for each in routing.candidates if routing else ():
        stage.find(
            "weighed",
            f"{each.specialist}: right in {each.success:.0%}, {each.cost_usd:.6f} USD expected, "
            f"chosen in {each.probability:.0%}",
        )


def _check(stage: Stage, claim: str, outcome: Outcome, expected: str) -> None:
    record = outcome.record
    was_chosen = record.routing is not None and len(record.routing.candidates) > 1
    held = record.specialist == expected and record.outcome == "ok" and was_chosen
    stage.check(
        claim, held, f"{record.specialist} was asked, outcome {record.outcome}, {record.cost_usd:.6f} USD"
    )
