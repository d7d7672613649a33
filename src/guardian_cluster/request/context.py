"""The Context Maintainer prepares what a specialist answers from."""

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.router import SpecialistAssignment
from guardian_cluster.specialists.specialist import Context


class ContextMaintainer:
    """Gives specialists the messages as the caller sent them: clients of OpenAI's interface carry their own history."""

    async def prepare_context(
        self, user_request: UserRequest, specialist_assignments: list[SpecialistAssignment]
    ) -> Context:
        """Return the context that all assignments share."""
        return Context(messages=user_request.body.get("messages"))
