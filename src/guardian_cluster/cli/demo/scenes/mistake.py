"""Scene 3: the cheaper model gets a sum wrong; checks redo it, and the stronger one is asked before it leaves."""

from guardian_cluster.cli.demo.models import CAST, STRONGEST
from guardian_cluster.cli.demo.stage import Question, Stage
from guardian_cluster.cli.demo.summary import ESCALATED

QUESTION = "A crate holds 24 bottles. Sam has 17 full crates and sells 39 bottles. How many bottles are left?"

RIGHT, WRONG = "369", "359"


async def play(stage: Stage) -> None:
    """Ask `auto`, which begins with the cheaper model."""
    question = Question(text=QUESTION)
    stage.announce(question)
    outcome = await stage.fetch(question)
    stage.said(CAST[0].name)
    for each in outcome.record.assessments:
        failed = f"; did not hold: {', '.join(each.failed)}" if each.failed else ""
        stage.find("checks", f"{each.specialist}: {each.p_wrong:.0%} likely wrong, {each.decision}{failed}")
    stage.show(outcome)
    escalated = [each for each in outcome.record.assessments if each.decision in ESCALATED]
    stage.check(
        "the wrong sum is caught",
        any(each.specialist == CAST[0].name and each.failed for each in escalated),
        ", ".join(f"{each.specialist}: {each.decision}, {' '.join(each.failed)}" for each in escalated)
        or "no answer was doubted",
    )
    stage.check(
        "the client gets the stronger model's answer, and only that",
        outcome.record.specialist == STRONGEST.name
        and RIGHT in outcome.reply.text
        and WRONG not in outcome.reply.text,
        f"from {outcome.record.specialist}, outcome {outcome.record.outcome}, {len(outcome.record.attempts)} attempts, "
        f"{outcome.record.cost_usd:.6f} USD",
    )
