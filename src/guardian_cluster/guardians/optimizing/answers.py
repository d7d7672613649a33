"""Rules for answers that come and are not good: too short, too dear, without their form, refused, or worse."""

from collections.abc import Sequence

from guardian_cluster.domain.improvement import DocumentChange, InstructionChange, VariantChange
from guardian_cluster.domain.observation import Observation
from guardian_cluster.guardians.optimizing.figures import median, quantile, rounded_down, rounded_up, share
from guardian_cluster.guardians.optimizing.idea import Idea, of_specialist, parameter, setting
from guardian_cluster.guardians.optimizing.situation import LEAST_SOUND, Situation
from guardian_cluster.guardians.reviewing.own_sentences import FORM_RULE

TOKENS = ("max_completion_tokens", "max_tokens")
"""Request fields that bound an answer; the newer one first."""

MUCH_DEARER = 1.5
"""Times what sound answers have, from which tokens or attempts explain that answers cost more."""

MOST_INSTRUCTIONS = 8_000
"""Characters of instructions to which a sentence is still added."""


def longer_answers(situation: Situation) -> Idea | None:
    """Let answers be twice as long, where the variant's own bound cuts many of them off."""
    name = _bound(situation)
    bound = situation.variant.parameters.get(name)
    cut = share(each.finish_reason == "length" for each in situation.affected)
    if not isinstance(bound, int) or isinstance(bound, bool) or cut < 0.05:
        return None
    at_bound = [each for each in situation.affected if each.finish_reason == "length"]
    if not at_bound or median([float(each.output_tokens) for each in at_bound]) < 0.9 * bound:
        return None  # the callers' own bounds cut them off
    wanted = min(2 * bound, situation.specialist.context_length or 2 * bound)
    reason = f"{cut:.0%} of the answers end at the bound of {bound} tokens."
    return parameter(situation, name, wanted, reason, cost_ratio=1.0 + cut) if wanted > bound else None


def shorter_answers(situation: Situation) -> Idea | None:
    """Bound answers by what 99 of 100 sound ones had, where those since the onset are far longer."""
    before = [float(each.output_tokens) for each in situation.sound if each.output_tokens > 0]
    since = [float(each.output_tokens) for each in situation.affected if each.output_tokens > 0]
    if len(before) < LEAST_SOUND or not since:
        return None
    bound = int(max(16.0, rounded_up(quantile(before, 0.99))))
    name = _bound(situation)
    current = situation.variant.parameters.get(name)
    is_bounded = isinstance(current, int | float) and current <= bound
    if is_bounded or median(since) < MUCH_DEARER * median(before) or quantile(since, 0.9) <= bound:
        return None
    saved = sum(min(each, bound) for each in since) / sum(since)
    reason = f"99 of 100 sound answers have at most {quantile(before, 0.99):g} tokens."
    return parameter(situation, name, bound, reason, cost_ratio=saved)


def fewer_attempts(situation: Situation) -> Idea | None:
    """Spend less on further attempts, where those are what answers cost more for."""
    tries, usual = _tries(situation.affected), _tries(situation.sound)
    now = situation.base.balancing.retry_share
    if tries < MUCH_DEARER * max(1.0, usual) or now <= 0.05:
        return None
    reason = f"A request is tried {tries:.2g} times on average, and all of them are paid for."
    after = rounded_down(now / 2.0)
    return setting(situation, "balancing.retry_share", after, reason, cost_ratio=max(0.1, usual / tries))


def ask_again_without_form(situation: Situation) -> Idea | None:
    """Ask again where an answer has not the form that was asked for, where it is only noted so far."""
    path, policy = situation.watch
    if policy.on_schema_violation != "observe":
        return None
    reason = "An answer without the form that was asked for is asked for again."
    broken = share(bool(each.losses.get("format", 0.0)) for each in situation.affected)
    return setting(situation, f"{path}.on_schema_violation", "retry", reason, cost_ratio=1.0 + broken)


def say_the_form(situation: Situation) -> Idea | None:
    """Add a sentence about the format to the instructions, unless it stands there."""
    before = situation.variant.instructions
    if (
        situation.specialist.kind != "http"
        or FORM_RULE in (before or "")
        or len(before or "") > MOST_INSTRUCTIONS
    ):
        return None
    after = f"{before.rstrip()}\n\n{FORM_RULE}" if before else FORM_RULE
    change = InstructionChange(specialist=situation.specialist.name, before=before, after=after)
    return Idea(change=change, reason="Many answers have not the format that was asked for.")


