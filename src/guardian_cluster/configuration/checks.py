"""Decide whether well-formed sections also make sense: the listener, its files, and the rest by name."""

import os
import re
from pathlib import Path

from guardian_cluster.configuration.alert_checks import check_alerts
from guardian_cluster.configuration.name_checks import check_names
from guardian_cluster.configuration.problems import Problems, dotted
from guardian_cluster.configuration.recovery_checks import check_recovery
from guardian_cluster.configuration.sections import DataSection, GatewaySection, ListenAddress, Sections
from guardian_cluster.configuration.specialist_checks import check_specialists
from guardian_cluster.configuration.standin_checks import check_standins
from guardian_cluster.configuration.watch_checks import check_watch
from guardian_cluster.contract.snapshot import MemoryPolicy

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?")
_USUAL_PORTS = {"http": "80", "https": "443"}
"""Browsers leave them out."""


def check(sections: Sections, problems: Problems) -> None:
    """Report everything that contradicts itself, names what is not there, or could never work."""
    _check_gateway(sections.gateway, problems)
    _check_data(sections.data, problems)
    _check_memory(sections.memory, problems)
    check_watch(sections, problems)
    check_specialists(sections, problems)
    check_names(sections, problems)
    check_standins(sections, problems)
    check_recovery(sections, problems)
    check_alerts(sections.alerts, problems)


def _check_gateway(gateway: GatewaySection, problems: Problems) -> None:
    try:
        ListenAddress.parse(gateway.listen)
    except ValueError as error:
        path = ("gateway", "listen")
        message = f"gateway.listen {problems.quote(path, gateway.listen)} {error}"
        problems.add(path, "config-bad-listen", message)
    _check_tls(gateway, problems)
    for index, text in enumerate(gateway.cors_origins):
        if text != "*" and not _is_origin(text):
            path = ("gateway", "cors_origins", index)
            what = 'is neither "*" nor of the form "https://HOST[:PORT]"'
            hint = "as browsers send it: in lower case, without the usual port"
            message = f"{dotted(path)} {problems.quote(path, text)} {what}"
            problems.add(path, "config-bad-origin", message, hint)


def _check_data(data: DataSection, problems: Problems) -> None:
    if data.folder is not None and os.path.exists(data.folder) and not os.path.isdir(data.folder):
        path = ("data", "folder")
        message = f"data.folder {problems.quote(path, data.folder)} is a file"
        problems.add(path, "config-bad-folder", message, "name a folder; one that is not there yet is made")


def _check_memory(memory: MemoryPolicy, problems: Problems) -> None:
    if memory.url is not None and not memory.url.value.startswith(("postgresql://", "postgres://")):
        hint = "without it, memory is a file in the data folder"
        path = ("memory", "url")
        problems.add(path, "config-bad-url", 'memory.url must begin with "postgresql://"', hint)


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
    certificate, private_key = gateway.tls_certificate, gateway.tls_key
    if certificate and private_key and Path(certificate).is_file() and Path(private_key).is_file():
        _check_tls_pair(certificate, private_key, problems)


def _check_tls_pair(certificate: str, private_key: str, problems: Problems) -> None:
    """Report files that the gateway could not serve TLS with."""
    import ssl  # here, as most commands and configurations need none

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, private_key, password="")
    except OSError as error:  # SSLError is one
        path = ("gateway", "tls_certificate")
        reason = (error.reason if isinstance(error, ssl.SSLError) else None) or error.strerror
        files = f"{problems.quote(path, certificate)} and gateway.tls_key"
        files += f" {problems.quote(('gateway', 'tls_key'), private_key)}"
        hint = "PEM files are needed: a certificate with its chain, and its private key without a password"
        problems.add(
            path, "config-bad-tls", f"gateway.tls_certificate {files} cannot be used: {reason}", hint
        )


def _is_origin(text: str) -> bool:
    """Return whether a browser could send this: an origin is compared as it is sent, byte for byte."""
    found = _ORIGIN.fullmatch(text)
    if found is None or found["port"] == _USUAL_PORTS[found["scheme"]]:
        return False
    return int(found["port"] or 0) <= 65_535
