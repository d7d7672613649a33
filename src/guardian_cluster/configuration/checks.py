"""Decide whether well-formed sections also make sense: the listener, its files, the watch policies."""

from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.name_checks import check_names
from guardian_cluster.configuration.problems import Problems, dotted
from guardian_cluster.configuration.sections import GatewaySection, ListenAddress, Sections
from guardian_cluster.configuration.specialist_checks import check_specialists
from guardian_cluster.contract.snapshot import WatchPolicy

MIN_CANARY_LENGTH = 8
"""A shorter mark would occur in honest answers too, and cut them."""


def check(sections: Sections, problems: Problems) -> None:
    """Report everything that contradicts itself, names what is not there, or could never work."""
    _check_gateway(sections.gateway, problems)
    _check_watch(sections.watch, ("watch",), problems)
    for name, tenant in sections.tenant.items():
        if tenant.watch is not None:
            _check_watch(tenant.watch, ("tenant", name, "watch"), problems)
    check_specialists(sections, problems)
    check_names(sections, problems)


def _check_gateway(gateway: GatewaySection, problems: Problems) -> None:
    try:
        ListenAddress.parse(gateway.listen)
    except ValueError as error:
        problems.add(("gateway", "listen"), "config-bad-listen", f"gateway.listen {error}")
    _check_tls(gateway, problems)
    for index, text in enumerate(gateway.trusted_proxies):
        if not _is_network(text):
            path = ("gateway", "trusted_proxies", index)
            what = "is neither an address nor a network such as 10.0.0.0/8"
            problems.add(path, "config-bad-proxy", f"{dotted(path)} {problems.quote(path, text)} {what}")
    for index, text in enumerate(gateway.cors_origins):
        if text != "*" and not _is_origin(text):
            path = ("gateway", "cors_origins", index)
            what = 'is neither "*" nor of the form "https://HOST[:PORT]"'
            problems.add(path, "config-bad-origin", f"{dotted(path)} {problems.quote(path, text)} {what}")


def _check_tls(gateway: GatewaySection, problems: Problems) -> None:
    files = {"tls_certificate": gateway.tls_certificate, "tls_key": gateway.tls_key}
    for key, name in files.items():
        other = "tls_key" if key == "tls_certificate" else "tls_certificate"
        if name is not None and files[other] is None:
            message = f"gateway.{key} needs gateway.{other} too"
            problems.add(("gateway", other), "config-incomplete-tls", message)
        if name is not None and not Path(name).is_file():
            message = f"gateway.{key} {problems.quote(('gateway', key), name)} is not a file"
            problems.add(("gateway", key), "config-missing-tls-file", message)


def _check_watch(watch: WatchPolicy, path: KeyPath, problems: Problems) -> None:
    for index, rule in enumerate(watch.deny):
        for key, text in (("name", rule.name), ("text", rule.text)):
            if not text.strip():
                where = (*path, "deny", index, key)
                problems.add(where, "config-empty-rule", f"{dotted(where)} must not be empty")
    for index, canary in enumerate(watch.canaries):
        if len(canary.strip()) < MIN_CANARY_LENGTH:
            where = (*path, "canaries", index)
            message = (
                f"{dotted(where)} needs at least {MIN_CANARY_LENGTH} characters, or honest answers contain it"
            )
            problems.add(where, "config-short-canary", message)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and parts.scheme in ("http", "https") and text == f"{parts.scheme}://{parts.netloc}"
