"""The action desk: every action of recovery is kept, bounded and admitted here, and published as what is in force.

What is kept goes before what is in force. A process that ends in between leaves a row too many, which the next
publication puts in force or its expiry ends; never a move that nobody knows of.
"""

import asyncio
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from guardian_cluster.domain.action import (
    Action,
    ActionState,
    Drain,
    HeldMove,
    Loop,
    Move,
    RenewPool,
    Reprobe,
    Reroute,
    Restart,
)
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.leases import HOUR_S, admit, autonomy_of, leaves_nobody, within_budget
from guardian_cluster.recovery.ports import IncidentStore, Serving

DONE_ONCE = (RenewPool, Reprobe, Restart)


ALREADY = "it is in force already, by "
"""Begins the note of an action that was refused because just the same is done for another incident."""


def is_done_once(action: Action) -> bool:
    """Return whether there is nothing to undo of an action."""
    return isinstance(action.move, DONE_ONCE)


def ended_key(action: Action) -> str:
    """Return the key under which it is told that an action has ended: once, by whoever is first."""
    return f"{action.id}:ended"


def whole(move: Move) -> Move:
    """Return a move as it concerns all requests: without the share that tries the old way."""
    return replace(move, trial=0.0) if isinstance(move, Drain | Reroute) else move


