"""Which rules serve which cause, opportunity or finding, in which order: the first that fits decides."""

from collections.abc import Mapping

from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.guardians.optimizing import answers, endpoints, guards, reverting, waiting
from guardian_cluster.guardians.optimizing.idea import Rule

BY_CAUSE: Mapping[Cause, tuple[Rule, ...]] = {
    "upstream_errors": (endpoints.breaker, endpoints.fallback, endpoints.continuation),
    "quota": (endpoints.quota,),
    "hang": (waiting.shorter_wait, waiting.hedge),
    "slow": (
        waiting.hedge,
        waiting.fewer_when_busier,
        waiting.adaptive_concurrency,
        answers.shorter_answers,
    ),
    "truncated_stream": (answers.longer_answers, endpoints.continuation, answers.ask_again_when_cut),
    "wrong_format": (answers.ask_again_without_form, answers.say_the_form),
    "refusal_spike": (reverting.variant_back, answers.ask_others_when_refused),
    "quality_drop": (answers.another_variant, answers.check_answers),
    "stale_context": (answers.withhold_documents,),
    "variant_regression": (reverting.variant_back, answers.another_variant, reverting.earlier_variant),
    "cost_blowup": (reverting.variant_back, answers.shorter_answers, answers.fewer_attempts),
    "detector_drift": (),  # thresholds are the meta-guardian's
    "own_configuration": (reverting.setting_back,),
    "own_resources": (waiting.fewer_at_once, waiting.adaptive_concurrency),
}

BY_OPPORTUNITY: Mapping[str, tuple[Rule, ...]] = {
    "timeout-too-long": (waiting.timeout_too_long,),
    "timeout-too-short": (waiting.longer_wait,),
    "answers-cut-short": (answers.longer_answers,),
    "dearer-than-alternatives": (),  # who is asked is the router's, which weighs prices already
    "endpoint-slower": (waiting.hedge, waiting.adaptive_concurrency),
    "endpoint-dearer": (),
    "retries-wasted": (endpoints.breaker, endpoints.quota),
    "refusals-in-template": (),  # the instructions are the caller's
    "format-failures-in-template": (answers.ask_again_without_form, answers.say_the_form),
    "hedges-wasted": (answers.capped_attempts,),
    "affinity-off": (endpoints.affinity,),
}

BY_FINDING: Mapping[str, tuple[Rule, ...]] = {
    "leak-delivered": (guards.keep_leaks_in,),
    "tool-not-allowed": (guards.refuse_tools,),
}
"""By the beginning of a finding's rule, before its first `/`. For the others there is nothing to propose."""
