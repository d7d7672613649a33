"""Decide whether each specialist can be reached: one form of endpoint, an address, a model, a key to send."""

import importlib.util
from urllib.parse import urlsplit

from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.problems import Problems, dotted
from guardian_cluster.configuration.sections import EndpointSection, Sections, SpecialistSection
from guardian_cluster.contract.secret import Secret

_OWN_FIELDS = frozenset({"messages", "model", "stream", "stream_options"})
"""Request fields that the gateway sets itself."""

_FOR_MODELS = (
    "url",
    "model",
    "api_key",
    "requests_per_minute",
    "tokens_per_minute",
    "endpoint",
    "continuation",
    "hedge",
    "proxy",
    "ca_file",
    "instructions",
    "parameters",
)
"""Keys that have no meaning where no model is asked."""

_UNSET = SpecialistSection()

_EXAMPLE_URL = 'such as url = "http://127.0.0.1:11434/v1"'


def check_specialists(sections: Sections, problems: Problems) -> None:
    """Report specialists that could never answer."""
    enabled = sections.enabled_specialists()
    if not enabled:
        message = "no specialist is enabled, so no request could be answered"
        problems.add((), "config-no-specialist", message, "add a [specialist.NAME] with a url and a model")
    for name, section in enabled.items():
        path: KeyPath = ("specialist", name)
        if section.builtin is not None:
            _check_builtin(section, path, problems)
        else:
            _check_endpoints(section, path, problems)
            _check_way(section, path, problems)
        for key in _OWN_FIELDS & section.parameters.keys():
            where = (*path, "parameters", key)
            problems.add(where, "config-reserved-parameter", f"{dotted(where)} is set by the gateway itself")


def _check_builtin(section: SpecialistSection, path: KeyPath, problems: Problems) -> None:
    for key in _FOR_MODELS:
        if getattr(section, key) != getattr(_UNSET, key):
            message = f"{dotted((*path, key))} has no meaning for a built-in specialist"
            problems.add((*path, key), "config-builtin-endpoint", message)


def _check_endpoints(section: SpecialistSection, path: KeyPath, problems: Problems) -> None:
    if section.url is not None and section.endpoint:
        message = f"[{dotted(path)}] has both a url and [[{dotted(path)}.endpoint]]"
        problems.add((*path, "url"), "config-two-forms", message, "move the url into an endpoint of its own")
        return
    if not section.endpoint:
        _check_endpoint(section, section, path, problems)
    for index, endpoint in enumerate(section.endpoint):
        _check_endpoint(endpoint, section, (*path, "endpoint", index), problems)


def _check_way(section: SpecialistSection, path: KeyPath, problems: Problems) -> None:
    """Report a proxy that is none, or cannot be used here, and authorities that cannot be read."""
    if section.proxy is not None and section.proxy.value:
        where = (*path, "proxy")
        if not _is_proxy(section.proxy.value):
            message = f"{dotted(where)} is not the address of an HTTP proxy"
            problems.add(where, "config-bad-url", message, 'such as proxy = "http://HOST:3128"')
        elif importlib.util.find_spec("aiohttp") is None:
            message = f"{dotted(where)} needs the extra that speaks to proxies"
            problems.add(where, "config-missing-extra", message, "pip install 'llm-guardian-cluster[proxy]'")
    if section.ca_file is not None:
        check_authorities(section.ca_file, (*path, "ca_file"), problems)


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check_authorities(name: str, path: KeyPath, problems: Problems) -> None:
    """Report a file by which no certificate could be accepted."""
    import ssl  # here, as most configurations name no file

    try:
        ssl.create_default_context(cafile=name)
    except OSError as error:  # SSLError is one
        reason = (error.reason if isinstance(error, ssl.SSLError) else None) or error.strerror
        message = f"{dotted(path)} {problems.quote(path, name)} cannot be used: {reason}"
        problems.add(
            path, "config-bad-tls", message, "a PEM file is needed, with the authority's certificate"
        )


def _check_endpoint(
    endpoint: EndpointSection | SpecialistSection,
    section: SpecialistSection,
    path: KeyPath,
    problems: Problems,
) -> None:
    table = dotted(path) if isinstance(path[-1], int) else f"[{dotted(path)}]"
    if endpoint.url is None:
        hint = f"the OpenAI-compatible base address, {_EXAMPLE_URL}"
        problems.add((*path, "url"), "config-missing-key", f'{table} needs "url"', hint)
    elif problem := _url_problem(endpoint.url):
        problems.add((*path, "url"), "config-bad-url", f"{dotted((*path, 'url'))} {problem}")
    if not (endpoint.model or section.model):
        hint = "the name its server knows the model by; GET /models of that address lists them"
        problems.add((*path, "model"), "config-missing-key", f'{table} needs "model"', hint)
    if endpoint.api_key is not None and not _is_sendable(endpoint.api_key):
        message = f"{dotted((*path, 'api_key'))} has characters that cannot be sent in a header"
        problems.add(
            (*path, "api_key"), "config-bad-api-key", message, "is there a line break or a space in it?"
        )


def _url_problem(url: str) -> str | None:
    """Return what is wrong with `url`, never the url: a key put there by mistake must not be printed."""
    try:
        parts = urlsplit(url)
        is_absolute = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_absolute = False
        parts = urlsplit("")
    if not is_absolute or not url.isprintable() or " " in url:
        return f"is not an absolute http or https address, {_EXAMPLE_URL}"
    if "@" in parts.netloc:
        return "must not hold a user name or password; use api_key"
    if parts.query or parts.fragment:
        return "must not have a query or fragment"
    if parts.path.rstrip("/").endswith(("/chat/completions", "/embeddings", "/completions")):
        return f"must be the base address alone, {_EXAMPLE_URL}"
    return None


def _is_sendable(key: Secret) -> bool:
    return key.value.isascii() and key.value.isprintable() and " " not in key.value
