"""What each specialist contributed to an answer, for whoever asked for it inside the program."""

from guardian_cluster.request.coordinator import CommunicationCoordinator
from guardian_cluster.request.execution import Execution
from guardian_cluster.request.response import ExecutionMetadata, SpecialistResult
from guardian_cluster.request.synthesis import whole
from guardian_cluster.request.work import Work
from guardian_cluster.specialists.specialist import Chunk

QUALITY_ASSURANCE = "quality-assurance"
"""The name under which the validation of a joined answer takes part."""


def results_of(work: Work, answer: Chunk) -> tuple[SpecialistResult, ...]:
    """Return the result of the specialist that answered; of several, each one's and that of their validation."""
    if not isinstance(work, CommunicationCoordinator):
        return tuple(_result(lead, answer) for lead in work.leads)
    parts = tuple(_result(lead, _words_of(lead)) for lead in work.leads)
    return (*parts, _validation(work))


def _result(execution: Execution, answer: Chunk) -> SpecialistResult:
    candidate = execution.candidate
    return SpecialistResult(
        assignment_id=execution.assignment.id,
        result=answer,
        monitoring_report=execution.report,
        execution_metadata=ExecutionMetadata(
            specialist=candidate.specialist.name,
            endpoint=candidate.endpoint.id,
            variant=candidate.specialist.variants[0].id,
            attempts=len(execution.attempts),
            duration_ms=sum(attempt.duration_ms for attempt in execution.attempts),
            waited_ms=1e3 * execution.waited_s,
        ),
    )


def _words_of(execution: Execution) -> Chunk:
    usage = execution.usage
    counts = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}
    return whole(execution.words.text, execution.finish_reason or "stop", counts)


def _validation(work: CommunicationCoordinator) -> SpecialistResult:
    return SpecialistResult(
        assignment_id=f"{work.request_id}.{QUALITY_ASSURANCE}",
        result=work.validation.described(),
        monitoring_report=work.validation.report(),
        execution_metadata=ExecutionMetadata(
            specialist=QUALITY_ASSURANCE, endpoint="", variant="", attempts=1, duration_ms=0.0, waited_ms=0.0
        ),
    )