class ActionDesk:
    """Takes actions and ends them, and has the gateways know."""

    def __init__(self, store: IncidentStore, serving: Serving, clock: Clock) -> None:
        self._store = store
        self._serving = serving
        self._clock = clock
        # Two that look at what is in force at once would each find their scope free.
        self._turn = asyncio.Lock()
        self._published: Sequence[HeldMove] = ()

    @property
    def hold_s(self) -> float:
        """How long an action is held that nobody asks for again."""
        return self._serving.base.recovery.hold_s

    def acts_on(self, specialist: str) -> bool:
        """Return whether recovery may act on a specialist by itself."""
        return autonomy_of(self._serving.base.recovery, specialist) == "act"

    async def take(
        self,
        plan: PlannedMove,
        *,
        incident_id: str,
        run: str,
        key: str,
        family: str = "",
        loop: Loop = "recovery",
        who: str = "recovery",
        insists: bool = False,
    ) -> tuple[Action, ...]:
        """Keep the actions of a plan, all active or all refused, and return them; those that they displace end.

        `family` is the incident that this one is folded into. `run` names the run that takes them, so that it takes
        each once: what was kept of them is returned as it is by then. A plan is refused where one that goes before it
        acts on its scope (`insists`: see `leases.admit`); one of a loop also where the hour's budget is spent, and
        where its drains would leave nobody.
        """
        async with self._turn:
            wanted = self._wanted(plan, incident_id, family, run, loop=loop, who=who)
            known = await self._known(wanted)
            if known:
                return known
            return await self._admit(wanted, loop, key, insists=insists)

    def _wanted(
        self, plan: PlannedMove, incident_id: str, family: str, run: str, *, loop: Loop, who: str
    ) -> tuple[Action, ...]:
        now = self._clock.now()
        return tuple(
            Action(
                id=f"{run}:{plan.kind}:{number}",
                incident_id=incident_id,
                family=family,
                loop=loop,
                move=move,
                scope=plan.scope,
                state="active",
                taken=now,
                until=now + plan.hold_s,
                blast_radius=plan.blast_radius,
                who=who,
                note=plan.why,
            )
            for number, move in enumerate(plan.moves)
        )

    async def _known(self, wanted: Sequence[Action]) -> tuple[Action, ...]:
        """Return these actions as they are kept, where they were taken before: the step is done a second time."""
        if not wanted:
            return ()
        kept = await self._store.actions(incident_id=wanted[0].incident_id)
        by_id = {each.id: each for each in kept}
        return tuple(by_id[each.id] for each in wanted if each.id in by_id)

    async def _admit(
        self, wanted: Sequence[Action], loop: Loop, key: str, *, insists: bool
    ) -> tuple[Action, ...]:
        """Keep actions as active where they may be taken, and as refused where not; end those that they displace."""
        now = self._clock.now()
        active = [each for each in await self._store.actions(active_only=True) if each.until > now]
        admissions = [admit(each, active, insists=insists) for each in wanted]
        refused = next((each.refused for each in admissions if each.refused), "")
        if refused and (same := _the_same(wanted, active)):
            refused = ALREADY + ", ".join(same)
        if not refused and loop != "person":
            refused = self._imprudent(wanted, active, await self._store.taken_since(now - HOUR_S))
        displaced = list[Action]()
        if refused:
            wanted = [replace(each, state="refused", ended=now, note=refused) for each in wanted]
        else:
            gone = {each.id: each for admission in admissions for each in admission.displaced}
            why = f"displaced by {wanted[0].id}, for {loop} goes first" if gone else ""
            displaced = [_ended(each, "displaced", why, now) for each in gone.values()]
            if gone:
                note = f"{wanted[0].note}; it displaces {', '.join(gone)}"
                wanted = [replace(each, note=note) for each in wanted]
        await self._store.put_actions([*wanted, *displaced], key=key)
        return tuple(wanted)

    def _imprudent(self, wanted: Sequence[Action], active: Sequence[Action], lately: Sequence[Action]) -> str:
        """Return why no loop may take these actions by itself; empty where it may."""
        base, name = self._serving.base, wanted[0].scope.specialist
        budget = base.recovery.actions_per_hour
        if not within_budget(lately, self._clock.now(), budget, len(wanted)):
            return f"recovery.actions_per_hour allows no more than {budget} actions within an hour"
        served = next((each for each in base.specialists if each.name == name), None)
        moves = [each.move for each in wanted]
        if served is not None and not served.equals:
            endpoints = [each.id for each in served.endpoints]
            if leaves_nobody(moves, active, name, endpoints):
                return f"it would leave {name} no endpoint"
        return ""

    async def end(self, actions: Iterable[Action], state: ActionState, note: str, *, key: str) -> bool:
        """Note that actions are in force no longer; whoever calls publishes next."""
        now = self._clock.now()
        await self._store.put_actions([_ended(each, state, note, now) for each in actions], key=key)
        return True

    async def change(self, action: Action, *, key: str) -> bool:
        """Keep an action whose move or end was changed; whoever calls publishes next."""
        await self._store.put_actions([action], key=key)
        return True

    async def publish(self, _: str = "") -> bool:
        """Have exactly what is active stand in the overlay."""
        # In turn with what is taken: one that looked before another did would publish without its moves after it.
        async with self._turn:
            await self._publish(await self._held())
        return True

    async def follow(self) -> Sequence[Action]:
        """Publish what is active where that is not what was published last, and return what was undone since.

        A person may have taken an action back, in another process.
        """
        async with self._turn:
            held, before = await self._held(), self._published
            if held == before:
                return ()
            await self._publish(held)
        gone = {each.id for each in before} - {each.id for each in held}
        return [each for each in await self._store.actions() if each.id in gone and each.state == "undone"]

    async def _held(self) -> Sequence[HeldMove]:
        now = self._clock.now()
        active = [each for each in await self._store.actions(active_only=True) if each.until > now]
        return [each.held() for each in sorted(active, key=lambda each: (each.taken, each.id))]

    async def _publish(self, held: Sequence[HeldMove]) -> None:
        await self._serving.publish(held)
        self._published = held

    def backed_up_by(self, specialist: str) -> Sequence[str]:
        """Return whose requests a specialist takes now as a backup."""
        moves = (held.move for held in self._serving.overlay.moves)
        return [move.specialist for move in moves if isinstance(move, Reroute) and move.to == specialist]


def _the_same(wanted: Sequence[Action], active: Sequence[Action]) -> list[str]:
    """Return the actions of the same loop that do just what is wanted; none where a part of it is not done."""
    done = {whole(each.move): each for each in active}
    same = [done.get(whole(each.move)) for each in wanted]
    return [each.id for each in same if each is not None and each.loop == wanted[0].loop] if all(same) else []


def _ended(action: Action, state: ActionState, note: str, now: float) -> Action:
    return replace(action, state=state, ended=now, note=note)
