"""Decide whether people could be called: each sink with all that its kind needs, and steps that lead to sinks."""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.problems import Problems, dotted
from guardian_cluster.configuration.recovery_checks import check_repeated
from guardian_cluster.configuration.specialist_checks import check_authorities
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, EscalationStep, Sink
from guardian_cluster.domain.alert import SinkKind

_WEB = ("http", "https")
_MAIL = ("smtp", "smtps")

_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"
)
"""As browsers take an e-mail address (HTML, `input type=email`): no name beside it, and nothing that ends a header."""

_ENCODED = "whsec_"
"""Stands before a webhook's key that is written in base64, as the convention of Standard Webhooks has it."""

_UNSET = Sink(kind="webhook")


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a kind of sink has, besides an authority of its own."""

    required: tuple[str, ...]
    allowed: tuple[str, ...] = ()
    schemes: tuple[str, ...] = _WEB
    adds: str = ""
    """What is added to its address; empty is nothing."""


_NEEDS: dict[SinkKind, _Needs] = {
    "pagerduty": _Needs(required=("key",), allowed=("url",), adds="/v2/enqueue"),
    "alertmanager": _Needs(required=("url",), adds="/api/v2/alerts"),
    "slack": _Needs(required=("url",)),
    "webhook": _Needs(required=("url", "key")),
    "email": _Needs(required=("url", "sender", "to"), allowed=("user", "key"), schemes=_MAIL),
}

_HINTS: dict[tuple[SinkKind, str], str] = {
    ("pagerduty", "key"): "the integration key of a service, of the type Events API v2",
    ("alertmanager", "url"): 'its base address, such as url = "http://127.0.0.1:9093"',
    ("slack", "url"): "the address of an incoming webhook, as Slack shows it",
    ("webhook", "url"): "the address that alerts are posted to",
    ("webhook", "key"): "a long random text, by which the receiver knows that an alert is yours",
    ("email", "url"): 'the server that takes your mail, such as url = "smtp://mail.example:587"',
    ("email", "sender"): 'the address that alerts come from, such as sender = "guardian@example.com"',
    ("email", "to"): 'the addresses that alerts go to, such as to = ["oncall@example.com"]',
}


def check_alerts(alerts: AlertPolicy, problems: Problems) -> None:
    """Report sinks that nothing could be sent to, and steps of the escalation that call nobody or out of order."""
    for name, sink in alerts.sinks.items():
        path: KeyPath = ("alerts", "sinks", name)
        if not problems.has((*path, "kind")):  # what it needs follows from its kind
            _check_keys(sink, path, problems)
            _check_addresses(sink, path, problems)
    _check_escalation(alerts, problems)


def _check_keys(sink: Sink, path: KeyPath, problems: Problems) -> None:
    needs = _NEEDS[sink.kind]
    for key in needs.required:
        if not _is_given(sink, key):
            message = f'[{dotted(path)}] of kind {sink.kind} needs "{key}"'
            problems.add((*path, key), "config-missing-key", message, _HINTS[sink.kind, key])
    for key in sink.__struct_fields__:
        is_foreign = key not in (*needs.required, *needs.allowed, "kind", "ca_file")
        if is_foreign and getattr(sink, key) != getattr(_UNSET, key):
            message = f"{dotted((*path, key))} has no meaning for a sink of kind {sink.kind}"
            hint = f"it has {', '.join((*needs.required, *needs.allowed))}"
            problems.add((*path, key), "config-foreign-key", message, hint)
    if "user" in needs.allowed and _is_given(sink, "user") != _is_given(sink, "key"):
        one, other = ("user", "key") if _is_given(sink, "user") else ("key", "user")
        message = f"{dotted((*path, one))} needs {dotted((*path, other))} too"
        problems.add((*path, other), "config-missing-key", message, "key is the password of that user")


def _is_given(sink: Sink, key: str) -> bool:
    value = getattr(sink, key)
    return bool(value.value if isinstance(value, Secret) else value)


def _check_addresses(sink: Sink, path: KeyPath, problems: Problems) -> None:
    if sink.url is not None and sink.url.value and (problem := _url_problem(sink)):
        where = (*path, "url")
        problems.add(
            where, "config-bad-url", f"{dotted(where)} {problem}", _HINTS.get((sink.kind, "url"), "")
        )
    if sink.ca_file is not None:
        check_authorities(sink.ca_file, (*path, "ca_file"), problems)
    _check_key(sink, (*path, "key"), problems)
    if sink.sender:
        _check_mail_address(sink.sender, (*path, "sender"), problems)
    for index, address in enumerate(sink.to):
        _check_mail_address(address, (*path, "to", index), problems)
    check_repeated(sink.to, (*path, "to"), problems)


def _check_key(sink: Sink, path: KeyPath, problems: Problems) -> None:
    key = "" if sink.key is None else sink.key.value
    if sink.kind == "pagerduty" and not _is_plain(key):
        message = f"{dotted(path)} has characters that no integration key has"
        problems.add(path, "config-bad-api-key", message, "is there a line break or a space in it?")
    if sink.kind == "webhook" and key.startswith(_ENCODED) and not _is_base64(key.removeprefix(_ENCODED)):
        message = f"{dotted(path)} begins with {_ENCODED}, and no base64 follows"
        problems.add(path, "config-bad-api-key", message, "was it cut off, or is a line break in it?")


def _is_base64(text: str) -> bool:
    try:
        return bool(b64decode(text, validate=True))
    except ValueError:  # binascii.Error is one; so is what a character outside ASCII raises
        return False


def _check_mail_address(address: str, path: KeyPath, problems: Problems) -> None:
    if _ADDRESS.fullmatch(address) is None:
        message = f"{dotted(path)} {problems.quote(path, address)} is no e-mail address"
        problems.add(path, "config-bad-address", message, "as in oncall@example.com, without a name")


def _url_problem(sink: Sink) -> str | None:
    """Return what is wrong with a sink's url, never the url: it may be all that protects it."""
    url, needs = "" if sink.url is None else sink.url.value, _NEEDS[sink.kind]
    try:
        parts = urlsplit(url)
        is_absolute = parts.scheme in needs.schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_absolute, parts = False, SplitResult("", "", "", "", "")
    if not is_absolute or not _is_plain(url):
        return f"is not an absolute {' or '.join(needs.schemes)} address"
    if "@" in parts.netloc:
        return (
            f"must not hold a user name or password{'; use user and key' if 'user' in needs.allowed else ''}"
        )
    if needs.schemes == _MAIL and (parts.path.strip("/") or parts.query or parts.fragment):
        return "must be a server and its port alone"
    if needs.adds and (
        parts.query or any(parts.path.rstrip("/").endswith(each) for each in _ends(needs.adds))
    ):
        return f"must be the base address alone, to which {needs.adds} is added"
    return "must not have a fragment" if parts.fragment else None


