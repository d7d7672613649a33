"""Scene 2: a request of three parts is answered by the solver, recall and a model side by side."""

from guardian_cluster.cli.demo.stage import Question, Stage

QUESTION = (
    "What is 17% of 2,350? What does our handbook say about parental leave? "
    "Write a Python function that reverses a string."
)

FRAGMENTS = ("399.5", "16 weeks", "text[::-1]")
"""What the answer must hold: a result, a quotation, a program."""

BUILTIN = {"solver", "recall"}


async def play(stage: Stage) -> None:
    """Ask it as a stream."""
    outcome = await stage.ask(Question(text=QUESTION, streamed=True))
    parts, text = outcome.record.parts, outcome.reply.text
    for part in parts:
        stage.find(
            f"part {part.number}", f"{part.requirement}: {part.specialist or 'nobody'}, {part.outcome}"
        )
    shared = dict.fromkeys(insight for part in parts for insight in part.shared)
    if shared:
        stage.find("shared", f"watchers told one another: {'; '.join(shared)}")
    by = [part.specialist for part in parts if part.outcome == "ok" and part.specialist]
    stage.check(
        "solver, recall and a model answer one request together",
        len(parts) == 3 and set(by) > BUILTIN and len(set(by)) == 3,
        f"{len(parts)} parts, answered by {', '.join(by) or 'nobody'}",
    )
    missing = [fragment for fragment in FRAGMENTS if fragment not in text]
    unnamed = [name for name in by if f"`{name}`" not in text]
    stage.check(
        "every part is in the answer, and who it is from",
        bool(by) and outcome.reply.complete and not missing and not unnamed,
        f"missing: {', '.join(missing + unnamed)}" if missing or unnamed else "nothing is missing",
    )
