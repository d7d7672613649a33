"""Decides how one attempt goes on with the words of another that broke off: what it is asked, what of it leaves.

The watcher of the new attempt is first shown what has left, so that it knows as much as the one before knew: a
secret cannot slip through the joint. What was held back when the answer broke off never left, and is said anew.
"""

import msgspec

from guardian_cluster.domain.clock import Clock
from guardian_cluster.request.continuation.asking import Manner, continued, fields_of
from guardian_cluster.request.continuation.continuable import REASONING
from guardian_cluster.request.continuation.failing import unclear
from guardian_cluster.request.continuation.splice import Splice
from guardian_cluster.specialists.specialist import Chunk, Context, Task
from guardian_cluster.watcher.sliced_watch import SlicedWatch

_PLAIN = frozenset({"role", "content", *REASONING})
"""Fields of a delta that may come in any stream of words; what its model thought about it is nobody's answer."""


MOST_AT_ONCE = 4_096
"""Characters of a piece in which the joint is still to be found: that takes some 4 ms, and nobody else runs meanwhile.
Models send a few at a time."""

_OPEN = frozenset(",;:-–—(/&+=<")
"""Signs after which a text goes on."""


class Resumption:
    """The joint between what was said and what one other endpoint says."""

    def __init__(self, said: str, manner: Manner) -> None:
        self.said = said
        """The words that have left."""
        self._manner: Manner = manner
        self._splice = Splice(said, manner)
        self._repeated = ""
        self.has_heard = False
        """Whether any words came, be they repetitions."""

    def check_end(self) -> None:
        """Refuse an end without a new word where what was said is none: sentences, lists and quotations end otherwise.

        Who repeats the last words, as they were asked to, and ends there says that the answer ends with them: a
        title, or an item of a list, has no mark.

        Raises:
            AttemptFailed: it is none.
        """
        said = self.said.rstrip()
        is_word = said[-1:].isalnum() and not self._splice.is_at_end
        if not said or is_word or said[-1] in _OPEN:
            raise unclear("nothing new was said, and what was said before is no end")

    def context(self, shown: Context) -> Context:
        """Return what the specialist answers from: with the words that were said, and the wish to go on."""
        return msgspec.structs.replace(shown, messages=continued(shown.messages, self.said, self._manner))

    def task(self, task: Task) -> Task:
        """Return the task with what else must differ in its request."""
        return msgspec.structs.replace(task, fields=fields_of(task.request, self.said, self._manner))

    async def prime(self, watch: SlicedWatch, clock: Clock) -> list[Chunk]:
        """Show the watch what was said, of which nothing leaves again, and return it.

        Raises:
            AttemptFailed: the watch would not have let it out.
        """
        released = await watch.feed_in_turns([_words(self.said)], clock)
        out = "".join([_content(choice) for chunk in released for choice in chunk["choices"]])
        if watch.retry_wanted or watch.done or not self.said.startswith(out):
            raise unclear("what was said before does not pass the watcher again")
        self._repeated = self.said[len(out) :]
        return [_words(self.said)]

    def new_of(self, batch: list[Chunk]) -> list[Chunk]:
        """Return what of the model's words is new, before the watcher sees it.

        Raises:
            AttemptFailed: it cannot be told, or what comes are no words.
        """
        return [chunk for chunk in batch if self._new(chunk)]

    def unsaid_of(self, released: list[Chunk]) -> list[Chunk]:
        """Return what of the words that leave the watcher has not left before: it holds the end of what it was shown.

        Raises:
            AttemptFailed: the watcher changed its mind about words that have left.
        """
        if self._repeated:
            for chunk in released:
                for choice in chunk.get("choices") or ():
                    self._leave_out(choice)
        return [chunk for chunk in released if not _is_bare(chunk)]

    def _new(self, chunk: Chunk) -> bool:
        """Keep of a chunk what is new; return whether there is anything."""
        kept = not chunk.get("choices")
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) != 0:
                raise unclear("another choice began")
            delta: Chunk = choice.get("delta") or {}
            content = delta.get("content") or ""
            if not isinstance(content, str) or any(delta[name] for name in delta.keys() - _PLAIN):
                raise unclear("what came are not only words")
            if len(content) > MOST_AT_ONCE and not self._splice.is_decided:
                raise unclear("more came at once than can be looked through at once")
            self.has_heard |= bool(content)
            text = self._splice.take(content)
            if choice.get("finish_reason"):
                text += self._splice.finish()
            choice["delta"] = {"content": text}
            kept |= bool(text or choice.get("finish_reason") or chunk.get("usage"))
        return kept

    def _leave_out(self, choice: Chunk) -> None:
        text = _content(choice)
        common = min(len(text), len(self._repeated))
        if text[:common] != self._repeated[:common]:
            raise unclear("the watcher found something across the joint")
        if common:
            choice["delta"]["content"] = text[common:]
            self._repeated = self._repeated[common:]


def _words(text: str) -> Chunk:
    return {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]}


def _content(choice: Chunk) -> str:
    delta: Chunk = choice.get("delta") or {}
    return delta.get("content") or ""


def _is_bare(chunk: Chunk) -> bool:
    """Return whether a chunk of choices has neither words nor an end."""
    choices = chunk.get("choices")
    if not choices or chunk.get("usage"):
        return False
    return not any(_content(each) or each.get("finish_reason") for each in choices)
