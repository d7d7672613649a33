"""A store of conversations that keeps whatever it is given."""

from collections import defaultdict
from collections.abc import Sequence

from guardian_cluster.request.conversation import MAX_READ, Said, StoredMessage


class KeptConversations:
    """A `ConversationStore` of lists; what it is given is not looked at."""

    def __init__(self) -> None:
        self._kept: defaultdict[tuple[str, str], list[StoredMessage]] = defaultdict(list)

    async def read(self, tenant: str, conversation: str, budget_tokens: int) -> Sequence[StoredMessage]:
        newest: list[StoredMessage] = []
        for each in reversed(self._kept[tenant, conversation][-MAX_READ:]):
            budget_tokens -= each.tokens
            if budget_tokens < 0:
                break
            newest.insert(0, each)
        return newest

    async def search(self, tenant: str, conversation: str, text: str, limit: int) -> Sequence[StoredMessage]:
        kept = self._kept[tenant, conversation]
        words = [word for word in text.lower().strip("?").split() if len(word) > 4]
        starts = [place for place, each in enumerate(kept) if each.role == "user"]
        turns = [kept[a:b] for a, b in zip(starts, [*starts[1:], len(kept)], strict=True)]
        found = [turn for turn in turns if any(word in str(turn[0].message).lower() for word in words)]
        return [each for turn in found[: max(0, limit)] for each in turn]

    async def append(
        self, tenant: str, conversation: str, messages: Sequence[Said], *, user: str | None = None
    ) -> None:
        kept = self._kept[tenant, conversation]
        for said in messages:
            kept.append(StoredMessage(said.role, said.message, said.tokens, number=len(kept) + 1, at=0.0))
