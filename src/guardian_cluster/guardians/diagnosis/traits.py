"""Owns the table by which causes are told apart: what each trait of a fault speaks for and against, with the reason.

Weights are in nats: 2.3 makes a cause ten times as likely. `present` counts as far as the trait is seen (its strength,
0 to 1), `absent` as far as it is not; a trait that cannot be read counts neither way. Weights follow from how each
fault works, not from a fit to any data; `patterns.py` adds what incidents taught.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from guardian_cluster.domain.diagnosis import Cause

Weights = Mapping[Cause, float]


class Trait(NamedTuple):
    """One trait of a fault."""

    name: str
    why: str
    present: Weights = MappingProxyType({})
    absent: Weights = MappingProxyType({})


PRIOR: Weights = {
    "upstream_errors": 0.3,
    "quota": 0.0,
    "hang": 0.0,
    "slow": 0.2,
    "truncated_stream": -0.2,
    "wrong_format": -0.2,
    "refusal_spike": -0.2,
    "quality_drop": 0.2,
    "stale_context": -0.3,
    "variant_regression": 0.0,
    "cost_blowup": -0.1,
    "detector_drift": -0.3,
    "own_configuration": -0.1,
    "own_resources": -0.3,
}
"""Before anything is known, nearly even: which causes are frequent differs between installations."""

TRAITS: tuple[Trait, ...] = (
    Trait(
        "failed with a server error",
        "5xx, refused and lost connections before a first token are an endpoint's own fault",
        {"upstream_errors": 4.0, "own_configuration": 0.5},
        {"upstream_errors": -4.5},
    ),
    Trait(
        "failed with a quota",
        "a 429 or 402 says so itself",
        {"quota": 6.0, "own_configuration": 0.5},
        {"quota": -5.0},
    ),
    Trait(
        "failed by waiting",
        "an endpoint that hangs ends in a timeout; so does one that is very slow, or a timeout set too short",
        {"hang": 4.0, "slow": 0.8, "own_configuration": 1.0, "own_resources": 0.3},
        {"hang": -4.5},
    ),
    Trait(
        "gave up early",
        "attempts timed out after no longer than usual answers take: waiting was cut short, the endpoint is as ever",
        {"own_configuration": 4.0, "hang": -3.0},
    ),
    Trait(
        "failed in the middle",
        "the answer began and broke off",
        {"truncated_stream": 2.0, "upstream_errors": 0.5},
    ),
    Trait(
        "broken off",
        "answers ended before their end, with or without an error: without either they are whole",
        {"truncated_stream": 3.5},
        {"truncated_stream": -4.5},
    ),
    Trait(
        "failed with an unreadable answer",
        "what came is no answer of the protocol, or is empty",
        {"wrong_format": 4.0, "upstream_errors": 0.5, "truncated_stream": 0.3},
    ),
    Trait(
        "failed by configuration",
        "rejected keys, unknown models and paths, requests that do not fit are for the operator to mend",
        {"own_configuration": 5.0},
    ),
    Trait(
        "failed for want of room",
        "the gateway itself, or its pool of connections, had no room",
        {"own_resources": 4.0, "own_configuration": 0.3},
    ),
    Trait(
        "short of something",
        "time went in the gateway itself, or it had no room: without either it is not short of anything",
        {"own_resources": 3.0},
        {"own_resources": -4.5},
    ),
    Trait(
        "answers broke off",
        "they end for their length, or without a reason, and not after ever the same number of tokens",
        {"truncated_stream": 2.0, "own_configuration": 0.3, "wrong_format": -1.0, "quality_drop": -1.0},
    ),
    Trait(
        "answers end at one length",
        "a limit that was set ends all after the same number of tokens; a server that breaks off does not",
        {"own_configuration": 6.0, "truncated_stream": -1.0},
    ),
    Trait(
        "withheld",
        "answers came and a policy of ours kept them back; what they cost is then paid for nothing",
        {"own_configuration": 3.0, "detector_drift": 1.5, "cost_blowup": -2.5, "slow": -2.5},
    ),
    Trait(
        "the configuration shows",
        "rejected keys, limits, early timeouts, withheld answers: without any of these it is not the configuration",
        {"own_configuration": 1.0},
        {"own_configuration": -2.5},
    ),
    Trait(
        "slower to begin",
        "the first token of requests that did not fail came later than usual",
        {"slow": 2.5, "own_resources": 1.2, "hang": 0.3},
    ),
    Trait(
        "slower to write",
        "more time for each token after the first",
        {"slow": 2.5, "own_resources": 0.8},
    ),
    Trait(
        "overhead",
        "the time went in the gateway itself",
        {"own_resources": 3.0, "slow": -1.5},
    ),
    Trait(
        "longer answers",
        "more tokens for each request",
        {"cost_blowup": 3.5, "variant_regression": 0.5, "slow": -2.0},
    ),
    Trait(
        "longer requests",
        "more tokens go in",
        {"cost_blowup": 2.5, "stale_context": 0.3, "own_configuration": 0.3},
    ),
    Trait(
        "dearer",
        "the cost signal rose",
        {"cost_blowup": 3.0},
        {"cost_blowup": -4.5},
    ),
    Trait(
        "late",
        "the latency signal rose",
        {"slow": 2.5, "hang": 0.8, "own_resources": 0.8},
        {"slow": -4.5, "own_resources": -1.0},
    ),
    Trait(
        "failing",
        "the error signal rose, which causes that leave answers whole do not explain",
        {
            "upstream_errors": 1.0,
            "quota": 1.0,
            "hang": 1.0,
            "truncated_stream": 0.7,
            "own_configuration": 0.5,
            "cost_blowup": -3.0,
            "slow": -1.5,
            "quality_drop": -2.0,
            "stale_context": -2.0,
            "detector_drift": -2.0,
            "refusal_spike": -1.5,
            "variant_regression": -2.5,
        },
        {"upstream_errors": -3.0, "quota": -3.0, "hang": -2.0, "truncated_stream": -1.0},
    ),
    Trait(
        "malformed",
        "watchers found answers without their form, other than such as broke off",
        {"wrong_format": 5.0, "variant_regression": 0.3, "detector_drift": 0.3},
        {"wrong_format": -4.5},
    ),
    Trait(
        "refusing",
        "watchers found refusals",
        {"refusal_spike": 4.0, "variant_regression": 0.5, "detector_drift": 1.0},
        {"refusal_spike": -4.5},
    ),
    Trait(
        "declined by a filter",
        "the provider says that its filter ended the answer",
        {"refusal_spike": 4.0, "detector_drift": -2.0},
    ),
    Trait(
        "short refusals",
        "those found are shorter than answers are: they decline, no detector has made them up",
        {"refusal_spike": 1.5, "detector_drift": -2.0},
    ),
    Trait(
        "leaking",
        "more was found that must not leave: models do not begin to leak by themselves, rules begin to find",
        {"detector_drift": 3.0, "stale_context": 0.5, "own_configuration": 0.5},
    ),
    Trait(
        "told by its documents",
        "the detector of documents that speak to the model found more of them",
        {"stale_context": 4.0, "detector_drift": 0.5},
    ),
    Trait(
        "repeating itself",
        "a model that falls into loops is damaged, quantised or set too cold",
        {"quality_drop": 2.5, "variant_regression": 0.5},
    ),
    Trait(
        "ungrounded",
        "answers say what their documents do not",
        {"stale_context": 4.0, "quality_drop": 0.3, "detector_drift": 0.5},
        {"stale_context": -3.0},
    ),
    Trait(
        "worse",
        "quality or intent alignment fell",
        {"quality_drop": 2.0, "variant_regression": 2.0, "stale_context": 1.0, "detector_drift": 0.6},
        {"quality_drop": -3.5, "variant_regression": -1.5, "stale_context": -0.5},
    ),
    Trait(
        "worse in nothing else",
        "sound answers in form, time and price that are of less use: nothing but the model or its prompt explains it",
        {"quality_drop": 1.5, "variant_regression": 0.7},
        {"quality_drop": -1.0},
    ),
    Trait(
        "callers find it worse",
        "callers' own marks fell: the answers are worse, not the judge",
        {
            "quality_drop": 1.0,
            "variant_regression": 1.0,
            "stale_context": 0.8,
            "refusal_spike": 0.8,
            "wrong_format": 0.5,
            "detector_drift": -4.0,
            "slow": -0.5,
            "cost_blowup": -1.0,
        },
    ),
    Trait(
        "callers find it as before",
        "detectors find answers worse and callers do not: the detector changed",
        {
            "detector_drift": 4.0,
            "quality_drop": -3.0,
            "variant_regression": -2.0,
            "stale_context": -2.5,
            "refusal_spike": -2.5,
            "wrong_format": -1.5,
        },
    ),
    Trait(
        "only detectors say so",
        "neither time, price nor failures changed: without that, no detector made it up",
        {},
        {"detector_drift": -4.0},
    ),
    Trait(
        "scores moved",
        "a detector's scores moved as a whole",
        {"detector_drift": 1.5, "stale_context": 0.3},
    ),
    Trait(
        "at one endpoint",
        "an endpoint's own faults stay with it",
        {
            "upstream_errors": 0.8,
            "quota": 0.8,
            "hang": 0.8,
            "slow": 0.6,
            "truncated_stream": 0.6,
            "own_resources": -1.5,
            "detector_drift": -0.7,
            "stale_context": -0.7,
        },
    ),
    Trait(
        "at one model",
        "a model is as good or bad wherever it runs",
        {
            "quality_drop": 0.9,
            "refusal_spike": 0.5,
            "wrong_format": 0.4,
            "quota": 0.3,
            "own_resources": -1.5,
            "stale_context": -0.5,
        },
    ),
    Trait(
        "at one variant",
        "a variant is a prompt with its parameters",
        {
            "variant_regression": 0.4,
            "own_resources": -1.5,
            "quota": -0.5,
            "hang": -0.3,
            "upstream_errors": -0.3,
        },
    ),
    Trait(
        "new instructions",
        "most have a variant or instructions that are new, or a variant was changed: without, it is none",
        {"variant_regression": 3.0, "own_configuration": 0.5},
        {"variant_regression": -3.5},
    ),
    Trait(
        "something was set",
        "settings, policies and endpoints change in a recorded way: without a record they did not",
        {"own_configuration": 0.5},
        {"own_configuration": -3.5},
    ),
    Trait(
        "at one template",
        "instructions of the callers' own",
        {
            "variant_regression": 0.4,
            "wrong_format": 0.3,
            "refusal_spike": 0.3,
            "cost_blowup": 0.3,
            "own_resources": -1.0,
        },
    ),
    Trait(
        "at one revision",
        "it came with a configuration",
        {"own_configuration": 2.0, "variant_regression": 0.5, "detector_drift": 0.3},
    ),
    Trait(
        "at one topic",
        "documents and prompts are about something",
        {"stale_context": 0.9, "refusal_spike": 0.4, "quality_drop": 0.2, "own_resources": -1.5},
    ),
    Trait(
        "everywhere",
        "what all requests share: the gateway, its configuration, its detectors",
        {"own_resources": 0.8, "own_configuration": 0.4, "detector_drift": 0.3},
    ),
    Trait("a variant was changed", "shortly before, where it happened", {"variant_regression": 2.8}),
    Trait(
        "a model was changed",
        "shortly before, where it happened",
        {"quality_drop": 0.8, "variant_regression": 0.8, "own_configuration": 0.5},
    ),
    Trait(
        "an endpoint was changed",
        "shortly before, where it happened",
        {"own_configuration": 1.2, "upstream_errors": 0.5},
    ),
    Trait("a setting was changed", "shortly before, where it happened", {"own_configuration": 1.8}),
    Trait(
        "watching was changed",
        "shortly before, where it happened",
        {"detector_drift": 2.0, "own_configuration": 1.0},
    ),
    Trait("routing was changed", "shortly before, where it happened", {"own_configuration": 2.3}),
    Trait(
        "limits were changed", "shortly before, where it happened", {"own_configuration": 2.3, "quota": 0.3}
    ),
    Trait("documents were changed", "shortly before, where it happened", {"stale_context": 2.8}),
    Trait(
        "the package was changed",
        "shortly before",
        {"own_configuration": 0.8, "own_resources": 0.8, "detector_drift": 0.5},
    ),
    Trait(
        "an endpoint was ejected",
        "about then: its faults were seen by the balancer",
        {"upstream_errors": 0.8, "hang": 0.8, "slow": 0.3},
    ),
    Trait("the gateway was overloaded", "about then", {"own_resources": 2.5}),
    Trait("a worker was restarted", "about then", {"own_resources": 2.0}),
)