def ask_again_when_cut(situation: Situation) -> Idea | None:
    """Ask again where an answer ends too early, where it is only noted so far."""
    path, policy = situation.watch
    if policy.on_truncated != "observe":
        return None
    cut = share(each.outcome != "ok" or each.finish_reason == "length" for each in situation.affected)
    reason = "An answer that ends too early is asked for again."
    return setting(situation, f"{path}.on_truncated", "retry", reason, cost_ratio=1.0 + cut)


def ask_others_when_refused(situation: Situation) -> Idea | None:
    """Ask another where an answer begins like a refusal, where somebody else can be asked."""
    path, policy = situation.watch
    if policy.on_refusal != "observe" or not (situation.has_stand_ins or situation.specialist.fallback):
        return None
    refused = share(bool(each.losses.get("refusal", 0.0)) for each in situation.affected)
    reason = "An answer that begins like a refusal is asked for elsewhere."
    return setting(situation, f"{path}.on_refusal", "retry", reason, cost_ratio=1.0 + refused)


def another_variant(situation: Situation) -> Idea | None:
    """Go to another variant that is deployed and does better in this window, by a tenth of a point at least."""
    signal = situation.diagnosis.signal if situation.diagnosis else "quality"
    losses = {each.id: _losses(situation, each.id, signal) for each in situation.specialist.variants}
    known = {id: sum(found) / len(found) for id, found in losses.items() if len(found) >= LEAST_SOUND}
    current = situation.variant.id
    best = min(known, key=lambda id: (known[id], id), default=current)
    if current not in known or known[best] > known[current] - 0.1:
        return None
    change = VariantChange(specialist=situation.specialist.name, before=current, after=best)
    reason = f"Requests lose {known[best]:.2f} with it, and {known[current]:.2f} with {current}."
    return Idea(change=change, reason=reason)


def check_answers(situation: Situation) -> Idea | None:
    """Hold answers in which a check can find something, so that another specialist can still be asked."""
    if situation.base.routing.cascade != "off":
        return None
    reason = "Answers are checked while another specialist can still be asked."
    return setting(situation, "routing.cascade", "checkable", reason, cost_ratio=1.1)


def withhold_documents(situation: Situation) -> Idea | None:
    """Leave documents out until somebody has looked through them: those that came near the onset, where known."""
    came = [change.subject for change in situation.changes if change.kind == "documents"]
    origins = tuple(dict.fromkeys(each.removeprefix("documents.") for each in came if each != "documents"))
    which = f"{len(origins)} documents that came near the onset" if origins else "all documents"
    change = DocumentChange(specialist=situation.specialist.name, origins=origins[:50])
    return Idea(change=change, reason=f"Answers rest on {which}, which somebody has to look through.")


def capped_attempts(situation: Situation) -> Idea | None:
    """Turn off asking a second endpoint where nearly always the first one answers all the same."""
    raced = [each for each in situation.window.observations if is_raced(each)]
    lost = share(each.tries[0].outcome == "ok" for each in raced)
    if len(raced) < LEAST_SOUND or lost < 0.95:
        return None
    reason = f"Of {len(raced)} requests for which a second endpoint was asked, the first answered {lost:.0%}."
    ratio = 1.0 - 0.5 * len(raced) / len(situation.window.observations)
    return setting(situation, of_specialist(situation, "hedge"), after=False, reason=reason, cost_ratio=ratio)


def is_raced(each: Observation) -> bool:
    """Return whether a second endpoint was asked while the first was late: one of them was stopped."""
    outcomes = [attempt.outcome for attempt in each.tries]
    return each.outcome == "ok" and sorted(outcomes) == ["cancelled", "ok"]


def _bound(situation: Situation) -> str:
    parameters = situation.variant.parameters
    return next((name for name in TOKENS if name in parameters), "max_tokens")


def _tries(observations: Sequence[Observation]) -> float:
    return sum(len(each.tries) for each in observations) / len(observations) if observations else 0.0


def _losses(situation: Situation, variant: str, signal: str) -> list[float]:
    own = [each for each in situation.window.observations if each.dimensions.get("variant") == variant]
    return [loss for each in own for name, loss in each.losses.items() if name == signal]
