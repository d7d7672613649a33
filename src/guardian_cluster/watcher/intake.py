"""Looks through a request before anybody else sees it: what its policy names is noted, replaced, marked or refused.

It comes first, so that routing, memory, records, judges and models see one and the same form of the request: the one
that leaves. What stands for a text is undone in nothing but the answer to the caller (restoration.py).
"""

import random
from collections.abc import Sequence
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import DetectorThreshold
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import GuardianError, InvalidRequest, RequestBlocked
from guardian_cluster.domain.request import (
    ChatRequest,
    ContentPart,
    EmbeddingsRequest,
    Message,
    UnreadMessage,
    UserRequest,
)
from guardian_cluster.domain.verdict import Action, MonitoringReport, Score, Verdict
from guardian_cluster.watcher.failing import RULES, log_failure
from guardian_cluster.watcher.intake_injection import KnownScores, Untrusted
from guardian_cluster.watcher.intake_invisible import all_seen, invisible_at
from guardian_cluster.watcher.intake_json import Rewrite, Rewriting, split_list
from guardian_cluster.watcher.intake_names import REQUEST_NAMES, told, told_of_request
from guardian_cluster.watcher.intake_rules import IntakeRules
from guardian_cluster.watcher.intake_search import replaced, search
from guardian_cluster.watcher.intake_structure import is_not_searched
from guardian_cluster.watcher.placeholders import Placeholders
from guardian_cluster.watcher.restoration import Restoration
from guardian_cluster.watcher.turns import Turns

_NOTED_AT_ONCE = 50

MAX_VERDICTS = 256
"""Of one request; what is found beyond is acted on all the same."""

FAILED = "intake_failed"
"""The code of the error that a caller gets where a defect keeps a request from being searched."""

DETECTOR = "injection"
INVISIBLE = "invisible-characters"
UNTRUSTED = frozenset({"tool", "function"})
"""The roles of messages that nobody whom a model should follow has written."""

_ALL_SPECIALISTS = ("", "*")
_OF_REQUEST = ("tools", "functions", "response_format")
"""Fields besides the messages that decisions are made on, and that may hold words."""

_SEARCHED = frozenset({"messages", "model"})
"""Fields that are searched before all others, and one that is not."""

_WORDS_BEGIN = frozenset({b'"', b"[", b"{"})
"""What the encoded values begin with that may hold words."""


def needs_intake(rules: IntakeRules, request: UserRequest) -> bool:
    """Return whether there is anything to look for in a request; it costs nothing where there is not."""
    if rules.searches:
        return True
    view = request.view
    if rules.policy.on_injection == "ignore" or not isinstance(view, ChatRequest):
        return False
    return any(message.role in UNTRUSTED for message in view.messages)


def injection_threshold(thresholds: Sequence[DetectorThreshold], tenant: str) -> float | None:
    """Return from which score on a document speaks to the model, as learned; `None` where nothing was.

    Nobody is chosen yet who will answer. So those of all specialists come first; without, the highest of the
    specialists' own: no more of anyone's sound documents are reported than was asked for.
    """
    own = [each for each in thresholds if each.detector == DETECTOR and each.tenant in (tenant, "")]
    own = [each for each in own if each.tenant] or own
    of_all = [each.value for each in own if each.specialist in _ALL_SPECIALISTS]
    return max(of_all or [each.value for each in own], default=None)


