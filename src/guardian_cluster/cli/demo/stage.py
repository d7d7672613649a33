"""The stage: what a scene may do, and how all of it is told and checked."""

import http.client
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from guardian_cluster.cli.demo.client import Client, Reply
from guardian_cluster.cli.demo.events import (
    Answered,
    Asked,
    Checked,
    Done,
    Event,
    Flowed,
    Found,
    Log,
    Reasoned,
    Recorded,
    Said,
)
from guardian_cluster.cli.demo.models import Models
from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.domain.clock import Clock


class SceneFailedError(Exception):
    """A scene cannot go on; the message says why."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A request to be sent."""

    text: str
    model: str = "auto"
    streamed: bool = False
    session: str | None = None
    system: str | None = None
    as_json: bool = False
    """Whether the answer has to be a JSON object."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """What is sent."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": self.text}]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, and what was recorded of it."""

    reply: Reply
    facts: dict[str, Any]
    record: RequestRecord


class Narrator:
    """Tells events with the time since the demo began."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._began = clock.monotonic()

    @property
    def passed_s(self) -> float:
        """Seconds since the beginning."""
        return self._clock.monotonic() - self._began

    @property
    def now(self) -> float:
        """Unix time."""
        return self._clock.now()

    def tell(self, event: Event) -> None:
        """Tell one thing. Raises BrokenPipeError where nobody reads any more."""
        self._log.tell(msgspec.structs.replace(event, at_s=round(self.passed_s, 3)))


class Stage:
    """What one scene may do."""

    def __init__(
        self, scene: str, client: Client, models: Models, narrator: Narrator, folder: Path = Path()
    ) -> None:
        self.models = models
        self.folder = folder
        """Where the demo is installed."""
        self.holds = True
        """Whether everything expected so far has happened."""
        self.requests: list[str] = []
        """The ids of those that were answered."""
        self._scene = scene
        self._heard = dict[str, int]()
        self._client = client
        self._narrator = narrator

    async def ask(self, question: Question) -> Outcome:
        """Ask, and tell what came of it. Raises SceneFailedError where nothing can have come of it."""
        self.announce(question)
        outcome = await self.fetch(question)
        self.show(outcome)
        return outcome

    @property
    def passed_s(self) -> float:
        """Seconds since the demo began."""
        return self._narrator.passed_s

    @property
    def now(self) -> float:
        """Unix time, by the clock that the records are of."""
        return self._narrator.now

    async def pass_by(self, question: Question) -> Reply:
        """Ask, as one of many whom nobody listens to, and tell nothing. Raises SceneFailedError."""
        try:
            reply = await self._asked(question)
        except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
            raise SceneFailedError(f"the gateway could not be asked: {error!r}") from error
        self.requests.append(reply.id)
        return reply

    async def _asked(self, question: Question) -> Reply:
        return await self._client.ask(
            question.messages,
            model=question.model,
            streamed=question.streamed,
            session=question.session,
            as_json=question.as_json,
        )

    def flowed(self, model: str, requests: Sequence[str]) -> None:
        """Tell which requests passed by."""
        self._narrator.tell(Flowed(scene=self._scene, model=model, requests=tuple(requests)))

    async def record(self, id: str) -> RequestRecord:
        """Return the record of a request. Raises SceneFailedError where there is none."""
        try:
            facts = await self._client.record(id)
            if not facts:
                raise SceneFailedError(f"nothing is recorded of request {id or '(none)'}")
            return msgspec.convert(facts, RequestRecord)
        except (OSError, http.client.HTTPException, ValueError, msgspec.MsgspecError) as error:
            raise SceneFailedError(f"the gateway could not be asked: {error!r}") from error

    def announce(self, question: Question) -> None:
        """Tell what is asked, and listen from here on to what models say to it."""
        self._heard = {name: len(voice.said) for name, voice in self.models.voices.items()}
        self._narrator.tell(
            Asked(
                scene=self._scene,
                model=question.model,
                streamed=question.streamed,
                session=question.session,
                question=question.text,
            )
        )

    async def fetch(self, question: Question) -> Outcome:
        """Ask and read back the record, and tell nothing. Raises SceneFailedError where there is no record."""
        try:
            reply = await self._asked(question)
            self.requests.append(reply.id)
            facts = await self._client.record(reply.id)
            if not facts:
                raise SceneFailedError(f"nothing is recorded of request {reply.id or '(none)'}")
            return Outcome(reply=reply, facts=facts, record=msgspec.convert(facts, RequestRecord))
        except (OSError, http.client.HTTPException, ValueError, LookupError, msgspec.MsgspecError) as error:
            raise SceneFailedError(f"the gateway could not be asked: {error!r}") from error

    def show(self, outcome: Outcome, *, reason: bool = True) -> None:
        """Tell what came back, why from there, and what was recorded."""
        reply, scene = outcome.reply, self._scene
        if reason and reply.reason:
            self._narrator.tell(Reasoned(scene=scene, request=reply.id, reason=reply.reason))
        self._narrator.tell(
            Answered(
                scene=scene,
                request=reply.id,
                status=reply.status,
                specialist=reply.specialist,
                text=reply.error or reply.text,
                finish_reason=reply.finish_reason,
                complete=reply.complete,
            )
        )
        self._narrator.tell(Recorded(scene=scene, request=reply.id, record=outcome.facts))

    def said(self, model: str) -> str:
        """Tell what a model said to what was asked last, and return it; empty where it was not asked."""
        text = "\n".join(self.models.voices[model].said[self._heard.get(model, 0) :])
        self._narrator.tell(Said(scene=self._scene, model=model, text=text))
        return text

    def do(self, what: str) -> None:
        """Tell what is done to the world."""
        self._narrator.tell(Done(scene=self._scene, what=what))

    def find(self, label: str, text: str) -> None:
        """Tell something that a record says."""
        self._narrator.tell(Found(scene=self._scene, label=label, text=text))

    def check(self, claim: str, held: bool, found: str) -> None:
        """Tell whether what was claimed has happened; `found` is what did, by the records."""
        self.holds = self.holds and held
        self._narrator.tell(Checked(scene=self._scene, claim=claim, held=held, found=found))
