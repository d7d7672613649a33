"""Who may and can serve a request: capability, length, tenant; and what is said when nobody can."""

from collections.abc import Iterable

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.domain.errors import GuardianError, InvalidRequest, NoSpecialist, NotAllowed
from guardian_cluster.request.needs import Needs


def withheld_from(specialist: contract.Specialist, tenant: contract.Tenant) -> NotAllowed | None:
    """Return why a tenant's requests may not be given to a specialist, or `None` when they may."""
    if tenant.specialists and specialist.name not in tenant.specialists:
        message = f"The requests of this tenant may be answered by {', '.join(tenant.specialists)} alone"
    elif missing := [label for label in tenant.requires if label not in specialist.labels]:
        if specialist.kind != "http":  # what is built in passes nothing on to anybody
            return None
        message = f"The data policy of this tenant requires {', '.join(missing)}"
    else:
        return None
    return NotAllowed(f"{message}, and not `{specialist.name}`.", code="tenant_policy", param="model")


def over_ceiling(
    expected_usd: float, specialist: contract.Specialist, ceiling_usd: float | None
) -> InvalidRequest | None:
    """Return why an answer would cost more than it may, or `None` when it would not."""
    if ceiling_usd is None or expected_usd <= ceiling_usd:
        return None
    return InvalidRequest(
        f"An answer of `{specialist.name}` is expected to cost {expected_usd:.6f} USD, and this request may cost "
        f"{ceiling_usd:g}; ask a cheaper one, set a lower `max_tokens`, or raise the limit.",
        code="over_cost_ceiling",
    )


def lowest(ceilings: Iterable[float | None]) -> float | None:
    """Return the limit that binds; `None` where there is none."""
    return min([each for each in ceilings if each is not None], default=None)


def builtin_lacks(needs: Needs) -> str | None:
    """Return what a request wants that no capability names, and only models have."""
    if needs.choices > 1:
        return "several choices (`n`)"
    return "log probabilities" if needs.logprobs else None


def shortcoming(specialist: contract.Specialist, needs: Needs) -> GuardianError | None:
    """Return why a specialist cannot serve a request, or `None` when it can."""
    able = specialist.capabilities
    if (lacking := _lacking(needs, able)) is not None:
        return InvalidRequest(
            f"`{specialist.name}` does not support {lacking}.", code="unsupported_capability"
        )
    if specialist.kind != "http" and (lack := builtin_lacks(needs)) is not None:
        return InvalidRequest(f"`{specialist.name}` does not support {lack}.", code="unsupported_capability")
    limit = specialist.context_length
    if needs.embeddings:
        return None  # each of its inputs has the whole window, and which of them is too long the model says
    if limit is not None and needs.input_tokens > limit:
        text = f"`{specialist.name}` takes {limit} tokens and the messages hold about {needs.input_tokens}; send fewer."
        return InvalidRequest(text, code="context_length_exceeded", param="messages")
    return None


def _lacking(needs: Needs, able: contract.Capabilities) -> str | None:
    if needs.embeddings and not able.embeddings:
        return "embeddings"
    if needs.tools and not able.tools:
        return "tools"
    if needs.vision and not able.vision:
        return "images"
    return "JSON answers" if needs.json and not able.json else None


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