class Intake:
    """One request on its way in. What is known of it grows until `admit` ends."""

    def __init__(
        self,
        rules: IntakeRules,
        threshold: float | None,
        known: KnownScores,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Prepare for one request; `threshold` is the score from which on a document speaks to the model, if learned.

        `rng` draws what nobody may guess.
        """
        self._rules = rules
        self._clock = clock
        self._rng = rng
        self._turns = Turns(clock)
        self._placeholders = Placeholders(rules.rules.exact, rng)
        self._untrusted = Untrusted(rules.policy.on_injection, threshold, known, self._placeholders.nonce)
        self._verdicts: list[Verdict] = []
        self._noted = self._changed = 0
        self._failed = set[str]()
        self._place = ""
        self._refuses = True

    @property
    def report(self) -> MonitoringReport:
        """What was found."""
        score = self._untrusted.score
        scores = () if score is None else (Score(DETECTOR, score),)
        return MonitoringReport(verdicts=tuple(self._verdicts), scores=scores)

    def restoration(self, request: UserRequest) -> Restoration | None:
        """Return what undoes it in the answer to an admitted request; `None` where there is nothing to undo."""
        if not self._placeholders.originals or not isinstance(request.view, ChatRequest):
            return None
        wants_json = request.view.wanted_form is not None
        try:
            return Restoration(self._placeholders.originals, self._rules.leaving, wants_json=wants_json)
        except Exception as error:
            log_failure("restoration", error, "the answer keeps its placeholders")
            return None

    async def admit(self, request: UserRequest) -> UserRequest:
        """Return the request as it goes on.

        Raises:
            RequestBlocked: it holds what may not go to a model.
            InvalidRequest: it cannot be looked through.
            GuardianError: a detector failed without which, by the policy, no request goes on.
        """
        try:
            return await self._admitted(request)
        except GuardianError:
            raise
        except Exception as error:
            self._note_failure(RULES if self._rules.searches else DETECTOR, error)
            return request

    async def _admitted(self, request: UserRequest) -> UserRequest:
        self._turns = Turns(self._clock)
        if not isinstance(request.view, ChatRequest):
            self._placeholders = Placeholders(self._rules.rules.exact, self._rng, named_alike=True)
        body, view = dict(request.body), request.view
        if isinstance(view, ChatRequest):
            messages, seen = await self._messages(body["messages"], view)
            if self._changed:
                body["messages"] = messages
                view = msgspec.structs.replace(view, messages=seen)
        if self._rules.searches:
            view = await self._besides(body, view)
        return (
            msgspec.structs.replace(request, body=body, view=view)
            if self._rules.changes or self._changed
            else request
        )

    async def of_history(self, message: bytes | msgspec.Raw) -> msgspec.Raw:
        """Return a message that was kept of an earlier request, as it may be shown now.

        What would refuse a request is taken out of it: it was let in before there was such a rule, and no
        conversation shall end for it.
        """
        if not self._rules.changes:
            return msgspec.Raw(message)
        self._place, self._refuses = "history", False
        try:
            return msgspec.Raw(await Rewriting(self._text, self._turns).value(message))
        except GuardianError:
            raise
        except Exception as error:
            self._note_failure(RULES, error)
            return msgspec.Raw(message)

    async def _messages(self, sent: Any, view: ChatRequest) -> tuple[Any, list[Message]]:
        encoded = sent if isinstance(sent, msgspec.Raw) else msgspec.json.encode(sent)
        each = await split_list(encoded, self._turns)
        rewriting = Rewriting(self._text, self._turns)
        messages: list[bytes | msgspec.Raw] = []
        seen: list[Message] = []
        for number, (raw, message) in enumerate(zip(each, view.messages, strict=True)):
            self._place, before = f"messages[{number}]", self._changed
            went: bytes | msgspec.Raw = raw
            if self._rules.searches:
                rewritten = await rewriting.value(raw)
                went = rewritten if self._rules.changes else raw
            if message.role in UNTRUSTED and self._rules.policy.on_injection != "ignore":
                went = await self._weighed(went)
            messages.append(went)
            seen.append(message if self._changed == before else await self._seen(went, message))
            await self._turns.rest()
        self._changed += self._rules.changes  # what goes on was written anew
        joined = msgspec.Raw(b"[%b]" % b",".join(messages))
        return _as_sent(joined, sent), seen

    async def _seen(self, went: bytes | msgspec.Raw, message: Message) -> Message:
        """Return a changed message as decisions are made on it: of one that is not read, no more than was."""
        if not isinstance(message, UnreadMessage):
            return msgspec.json.decode(went, type=Message)
        content = message.content
        if isinstance(content, list):
            noted = len(self._verdicts)
            content = [
                ContentPart(part.type, part.text and await self._text(part.text, "text")) for part in content
            ]
            del self._verdicts[noted:]  # they are those of the message
        return UnreadMessage(role=message.role, content=content, size=message.size)

    async def _besides(self, body: dict[str, Any], view: ChatRequest | EmbeddingsRequest | None) -> Any:
        """Look through all other fields that may hold words; return the view of what goes on."""
        rewriting = Rewriting(self._text, self._turns, numbers=False)
        for sent_as, sent in tuple(body.items()):
            self._place, before = told_of_request(sent_as), self._changed
            name = await self._renamed(body, sent_as)
            encoded = sent if isinstance(sent, msgspec.Raw) else msgspec.json.encode(sent)
            if name not in body or name in _SEARCHED or bytes(memoryview(encoded)[:1]) not in _WORDS_BEGIN:
                continue
            rewritten = await rewriting.value(encoded)
            if self._rules.changes:
                body[name] = _as_sent(msgspec.Raw(rewritten), sent)
            if self._changed > before and name in _OF_REQUEST and isinstance(view, ChatRequest):
                empty = b'{"model":"","messages":[],"%b":%b}'
                read = msgspec.json.decode(empty % (name.encode(), rewritten), type=ChatRequest)
                view = msgspec.structs.replace(view, **{name: getattr(read, name)})
        return view

    async def _renamed(self, body: dict[str, Any], name: str) -> str:
        """Have a field go on under what stands for its name; return that.

        It does not go on where that is the name of another field, which decisions were made on.
        """
        if name in REQUEST_NAMES:
            return name
        goes_as = await self._text(name, "")
        if goes_as != name:
            sent = body.pop(name)
            if goes_as in body or goes_as in REQUEST_NAMES:
                return name
            body[goes_as] = sent
        return goes_as

    async def _text(self, text: str, name: str) -> str:
        """Return what goes on in a text's place."""
        if await is_not_searched(text, name, self._turns):
            return text
        return await (self._arguments(text) if name == "arguments" else self._words(text, name))

    async def _words(self, text: str, name: str) -> str:
        if self._rules.policy.on_invisible != "ignore":
            text = await self._by(INVISIBLE, self._all_seen, text, name)
        return await self._by(RULES, self._replaced, text, name) if self._rules.rules else text

    async def _by(self, detector: str, look: Rewrite, text: str, name: str) -> str:
        """Return what a detector has go on in a text's place: where it fails, the text, if the policy has it so."""
        try:
            return await look(text, name)
        except GuardianError:
            raise
        except Exception as error:
            self._note_failure(detector, error)
            return text

    async def _all_seen(self, text: str, name: str) -> str:
        wanted = self._rules.policy.on_invisible
        at = await invisible_at(text, self._turns)
        if at is None or wanted == "ignore":
            return text
        self._note(INVISIBLE, "hidden", "cut" if wanted == "block" else wanted, name, at)
        return text if wanted == "observe" else await all_seen(text, self._turns)

    async def _replaced(self, text: str, name: str) -> str:
        found = await search(self._rules.rules, text, self._turns)
        if not found:
            return text
        for number, span in enumerate(found, 1):
            self._note(span.rule.detector, span.rule.name, span.rule.action, name, span.start)
            if number % _NOTED_AT_ONCE == 0:
                await self._turns.rest()
        blocking = [span for span in found if span.rule.blocks]
        return await replaced(text, blocking, self._placeholders.of, self._turns) if blocking else text

    def _note(self, detector: str, rule: str, action: Action, name: str, position: int) -> None:
        """Keep a finding.

        Raises:
            RequestBlocked: it refuses the request.
        """
        self._noted += 1
        self._changed += action != "observe"
        if action == "cut" and not self._refuses:
            action = "redact"
        channel = f"{self._place}.{told(name)}" if name else self._place
        if len(self._verdicts) < MAX_VERDICTS or action == "cut":
            self._verdicts.append(
                Verdict(detector=detector, rule=rule, action=action, channel=channel, position=position)
            )
        if action == "cut":
            raise RequestBlocked(
                f"The request's `{self._place}` holds what may not go to a model here ({detector}: {rule}); "
                "take it out, and send the request again.",
                param=channel,
            )

    def _note_failure(self, detector: str, error: Exception) -> None:
        """Keep a detector's failure, once in a request.

        Raises:
            GuardianError: by the policy no request goes on without it.
        """
        is_closed = detector in self._rules.fail_closed
        if detector not in self._failed:
            self._failed.add(detector)
            ends = "is refused" if is_closed else "goes on without it"
            log_failure(f"detector {detector}", error, f"the request {ends}")
            action: Action = "cut" if is_closed else "observe"
            self._verdicts.append(
                Verdict(detector="failed", rule=detector, action=action, channel=self._place)
            )
        if is_closed:
            raise GuardianError(
                f"The request could not be searched for what may not go to a model here: `{detector}` failed at "
                f"`{self._place or 'messages'}`. Nothing was sent to a model; the log of the gateway says where it "
                "failed.",
                code=FAILED,
                should_retry=False,
            ) from None

    async def _arguments(self, text: str) -> str:
        """Return the arguments of a call, which stay the JSON that they are; those that are none are words."""
        noted = self._noted
        try:
            rewritten = (await Rewriting(self._text, self._turns).value(text.encode())).decode()
        except (InvalidRequest, UnicodeError):
            return await self._words(text, "arguments")
        if self._noted > noted:
            return rewritten
        # What is written but not read, as of a name that stands there twice, is left behind.
        return text if await self._words(text, "arguments") == text else rewritten

    async def _weighed(self, encoded: bytes | msgspec.Raw) -> bytes | msgspec.Raw:
        """Return a document or result of a tool, marked where it speaks to the model and the policy wants that."""
        try:
            went = await self._untrusted.message(encoded, self._turns)
        except GuardianError:
            raise
        except Exception as error:
            self._note_failure(DETECTOR, error)
            return encoded
        if self._untrusted.speaks:
            wanted = self._rules.policy.on_injection
            rule = "marked" if wanted == "mark" else "document"
            self._note(DETECTOR, rule, "cut" if wanted == "block" else "observe", "content", 0)
            self._changed += wanted == "mark"
        return went


def _as_sent(encoded: msgspec.Raw, sent: Any) -> Any:
    """Return a value encoded, or decoded, as what was sent is."""
    return encoded if isinstance(sent, msgspec.Raw) else msgspec.json.decode(encoded)
