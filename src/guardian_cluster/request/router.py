"""The Request Router decides which specialist a request is for, and which others could serve it."""

import difflib
from collections.abc import Callable, Container

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.errors import GuardianError, InvalidRequest, NoSpecialist, NotAllowed, NotFound
from guardian_cluster.domain.request import ChatRequest, EmbeddingsRequest, UserRequest
from guardian_cluster.specialists.specialist import Task

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English text; used only where no model has counted."""


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks of whoever answers it."""

    embeddings: bool = False
    tools: bool = False
    vision: bool = False
    json: bool = False
    choices: int = 1
    logprobs: bool = False
    input_tokens: int = 0
    """Estimated from the length of the text."""


class RoutingAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a request before anyone is asked."""

    request: UserRequest
    requested: str
    """The specialist's name behind the alias asked for, or `auto`."""
    needs: Needs


class SpecialistAssignment(msgspec.Struct, frozen=True, kw_only=True):
    """One specialist's part in answering a request."""

    id: str
    specialist_id: str
    task: Task
    alternatives: tuple[contract.Specialist, ...] = ()
    """Specialists that may do it instead, in order."""
    propensity: float = 1.0
    """The probability with which this specialist was chosen."""
    reason: str


class RequestRouter:
    """Chooses by rule: what was asked for by name, else whoever is able, cheapest first.

    `solvable` tells whether the built-in solver understands a question entirely; it is then right, and free.
    """

    def __init__(self, base: contract.Base, drained: Container[str], solvable: Callable[[str], bool]) -> None:
        self._specialists = {specialist.name: specialist for specialist in base.specialists}
        self._aliases = base.aliases
        self._models = {key.id: frozenset(key.models) for key in base.keys}
        self._drained = drained
        self._solvable = solvable

    def names(self, key: str | None) -> list[str]:
        """Return every name a key may ask for; who answers in its place is the operator's choice, not the key's."""
        allowed = self._models.get(key or "") or frozenset()
        every = ["auto", *self._specialists, *self._aliases]
        return [name for name in every if not allowed or name in allowed]

    def reachable(self, model: str) -> list[contract.Specialist]:
        """Return who may answer for a name; for `auto`, and for a name that is not known, that is everyone."""
        named = self._specialists.get(self._aliases.get(model, model))
        if named is None:
            return list(self._specialists.values())
        return [named, *(self._specialists[name] for name in named.fallback)]

    async def analyze_request(self, user_request: UserRequest) -> RoutingAnalysis:
        """Find out what the request needs, and whom it asks for.

        Raises:
            NotFound: there is no specialist or alias of that name.
            NotAllowed: the key may not ask for it.
        """
        name = user_request.model
        if name not in self._specialists and name not in self._aliases and name != "auto":
            raise self._unknown(name, user_request.key)
        allowed = self._models.get(user_request.key or "") or frozenset()
        if allowed and name not in allowed:
            raise NotAllowed(
                f"This key may not use `{name}`; it may use: {', '.join(sorted(allowed))}.", param="model"
            )
        return RoutingAnalysis(
            request=user_request, requested=self._aliases.get(name, name), needs=needs_of(user_request)
        )

    async def assign_specialists(self, routing_analysis: RoutingAnalysis) -> list[SpecialistAssignment]:
        """Choose who answers. A request is one part until it is decomposed.

        Raises:
            NoSpecialist: nobody who is configured can serve the request; the message says what is missing.
            InvalidRequest: the one asked for cannot, by its own nature.
        """
        if routing_analysis.requested == "auto":
            chosen, reason = self._automatic(routing_analysis)
        else:
            chosen, reason = self._named(routing_analysis), "asked for by name"
        first, request = chosen[0], routing_analysis.request
        return [
            SpecialistAssignment(
                id=f"{request.id}.1",
                specialist_id=first.name,
                task=Task(request=request, specialist=first, variant=first.variants[0]),
                alternatives=tuple(chosen[1:]),
                reason=reason,
            )
        ]

    def _named(self, analysis: RoutingAnalysis) -> list[contract.Specialist]:
        named = self._specialists[analysis.requested]
        if (problem := shortcoming(named, analysis.needs)) is not None:
            raise problem
        backups = [self._specialists[name] for name in named.fallback]
        able = [named, *(backup for backup in backups if shortcoming(backup, analysis.needs) is None)]
        awake = [specialist for specialist in able if specialist.name not in self._drained]
        if not awake:
            raise NoSpecialist(
                f"`{named.name}` is drained for now, and so is whoever could answer in its place."
            )
        return awake

    def _automatic(self, analysis: RoutingAnalysis) -> tuple[list[contract.Specialist], str]:
        permitted = self._specialists.values()
        models = [s for s in permitted if s.kind != "solver" and shortcoming(s, analysis.needs) is None]
        able = sorted(
            (s for s in models if s.name not in self._drained), key=lambda s: (s.tier, s.price.output_usd)
        )
        solvers = [s for s in permitted if s.kind == "solver" and s.name not in self._drained]
        if solvers and not (able and is_instructed(analysis.request)) and self._can_solve(analysis):
            return [*solvers, *able], _why_solver(analysis.request)
        if not able:
            raise nobody(
                analysis.needs,
                has_models=any(s.kind != "solver" for s in permitted),
                has_solver=bool(solvers),
            )
        return able, "the cheapest that is able"

    def _can_solve(self, analysis: RoutingAnalysis) -> bool:
        view, needs = analysis.request.view, analysis.needs
        if not isinstance(view, ChatRequest) or needs.tools or needs.vision or needs.json:
            return False
        return solver_lacks(needs) is None and self._solvable(question_of(view))

    def _unknown(self, name: str, key: str | None) -> NotFound:
        names = self.names(key)
        near = difflib.get_close_matches(name[:200], names, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(names[:20])}."
        return NotFound(
            f"The model `{name[:200]}` does not exist; {hint}", code="model_not_found", param="model"
        )


