"""The Request Router decides which specialists a request is for, and which others could serve it."""

import difflib
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.errors import GuardianError, NotAllowed, NotFound
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.assignment import RoutingAnalysis, SpecialistAssignment
from guardian_cluster.request.candidates import Candidates, most_tokens
from guardian_cluster.request.choice import SHIFTS, Option, Policy, choose
from guardian_cluster.request.decomposition import Part, decompose
from guardian_cluster.request.eligibility import builtin_lacks
from guardian_cluster.request.expectation import BUILTIN_SUCCESS
from guardian_cluster.request.needs import is_instructed, needs_of, question_of
from guardian_cluster.request.parts import is_divisible, request_for
from guardian_cluster.request.requirements import Profile, profile_of
from guardian_cluster.request.routing_record import record_of_choice, record_without_choice
from guardian_cluster.request.scoring import Scorer
from guardian_cluster.request.steering.steering import Steering
from guardian_cluster.request.steering.way import Way
from guardian_cluster.specialists.specialist import Task

POLICIES = tuple(SHIFTS)
"""The names that leave the choice to the router; the first is weighed as the operator says, the others shift it."""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What the built-in specialists can do, which depends on the question and on what there is."""

    is_solvable: Callable[[str], bool]
    """Whether the solver understands a question entirely; it is then right, and free."""
    has_documents: Callable[[str], Awaitable[bool]]
    """Whether a tenant has documents to recall from, as far as is known."""


class RequestRouter:
    """Chooses by rule first: what was asked for by name, who may, who is able; then by quality at cost."""

    def __init__(
        self,
        base: contract.Base,
        steering: Steering,
        abilities: Abilities,
        scorer: Scorer,
        price: Callable[[str], float],
        rng: random.Random,
    ) -> None:
        """Prepare the routing of one snapshot; `price` returns what a tenant's dollar weighs more than one."""
        self._specialists = {specialist.name: specialist for specialist in base.specialists}
        self._aliases = base.aliases
        self._models = {key.id: frozenset(key.models) for key in base.keys}
        self._candidates = Candidates(base, self._specialists, scorer)
        self._steering = steering
        self._policy = base.routing
        self._abilities = abilities
        self._scorer = scorer
        self._price = price
        self._rng = rng

    def names(self, key: str | None) -> list[str]:
        """Return every name a key may ask for; who answers in its place is the operator's choice, not the key's."""
        allowed = self._models.get(key or "") or frozenset()
        every = [*POLICIES, *self._specialists, *self._aliases]
        return [name for name in every if _may_ask(name, allowed)]

    def reachable(self, request: UserRequest) -> list[contract.Specialist]:
        """Return who may answer a request; of `auto`, and of a name that is not known, all whom its tenant may ask."""
        named = self._specialists.get(self._aliases.get(request.model, request.model))
        if named is not None:
            return [named, *(self._specialists[name] for name in named.fallback)]
        return self._candidates.permitted(request)

    def chooses(self, model: str) -> bool:
        """Return whether a name leaves the choice to the router."""
        return self._aliases.get(model, model) in POLICIES

    def ceiling_usd(self, request: UserRequest) -> float | None:
        """Return what a request may cost, over all attempts; `None` is no limit."""
        return self._candidates.ceiling_usd(request)

    def way(self, request: UserRequest) -> Way | None:
        """Return what the moves in force make of a request; `None` where there are none."""
        return self._steering.way(request)

    async def analyze_request(self, user_request: UserRequest, way: Way | None = None) -> RoutingAnalysis:
        """Find out what the request needs, whom it asks for, and whether it has parts for several.

        `way` is what moves make of it, from whoever records that; without it the router finds out for itself.

        Raises:
            NotFound: there is no specialist or alias of that name.
            NotAllowed: the key may not ask for it.
        """
        requested = self._requested(user_request)
        ceiling_usd = self.ceiling_usd(user_request)
        if ceiling_usd != user_request.max_cost_usd:
            user_request = msgspec.structs.replace(user_request, max_cost_usd=ceiling_usd)
        needs, view = needs_of(user_request), user_request.view
        way = way or self.way(user_request)
        if requested not in POLICIES or not isinstance(view, ChatRequest):
            return RoutingAnalysis(request=user_request, requested=requested, needs=needs, way=way)
        question = question_of(view)
        return RoutingAnalysis(
            request=user_request,
            requested=requested,
            needs=needs,
            question=question,
            profile=profile_of(view.messages, has_tools=needs.tools, wants_json=needs.json),
            parts=self._parts(user_request, question),
            way=way,
        )

    async def assign_specialists(self, routing_analysis: RoutingAnalysis) -> list[SpecialistAssignment]:
        """Choose who answers: one specialist for the request, or one for each of its parts.

        A request is given to several only where that is more than one specialist in the end.

        Raises:
            NoSpecialist: nobody who is configured can serve the request; the message says what is missing.
            InvalidRequest: the one asked for cannot, by its own nature, or would cost too much.
            NotAllowed: the tenant's requests may not be given to the one asked for.
        """
        if routing_analysis.parts and (assignments := await self._assign_parts(routing_analysis)):
            return assignments
        return [await self._assign(routing_analysis, f"{routing_analysis.request.id}.1")]

    async def _assign_parts(self, analysis: RoutingAnalysis) -> list[SpecialistAssignment]:
        """Return an assignment for each part that somebody can answer; none where one specialist is for all of them.

        That two models are tried out at once, to learn of them, is no reason to take a request apart.
        """
        ceiling_usd = analysis.request.max_cost_usd
        share_usd = None if ceiling_usd is None else ceiling_usd / len(analysis.parts)
        assignments: list[SpecialistAssignment] = []
        for part in analysis.parts:
            with suppress(GuardianError):  # that part is named in the answer; the others are answered
                assignments.append(await self._assign_part(analysis, part, share_usd))
        several = len({assignment.specialist_id for assignment in assignments}) > 1
        plain = [each for each in assignments if not (each.routing and each.routing.explored)]
        several = several and len({assignment.specialist_id for assignment in plain}) > 1
        return assignments if several or 0 < len(assignments) < len(analysis.parts) else []

    def _requested(self, request: UserRequest) -> str:
        name = request.model
        if name not in self._specialists and name not in self._aliases and name not in POLICIES:
            raise self._unknown(name, request.key)
        allowed = self._models.get(request.key or "") or frozenset()
        if not _may_ask(name, allowed):
            raise NotAllowed(
                f"This key may not use `{name}`; it may use: {', '.join(sorted(allowed))}.", param="model"
            )
        return self._aliases.get(name, name)

    def _parts(self, request: UserRequest, question: str) -> tuple[Part, ...]:
        if not self._policy.decompose or not is_divisible(request):
            return ()
        return decompose(question, self._abilities.is_solvable)

    async def _assign_part(
        self, analysis: RoutingAnalysis, part: Part, share_usd: float | None
    ) -> SpecialistAssignment:
        request = request_for(analysis.request, part, share_usd)
        profile = profile_of(request.chat.messages)
        alone = RoutingAnalysis(
            request=request,
            requested=analysis.requested,
            needs=needs_of(request),
            question=part.text,
            profile=profile,
            way=analysis.way,
        )
        return await self._assign(alone, f"{analysis.request.id}.{part.number}", part)

    async def _assign(
        self, analysis: RoutingAnalysis, id: str, part: Part | None = None
    ) -> SpecialistAssignment:
        if analysis.requested not in POLICIES:
            named = self._candidates.named(analysis)
            is_named = named[0].name == analysis.requested
            reason = "asked for by name" if is_named else f"it stands in for `{analysis.requested}` now"
            return _assignment(id, analysis, named, reason, part)
        assignment = await self._left_to_us(analysis, id, part)
        if assignment.routing is not None:
            return assignment
        price = self._price(analysis.request.tenant)
        return msgspec.structs.replace(
            assignment, routing=record_without_choice(analysis, assignment.reason, price)
        )

    async def _left_to_us(
        self, analysis: RoutingAnalysis, id: str, part: Part | None
    ) -> SpecialistAssignment:
        preferred = self._candidates.models(analysis)
        models: Sequence[contract.Specialist] = preferred.specialists
        builtin = await self._builtin(analysis, models, part)
        if not models and builtin is None and analysis.way is not None:
            models = self._candidates.last_models(analysis)
            builtin = None if models else await self._builtin(analysis, models, part, is_last_resort=True)
        if builtin is not None:
            specialist, reason = builtin
            return self._of_builtin(analysis, id, specialist, models, reason, part)
        if not models:
            raise self._candidates.nobody(analysis)
        if analysis.way is not None:
            analysis.way.note(*preferred.moves)
        if analysis.profile is None or len(models) == 1:
            reason = "the only one that is able" if len(models) == 1 else "the cheapest that is able"
            return _assignment(id, analysis, models, reason, part)
        return self._chosen(analysis, id, models, part)

    async def _builtin(
        self,
        analysis: RoutingAnalysis,
        models: Sequence[contract.Specialist],
        part: Part | None,
        *,
        is_last_resort: bool = False,
    ) -> tuple[contract.Specialist, str] | None:
        """Return the built-in specialist that a request is plainly for, and why; `None` where it is for none."""
        request, needs = analysis.request, analysis.needs
        if not analysis.question or needs.tools or needs.vision or needs.json or builtin_lacks(needs):
            return None
        instructed = is_instructed(request)
        if instructed and models:
            return None
        solver = self._candidates.builtin("solver", analysis, is_last_resort=is_last_resort)
        recall = self._candidates.builtin("recall", analysis, is_last_resort=is_last_resort)
        if solver is not None and self._abilities.is_solvable(analysis.question):
            reason = "the solver understands it entirely, and is exact"
            return (
                solver,
                f"{reason}; it reads no instructions, and nobody else is able" if instructed else reason,
            )
        wanted = (
            (part.requirement,)
            if part is not None
            else analysis.profile.requirements
            if analysis.profile
            else ()
        )
        if (
            recall is not None
            and "retrieval" in wanted
            and await self._abilities.has_documents(request.tenant)
        ):
            return recall, "it asks for what documents say, and they are there to be quoted"
        return None

    def _of_builtin(
        self,
        analysis: RoutingAnalysis,
        id: str,
        builtin: contract.Specialist,
        models: Sequence[contract.Specialist],
        reason: str,
        part: Part | None,
    ) -> SpecialistAssignment:
        """Return the assignment to a built-in.

        Where recall finds nothing, models may be asked for a whole request; a part stays with the documents it names.
        """
        ladder: tuple[Option, ...] = ()
        if builtin.kind == "recall" and part is None and analysis.profile is not None:
            ladder = tuple(self._options(analysis, analysis.profile, models))
        assignment = _assignment(id, analysis, [builtin, *models], reason, part)
        expected = Option(builtin.name, BUILTIN_SUCCESS, trust=1.0, cost_usd=0.0)
        mistake_usd = self._weights(analysis).mistake_usd / (1.0 + self._price(analysis.request.tenant))
        return msgspec.structs.replace(
            assignment, option=expected, ladder=ladder, reserve=tuple(models), mistake_usd=mistake_usd
        )

    def _weights(self, analysis: RoutingAnalysis) -> Policy:
        """Return what is weighed against what, as the operator and the request have it."""
        operators = self._policy
        return Policy.named(
            analysis.requested, operators.mistake_usd, operators.second_usd, operators.explore
        )

    def _options(
        self, analysis: RoutingAnalysis, profile: Profile, models: Sequence[contract.Specialist]
    ) -> list[Option]:
        features = analysis.features or self._scorer.features(analysis.question)
        return self._scorer.options(models, profile, features, analysis.needs, most_tokens(analysis))

    def _chosen(
        self,
        analysis: RoutingAnalysis,
        id: str,
        models: Sequence[contract.Specialist],
        part: Part | None,
    ) -> SpecialistAssignment:
        """Choose among several by what is expected of each."""
        profile, request = analysis.profile, analysis.request
        assert profile is not None
        features = self._scorer.features(analysis.question)
        analysis = msgspec.structs.replace(analysis, features=features)
        options = self._options(analysis, profile, models)
        price = self._price(request.tenant)
        policy = self._weights(analysis)
        choice = choose(options, policy, self._rng, price=price)
        by_name = {specialist.name: specialist for specialist in models}
        ordered = [by_name[name] for name in choice.order]
        assignment = _assignment(id, analysis, ordered, choice.reason, part)
        return msgspec.structs.replace(
            assignment,
            propensity=choice.propensity,
            option=next(option for option in options if option.name == choice.order[0]),
            ladder=tuple(option for option in options if option.name != choice.order[0]),
            reserve=tuple(ordered[1:]),
            mistake_usd=policy.mistake_usd / (1.0 + price),
            routing=record_of_choice(analysis, options, choice, price),
        )

    def _unknown(self, name: str, key: str | None) -> NotFound:
        names = self.names(key)
        near = difflib.get_close_matches(name[:200], names, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(names[:20])}."
        return NotFound(
            f"The model `{name[:200]}` does not exist; {hint}", code="model_not_found", param="model"
        )


def _may_ask(name: str, allowed: frozenset[str]) -> bool:
    """Return whether a key may ask for a name; `auto` stands for all ways to leave the choice to the router."""
    return not allowed or name in allowed or (name in POLICIES and "auto" in allowed)


def _assignment(
    id: str, analysis: RoutingAnalysis, chosen: Sequence[contract.Specialist], reason: str, part: Part | None
) -> SpecialistAssignment:
    first = chosen[0]
    return SpecialistAssignment(
        id=id,
        specialist_id=first.name,
        task=Task(request=analysis.request, specialist=first, variant=first.variants[0]),
        alternatives=tuple(chosen[1:]),
        reason=reason,
        part=part,
        way=analysis.way,
    )
