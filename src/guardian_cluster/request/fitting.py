"""Fits a request and its history to the windows of those who may answer."""

from collections.abc import Sequence

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.measuring import Piece
from guardian_cluster.request.packing import Conversation
from guardian_cluster.request.window import MAX_HISTORY_TOKENS, room_in, tokens_besides
from guardian_cluster.specialists.specialist import Context


class Prepared:
    """A request and its history, ready to be packed for one specialist or another."""

    def __init__(
        self,
        request: UserRequest,
        sent: Sequence[Piece],
        history: Sequence[Piece],
        recalled: Sequence[Piece],
        context: Context,
    ) -> None:
        leading = next((n for n, piece in enumerate(sent) if not piece.is_instruction), len(sent))
        self._request = request
        self._context = context
        self._conversation = Conversation(sent[:leading], history, recalled, sent[leading:])
        self._besides_tokens = tokens_besides(request)
        self._packs: dict[int, Context] = {}

    def for_all(self, assignments: Sequence[SpecialistAssignment]) -> Context:
        """Pack for the smallest window of those who may answer.

        Raises:
            InvalidRequest: what must be shown does not fit the window of one that was chosen.
        """
        chosen = [assignment.task.specialist for assignment in assignments]
        rooms = [self._room(specialist) for specialist in chosen]
        for specialist in (each for assignment in assignments for each in assignment.alternatives):
            try:
                rooms.append(self._room(specialist))
            except InvalidRequest:
                continue  # it is not able: should it be asked after all, its endpoint says the same
        return self._packed(min(rooms))

    def for_specialist(self, specialist: contract.Specialist) -> Context:
        """Pack for one specialist's window.

        Raises:
            InvalidRequest: what must be shown does not fit it.
        """
        return self._packed(self._room(specialist))

    def _room(self, specialist: contract.Specialist) -> int:
        required = self._conversation.required_tokens
        if specialist.kind != "http":
            return required + MAX_HISTORY_TOKENS  # a built-in has no window
        return room_in(
            specialist, self._request, besides_tokens=self._besides_tokens, required_tokens=required
        )

    def _packed(self, budget_tokens: int) -> Context:
        found = self._packs.get(budget_tokens)
        if found is None:
            found = self._packs[budget_tokens] = self._pack(budget_tokens)
        return found

    def _pack(self, budget_tokens: int) -> Context:
        packed = self._conversation.within(budget_tokens)
        return msgspec.structs.replace(
            self._context,
            messages=packed.messages,
            history=packed.history,
            left_out=packed.left_out.count,
            left_out_tokens=packed.left_out.tokens,
            fitted=self.for_specialist,
        )
