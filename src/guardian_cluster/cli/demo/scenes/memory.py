"""Scene 6: what was said in one request is known in the next of its conversation, and in no other."""

from guardian_cluster.cli.demo.models import TOLD
from guardian_cluster.cli.demo.stage import Question, Stage

NAME = "Rex"
TELLING = f"Keep in mind for later: {TOLD}{NAME}."
ASKING = "What is my dog called?"
SESSION, OTHER = "demo-monday", "demo-tuesday"


async def play(stage: Stage) -> None:
    """Tell it in one conversation; ask in that one, and in another."""
    await stage.ask(Question(text=TELLING, session=SESSION))
    again = await stage.ask(Question(text=ASKING, session=SESSION))
    context = again.record.context
    shown = context.history if context else 0
    stage.check(
        f"the conversation {SESSION!r} goes on",
        shown > 0 and NAME in again.reply.text,
        f"{shown} earlier messages were shown to {again.record.specialist}; the request itself had one",
    )
    other = await stage.ask(Question(text=ASKING, session=OTHER))
    context = other.record.context
    shown = context.history if context else 0
    stage.check(
        f"another conversation, {OTHER!r}, knows nothing of it",
        shown == 0 and other.reply.status == 200 and NAME not in other.reply.text,
        f"{shown} earlier messages were shown to {other.record.specialist}",
    )
