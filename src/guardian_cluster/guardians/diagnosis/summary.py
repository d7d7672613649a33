"""Decides how a diagnosis reads in one or two sentences, from its fields alone."""

from collections.abc import Mapping, Sequence

from guardian_cluster.domain.diagnosis import Cause, Diagnosis
from guardian_cluster.domain.observation import Slice, named
from guardian_cluster.guardians.diagnosis.nearby_changes import Near
from guardian_cluster.guardians.diagnosis.shown import shown

MAX_NAMED = 160

IN_WORDS: Mapping[Cause, str] = {
    "upstream_errors": "the endpoint fails with errors of its own",
    "quota": "the endpoint refuses requests beyond a quota",
    "hang": "the endpoint does not answer in time",
    "slow": "the endpoint answers more slowly",
    "truncated_stream": "answers break off",
    "wrong_format": "answers have not the form that was asked for",
    "refusal_spike": "the model refuses more",
    "quality_drop": "the model's answers became worse by themselves",
    "stale_context": "documents are stale or poisoned",
    "variant_regression": "a changed prompt or variant does worse",
    "cost_blowup": "requests take more tokens or money",
    "detector_drift": "a detector judges otherwise, the answers are as before",
    "own_configuration": "the configuration of the gateway itself",
    "own_resources": "the gateway itself lacks resources",
}


def place_in_words(where: Slice) -> str:
    """Return a slice in words that are safe to show: values come from callers and configurations."""
    words = shown(named(where), "?")
    return words if len(words) <= MAX_NAMED else f"{words[: MAX_NAMED - 1]}…"


def summary_of(diagnosis: Diagnosis, changes: Sequence[Near]) -> str:
    """Return what a diagnosis says; `changes` are those that fit, best first."""
    best = diagnosis.findings[0] if diagnosis.findings else None
    if diagnosis.cause is None or best is None:
        first = f"{diagnosis.signal} is worse than expected and nothing localisable explains it."
        return first if diagnosis.cause is None else f"{first} {_because(diagnosis)}"
    rose = f"{best.observed:.0%} lost where {best.expected:.0%} is expected, {best.requests} requests"
    told = f"{diagnosis.signal} is worse for {place_in_words(best.where)} ({rose}). {_because(diagnosis)}"
    return (
        f"{told} Near its onset changed: {shown(changes[0].change.subject[:MAX_NAMED], '?')}."
        if changes
        else told
    )


def _because(diagnosis: Diagnosis) -> str:
    if diagnosis.cause is None:
        return ""
    return f"Most likely {IN_WORDS[diagnosis.cause]} ({diagnosis.cause}, {diagnosis.probability:.0%})."
