"""Work: a request being carried out, by one specialist after another or by several at once, as its caller sees it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from guardian_cluster.contract.records import AssessmentRecord, AttemptRecord, PartRecord
from guardian_cluster.domain.verdict import MonitoringReport, Score, Verdict
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.floor import Emit
from guardian_cluster.request.usage import Spent
from guardian_cluster.specialists.specialist import Chunk


class Work(ABC):
    """What is known of it grows until `run` ends."""

    asked_with: MonitoringReport = MonitoringReport()
    """What was found in the request itself: its verdicts and scores are recorded with those of the answer."""

    @abstractmethod
    async def run(self, emit: Emit) -> None:
        """Hand what may leave to `emit`, until the answer is complete.

        Raises:
            GuardianError: it cannot be answered, or not to the end.
        """

    @property
    @abstractmethod
    def executions(self) -> Sequence[Execution]:
        """Every specialist's execution, in the order in which they began."""

    @property
    @abstractmethod
    def leads(self) -> Sequence[Execution]:
        """The executions whose words are, or will be, the answer: one, or one for each part."""

    @property
    @abstractmethod
    def committed(self) -> bool:
        """Whether content has left."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether the answer is judged: it came to its end, or is withheld."""

    @property
    @abstractmethod
    def waited_s(self) -> float:
        """The time that was spent on models, pauses between attempts included."""

    @property
    @abstractmethod
    def assessments(self) -> Sequence[AssessmentRecord]:
        """What was found of every answer that was checked."""

    @property
    @abstractmethod
    def quality(self) -> float | None:
        """The share of the answer's checks that held: 0 to 1."""

    @property
    @abstractmethod
    def intent_alignment(self) -> float | None:
        """How far the answer is what was asked for: 0 to 1."""

    @property
    @abstractmethod
    def finish_reason(self) -> str | None:
        """Why the answer ended."""

    @property
    def parts(self) -> Sequence[PartRecord]:
        """What became of a request's parts; none where it was left whole."""
        return ()

    @property
    def tripped(self) -> bool:
        """Whether a watcher cut the answer."""
        return any(lead.report.tripped for lead in self.leads)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What was found in the request, and what the watchers of all executions found."""
        executions, asked_with = self.executions, self.asked_with.verdicts
        if len(executions) == 1:
            return asked_with + executions[0].verdicts
        return asked_with + tuple(verdict for execution in executions for verdict in execution.verdicts)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Of each detector the highest score, of the answer that left and of what was asked."""
        found = [*self.asked_with.scores, *[score for lead in self.leads for score in lead.report.scores]]
        if len(found) < 2:
            return tuple(found)
        highest = {score.detector: score for score in sorted(found, key=_by_value)}
        return tuple(highest.values())

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Every try at every endpoint."""
        executions = self.executions
        if len(executions) == 1:
            return tuple(executions[0].attempts)
        return tuple(attempt for execution in executions for attempt in execution.attempts)

    @property
    def spent(self) -> Spent:
        """What all attempts of all executions took."""
        executions = self.executions
        if len(executions) == 1:
            return executions[0].spent
        spent = Spent()
        for execution in executions:
            spent.join(execution.spent)
        return spent

    @property
    def closing(self) -> Chunk | None:
        """The chunk with the token counts as the one model that answered sent it."""
        return self.leads[0].usage.closing if len(self.leads) == 1 else None

    def token_counts(self) -> dict[str, int]:
        """Return the tokens of the answer, in OpenAI's shape."""
        tokens_in = sum(lead.usage.input_tokens for lead in self.leads)
        tokens_out = sum(lead.usage.output_tokens for lead in self.leads)
        return {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        }


def least(scores: Iterable[float | None]) -> float | None:
    """Return the lowest of those scores that there are."""
    return min([score for score in scores if score is not None], default=None)


def _by_value(score: Score) -> float:
    return score.value