def _ends(added: str) -> Iterator[str]:
    """Yield with what an address ends that has what is added to it already, or its first parts."""
    parts = added.strip("/").split("/")
    return ("/" + "/".join(parts[:length]) for length in range(1, len(parts) + 1))


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _check_escalation(alerts: AlertPolicy, problems: Problems) -> None:
    before: EscalationStep | None = None
    for index, step in enumerate(alerts.escalation):
        path: KeyPath = ("alerts", "escalation", index)
        _check_sinks(step, alerts, (*path, "sinks"), problems)
        if before is not None and step.after_s <= before.after_s:
            where = (*path, "after_s")
            message = f"{dotted(where)} must be later than the {before.after_s:g} of the step before it"
            problems.add(
                where,
                "config-escalation-order",
                message,
                "all are seconds since people were first to be called",
            )
        before = step


def _check_sinks(step: EscalationStep, alerts: AlertPolicy, path: KeyPath, problems: Problems) -> None:
    if not step.sinks:
        problems.add(path, "config-bad-value", f"{dotted(path)} must not be empty")
    for index, name in enumerate(step.sinks):
        if name not in alerts.sinks:
            where = (*path, index)
            message = f"{dotted(where)} names {problems.quote(where, name)}, but there is no such sink"
            hint, _ = problems.suggest(name, alerts.sinks)
            problems.add(where, "config-unknown-sink", message, hint or "sinks are [alerts.sinks.NAME]")
    check_repeated(step.sinks, path, problems)
