"""Faults of the answer: nothing said, the same said over and over, far too much said, false counts."""

from dataclasses import dataclass, replace

from guardian_cluster.simulation.answer import Answer, Usage
from guardian_cluster.simulation.fault import Fault


@dataclass(frozen=True, slots=True)
class Empty(Fault):
    """Say nothing and call it done: status 200, finish reason `stop`, no content."""

    def change_answer(self, answer: Answer) -> Answer:
        """Return an answer without words."""
        return Answer(finish_reason="stop")


@dataclass(frozen=True, slots=True)
class Repeats(Fault):
    """Fall into a loop after the answer's text, until the length limit ends it."""

    phrase: str = " and so on"
    times: int = 200

    def change_answer(self, answer: Answer) -> Answer:
        """Return the answer with the loop at its end."""
        return replace(answer, text=answer.text + self.phrase * self.times, finish_reason="length")


@dataclass(frozen=True, slots=True)
class Giant(Fault):
    """Say far more than was asked for, without repeating a line."""

    characters: int = 5_000_000

    def change_answer(self, answer: Answer) -> Answer:
        """Return a text of that length."""
        lines = (f"Line {number} of an answer without end.\n" for number in range(self.characters // 20))
        return replace(answer, text="".join(lines)[: self.characters])


@dataclass(frozen=True, slots=True)
class FalseUsage(Fault):
    """Report token counts that are not true."""

    prompt_tokens: int = 0
    completion_tokens: int = 10**12

    def change_answer(self, answer: Answer) -> Answer:
        """Return the answer with the claim."""
        return replace(answer, usage=Usage(self.prompt_tokens, self.completion_tokens))