def needs_of(request: UserRequest) -> Needs:
    """Read off a request what it asks of whoever answers."""
    view = request.view
    if isinstance(view, EmbeddingsRequest):
        return Needs(embeddings=True, input_tokens=embedded_tokens(view, request.body.get("input")))
    if view is None:
        return Needs()
    characters = 0
    vision = False
    for message in view.messages:
        characters += message.unread_bytes()
        if isinstance(message.content, str):
            characters += len(message.content)
        elif message.content:
            characters += len(message.text())
            vision = vision or any(
                part.type in ("image_url", "input_image", "image") for part in message.content
            )
    return Needs(
        tools=bool(view.tools or view.functions),
        vision=vision,
        json=view.response_format is not None and view.response_format.type != "text",
        choices=int(view.n or 1),
        logprobs=bool(view.logprobs),
        input_tokens=-(-characters // CHARACTERS_PER_TOKEN),
    )


def embedded_tokens(view: EmbeddingsRequest, sent: object) -> int:
    """Estimate the tokens of what is to be embedded: texts by their length, token numbers one for each.

    Where it is still encoded as it was `sent`, its size alone counts: a quarter of a million numbers would take
    longer to look at than all the rest of a request. That is half as much again for token numbers.
    """
    if isinstance(sent, msgspec.Raw):
        return -(-memoryview(sent).nbytes // CHARACTERS_PER_TOKEN)
    inputs = [view.input] if isinstance(view.input, str) else view.input
    characters = sum(len(each) for each in inputs if isinstance(each, str))
    numbers = sum(len(each) if isinstance(each, list) else 1 for each in inputs if not isinstance(each, str))
    return numbers - (-characters // CHARACTERS_PER_TOKEN)


def question_of(view: ChatRequest) -> str:
    """Return the last thing the user said, where it stands alone: a conversation may give its words another meaning."""
    spoken = [message for message in view.messages if message.role not in ("system", "developer")]
    return spoken[0].text() if len(spoken) == 1 and spoken[0].role == "user" else ""


def is_instructed(request: UserRequest) -> bool:
    """Return whether a request says how to answer, which the solver does not read."""
    view = request.view
    return isinstance(view, ChatRequest) and any(
        message.role in ("system", "developer") for message in view.messages
    )


def _why_solver(request: UserRequest) -> str:
    reason = "the solver understands it entirely, and is exact"
    if is_instructed(request):
        return f"{reason}; it reads no instructions, and nobody else is able"
    return reason


def solver_lacks(needs: Needs) -> str | None:
    """Return what a request wants of the solver that no capability names, and only models have."""
    if needs.choices > 1:
        return "several choices (`n`)"
    return "log probabilities" if needs.logprobs else None


def shortcoming(specialist: contract.Specialist, needs: Needs) -> GuardianError | None:
    """Return why a specialist cannot serve a request, or `None` when it can."""
    able = specialist.capabilities
    for needed, has, what in (
        (needs.embeddings, able.embeddings, "embeddings"),
        (needs.tools, able.tools, "tools"),
        (needs.vision, able.vision, "images"),
        (needs.json, able.json, "JSON answers"),
    ):
        if needed and not has:
            return InvalidRequest(
                f"`{specialist.name}` does not support {what}.", code="unsupported_capability"
            )
    if specialist.kind == "solver" and (lack := solver_lacks(needs)) is not None:
        return InvalidRequest(f"`{specialist.name}` does not support {lack}.", code="unsupported_capability")
    limit = specialist.context_length
    if needs.embeddings:
        return None  # each of its inputs has the whole window, and which of them is too long the model says
    if limit is not None and needs.input_tokens > limit:
        text = f"`{specialist.name}` takes {limit} tokens and the messages hold about {needs.input_tokens}; send fewer."
        return InvalidRequest(text, code="context_length_exceeded", param="messages")
    return None


def nobody(needs: Needs, *, has_models: bool, has_solver: bool) -> NoSpecialist:
    """Say what is missing for the request to be served, and the next command."""
    if has_models:
        wanted = [name for name in ("embeddings", "tools", "vision", "json") if getattr(needs, name)]
        lack = f"supports {', '.join(wanted)}" if wanted else f"takes about {needs.input_tokens} tokens"
        return NoSpecialist(
            f"No specialist that is configured and awake {lack}. See what there is with: guardian config show",
            code="no_able_specialist",
            should_retry=False,
        )
    there = (
        "Only the built-in solver is here, and it answers exact mathematics alone"
        if has_solver
        else "None is configured"
    )
    return NoSpecialist(
        f"No specialist can answer this. {there}. Add a model to guardian.toml, for example:\n"
        f'[specialist.local]\nurl = "http://127.0.0.1:11434/v1"\n{_fitting_model(needs)}'
        "Then run: guardian serve --config guardian.toml",
        code="no_model_configured",
        should_retry=False,
    )


def _fitting_model(needs: Needs) -> str:
    """Return the lines of a specialist's model that can serve such a request, and say what no default says."""
    if needs.embeddings:
        return 'model = "nomic-embed-text"\nembeddings = true\n'
    return 'model = "qwen3-vl:8b"\nvision = true\n' if needs.vision else 'model = "qwen3:8b"\n'
