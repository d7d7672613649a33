"""Rules for what a policy does not allow: what was only noted is kept from leaving."""

from guardian_cluster.domain.monitoring import ComplianceFinding
from guardian_cluster.guardians.optimizing.idea import Idea, setting
from guardian_cluster.guardians.optimizing.situation import Situation


def keep_leaks_in(situation: Situation) -> Idea | None:
    """Redact what a detector of leaks found in answers that were delivered; a canary or a prompt ends the answer."""
    finding = situation.about
    detector, _, kind = (
        (finding.rule if isinstance(finding, ComplianceFinding) else "")
        .removeprefix("leak-delivered/")
        .partition("/")
    )
    path, policy = situation.watch
    reason = f"What {detector} finds in answers was noted only, and reached callers."
    match detector:
        case "secret" if policy.on_secret == "observe":
            return setting(situation, f"{path}.on_secret", "redact", reason)
        case "canary" if policy.on_canary == "observe":
            return setting(situation, f"{path}.on_canary", "cut", reason)
        case "prompt-leak" if policy.on_prompt_leak == "observe":
            return setting(situation, f"{path}.on_prompt_leak", "cut", reason)
        case "personal-data" if kind:
            return setting(situation, f"{path}.personal.{kind}", "redact", reason)
        case _:
            return None


def refuse_tools(situation: Situation) -> Idea | None:
    """Ask again where a tool is called that may not be, where that is only noted so far."""
    path, policy = situation.watch
    if policy.on_tool_call != "observe":
        return None
    reason = "A call of a tool that is not allowed reached callers."
    return setting(situation, f"{path}.on_tool_call", "retry", reason)
