"""Decides how one limit is divided among the workers that spend it. Pure: reports in, shares out.

Two things always hold, so that all workers together stay within the limit whatever is delayed or dies: what a worker
has used is never more than its share, and all shares together, with what ended workers used, are never more than the
limit. A share is therefore taken away before it is given to another: only when the worker that had it has said so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

IDLE_SHARE = 0.08
"""Of what is free, kept for workers of which nothing was asked lately, so that their first request finds some."""

DECAY = 0.8
"""What is left of the weight of demand after a second: a worker that falls idle is nearly forgotten in ten."""

LEAST_CHANGE = 0.01
"""Of a limit: smaller changes of shares are not worth a message, unless somebody was refused."""


@dataclass(slots=True)
class _Member:
    """What is known of one worker."""

    held: float = 0.0
    """The most that it can think it may use."""
    offered: float = 0.0
    """What it was told last that it may use."""
    told_elsewhere: float = 0.0
    number: int = 0
    """Of the message in which it was told."""
    used: float = 0.0
    lasting: float = 0.0
    asked: float = 0.0
    demand: float = 0.0
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker is to be told: its share, and what others have used."""

    share: float
    elsewhere: float


class Pool:
    """One limit. `quantum` is what it is counted in (0: any fraction); what ended workers used counts for `lasts_s`."""

    def __init__(self, limit: float, *, quantum: float, lasts_s: float) -> None:
        self.limit = limit
        self.is_settled = True
        """Whether nobody waits for what another one still holds."""
        self._quantum = quantum
        self._lasts_s = lasts_s
        self._members: dict[int, _Member] = {}
        self._gone: list[tuple[float, float]] = []
        self._before = 0.0

    @property
    def is_weighed(self) -> bool:
        """Whether something was asked of a worker lately, or still counts that was."""
        return any(member.weight > 0.01 or member.used for member in self._members.values())

    def join(self, member: int) -> None:
        """Take in a worker, which holds nothing yet."""
        self._members[member] = _Member()

    def leave(self, member: int, now: float) -> None:
        """Take back what a worker held that has ended; what it used goes on counting for as long as it must."""
        left = self._members.pop(member, None)
        if left is not None and left.lasting > 0:
            self._gone.append((now + self._lasts_s, left.lasting))

    def begin_anew(self) -> None:
        """Forget what ended workers used, and what was used before: a new month has begun."""
        self._gone.clear()
        self._before = 0.0

    def learn(self, amount: float) -> None:
        """Count what was used before any worker that is known."""
        self._before += amount

    def report(
        self,
        member: int,
        *,
        share: float,
        used: float,
        lasting: float,
        asked: float,
        demand: float,
        heard: int,
    ) -> None:
        """Take in what a worker says of itself; `heard` is the number of the last message that it had read."""
        found = self._members.get(member)
        if found is None:
            return
        found.used, found.lasting = used, lasting
        found.demand += demand
        found.asked = max(found.asked, asked)
        if heard >= found.number:  # else it has not read yet what it was told, and may use that at any moment
            found.held = max(share, used)

    def tick(self) -> None:
        """Note that a second is over."""
        for member in self._members.values():
            member.weight = member.weight * DECAY + member.demand
            member.demand = 0.0
            member.asked = 0.0

    def divide(self, now: float, numbers: Mapping[int, int]) -> dict[int, Part]:
        """Return what workers are to be told now, in messages of these numbers."""
        self._gone = [(until, amount) for until, amount in self._gone if until > now]
        gone = self._before + sum(amount for _, amount in self._gone)
        targets = self._targets(self.limit - gone)
        room = self.limit - gone - sum(member.held for member in self._members.values())
        used = gone + sum(member.used for member in self._members.values())
        told: dict[int, Part] = {}
        for name in sorted(targets, key=lambda name: (-self._members[name].asked, self._members[name].used)):
            member, target = self._members[name], targets[name]
            share = min(target, member.held + max(0.0, self._whole(room)))
            room -= max(0.0, share - member.held)
            part = Part(share, used - member.used)
            if self._is_news(member, part):
                member.held = max(member.held, share)
                member.offered, member.told_elsewhere, member.number = share, part.elsewhere, numbers[name]
                told[name] = part
        self.is_settled = all(targets[name] - self._members[name].held < self._least() for name in targets)
        return told

    def _targets(self, within: float) -> dict[int, float]:
        """Return what each worker should hold: what it uses, what it had to refuse, and its part of the rest."""
        members = self._members
        targets = {name: member.used for name, member in members.items()}
        free = within - sum(targets.values())
        for name in sorted(members, key=lambda name: members[name].used):
            asked = max(0.0, min(members[name].asked, free))
            targets[name] += asked
            free -= asked
        if free <= 0 or not members:
            return targets
        weights = {name: member.weight + member.demand for name, member in members.items()}
        total = sum(weights.values())
        for name in members:
            idle = free / len(members)
            part = idle if total <= 0 else IDLE_SHARE * idle + (1 - IDLE_SHARE) * free * weights[name] / total
            targets[name] += self._whole(part)
        heaviest = max(members, key=lambda name: weights[name])
        targets[heaviest] += self._whole(max(0.0, within - sum(targets.values())))
        return targets

    def _whole(self, amount: float) -> float:
        return math.floor(amount / self._quantum + 1e-9) * self._quantum if self._quantum else amount

    def _least(self) -> float:
        return max(self._quantum, LEAST_CHANGE * self.limit) or math.inf

    def _is_news(self, member: _Member, part: Part) -> bool:
        if member.number == 0 or (member.asked and part.share > member.offered):
            return True
        change = max(abs(part.share - member.offered), abs(part.elsewhere - member.told_elsewhere))
        return change >= self._least()
