"""How it is configured who is called: sinks with what their kind needs, and steps that lead to them."""

import pytest
import trustme

from guardian_cluster.config import Config, load_config
from guardian_cluster.contract.secret import Secret
from guardian_cluster.errors import ConfigError

COMPLETE = {
    "pagerduty": 'key = "k1"\n',
    "alertmanager": 'url = "http://127.0.0.1:9093"\n',
    "slack": 'url = "https://hooks.example/T/B/x?y=z"\n',
    "webhook": 'url = "https://h.example/in?token=t"\nkey = "s"\n',
    "email": 'url = "smtp://mail.example:587"\nsender = "a@example.com"\nto = ["b@example.com"]\n',
}


def sink(kind: str, more: str | None = None) -> str:
    return f'[alerts.sinks.s]\nkind = "{kind}"\n{COMPLETE[kind] if more is None else more}\n'


@pytest.fixture
def outcome(tmp_path):
    """Load a text and return it as a configuration, or what is said of it."""

    def outcome(text: str, **environment: str) -> Config | str:
        file = tmp_path / "guardian.toml"
        file.write_text(text)
        try:
            return load_config(file, environment=environment)
        except ConfigError as error:
            return str(error).replace(f"{tmp_path}/", "")

    return outcome


def said(message: str, code: str, hint: str = "") -> str:
    lines = [f"error: guardian.toml:{message}", f"  {hint}", f"  see: guardian config schema      ({code})"]
    return "\n".join(line for line in lines if line.strip())


@pytest.mark.parametrize("kind", COMPLETE)
def test_a_sink_with_what_its_kind_needs_is_deployed(outcome, kind: str):
    alerts = outcome(sink(kind)).base().alerts

    assert alerts.sinks["s"].kind == kind


@pytest.mark.parametrize("kind", COMPLETE)
def test_each_key_that_a_kind_needs_is_asked_for(outcome, kind: str):
    for missing in COMPLETE[kind].splitlines():
        key = missing.split(" ")[0]
        rest = COMPLETE[kind].replace(missing, "")

        assert f'guardian.toml:1: [alerts.sinks.s] of kind {kind} needs "{key}"' in outcome(sink(kind, rest))


def test_alerts_without_sinks_are_no_error(outcome):
    found = outcome('[alerts]\npage_from = "critical"\npages_per_hour = 1\n').base().alerts

    assert (found.page_from, found.pages_per_hour, found.sinks) == ("critical", 1, {})


def test_steps_are_deployed_in_their_order(outcome):
    steps = '[[alerts.escalation]]\nsinks = ["s"]\n[[alerts.escalation]]\nafter_s = 300\nsinks = ["s"]\n'

    first, second = outcome(sink("slack") + steps).base().alerts.escalation

    assert [(each.after_s, each.sinks) for each in (first, second)] == [(0.0, ("s",)), (300.0, ("s",))]


def test_a_secret_comes_from_a_variable_and_is_not_shown(outcome):
    found = outcome(sink("pagerduty", 'key = "${PAGER}"'), PAGER="sekret").base().alerts.sinks["s"]

    assert found.key == Secret("sekret", "PAGER")
    assert "sekret" not in repr(found)


def test_a_key_that_a_variable_left_empty_is_missing(outcome):
    found = outcome(sink("webhook", 'url = "http://h"\nkey = "${NONE:-}"'))

    hint = "a long random text, by which the receiver knows that an alert is yours"
    assert found == said('4: [alerts.sinks.s] of kind webhook needs "key"', "config-missing-key", hint)


def test_an_address_that_a_variable_left_empty_is_none(outcome):
    assert outcome(sink("pagerduty", 'key = "k"\nurl = "${NONE:-}"')).base().alerts.sinks["s"].url is None


URLS = {
    ("slack", "hooks.example/x"): "is not an absolute http or https address",
    ("slack", "smtp://hooks.example"): "is not an absolute http or https address",
    ("slack", "https://hooks.example/a b"): "is not an absolute http or https address",
    ("slack", "https://hooks.example:99999/"): "is not an absolute http or https address",
    ("slack", "https://[::1/"): "is not an absolute http or https address",
    ("webhook", "https://u:p@h.example/x"): "must not hold a user name or password",
    ("webhook", "https://h.example/x#y"): "must not have a fragment",
    ("alertmanager", "http://h:9093/am/api/v2/alerts"): (
        "must be the base address alone, to which /api/v2/alerts is added"
    ),
    ("alertmanager", "http://h:9093/api"): "must be the base address alone, to which /api/v2/alerts is added",
    (
        "alertmanager",
        "http://h:9093/?x=y",
    ): "must be the base address alone, to which /api/v2/alerts is added",
    ("pagerduty", "https://h/v2/enqueue/"): "must be the base address alone, to which /v2/enqueue is added",
    ("email", "https://mail.example"): "is not an absolute smtp or smtps address",
    ("email", "mail.of.mine:25"): "is not an absolute smtp or smtps address",
    ("email", "smtp://u:p@mail.example"): "must not hold a user name or password; use user and key",
    ("email", "smtps://mail.example:465/x"): "must be a server and its port alone",
}


@pytest.mark.parametrize(("kind", "url"), URLS)
def test_an_address_that_cannot_be_a_sinks_is_explained_and_never_repeated(outcome, kind: str, url: str):
    lines = [line for line in COMPLETE[kind].splitlines() if not line.startswith("url")]
    found = outcome(sink(kind, "\n".join([f'url = "{url}"', *lines])))

    assert found.startswith(f"error: guardian.toml:3: alerts.sinks.s.url {URLS[kind, url]}\n")
    assert "config-bad-url" in found
    assert url not in found


WRONG = {
    '[alerts.sinks.s]\nurl = "http://h"': (
        '1: [alerts.sinks.s] needs "kind"',
        "config-missing-key",
        "",
    ),
    '[alerts.sinks.s]\nkind = "pager"': (
        "2: alerts.sinks.s.kind must be one of alertmanager, email, pagerduty, slack, webhook",
        "config-bad-value",
        "",
    ),
    '[alerts.sinks."a b"]\nkind = "slack"\nurl = "http://h"': (
        '1: sink name "a b" may only have the characters a-z 0-9 . _ -',
        "config-bad-name",
        "at most 64 of them, the first a letter or digit",
    ),
    sink("slack", 'url = "http://h"\nkey = "k"'): (
        "4: alerts.sinks.s.key has no meaning for a sink of kind slack",
        "config-foreign-key",
        "it has url",
    ),
    sink("pagerduty", 'key = "k"\nto = ["a@b"]'): (
        "4: alerts.sinks.s.to has no meaning for a sink of kind pagerduty",
        "config-foreign-key",
        "it has key, url",
    ),
    sink("pagerduty", 'key = "a b"'): (
        "3: alerts.sinks.s.key has characters that no integration key has",
        "config-bad-api-key",
        "is there a line break or a space in it?",
    ),
    sink("webhook", 'url = "http://h"\nkey = "whsec_abc"'): (
        "4: alerts.sinks.s.key begins with whsec_, and no base64 follows",
        "config-bad-api-key",
        "was it cut off, or is a line break in it?",
    ),
    sink("email", COMPLETE["email"] + 'user = "u"'): (
        "1: alerts.sinks.s.user needs alerts.sinks.s.key too",
        "config-missing-key",
        "key is the password of that user",
    ),
    sink("email", COMPLETE["email"] + 'key = "k"'): (
        "1: alerts.sinks.s.key needs alerts.sinks.s.user too",
        "config-missing-key",
        "key is the password of that user",
    ),
    sink("email", COMPLETE["email"].replace("b@example.com", "b@c\\r\\nBcc: x@y")): (
        '5: alerts.sinks.s.to[0] "b@c\\u000d\\u000aBcc: x@y" is no e-mail address',
        "config-bad-address",
        "as in oncall@example.com, without a name",
    ),
    sink("email", COMPLETE["email"].replace("a@example.com", "A <a@example.com>")): (
        '4: alerts.sinks.s.sender "A <a@example.com>" is no e-mail address',
        "config-bad-address",
        "as in oncall@example.com, without a name",
    ),
    sink("slack") + '[[alerts.escalation]]\nafter_s = 5\nsinks = ["t"]': (
        '7: alerts.escalation[0].sinks[0] names "t", but there is no such sink',
        "config-unknown-sink",
        "known: s",
    ),
    '[[alerts.escalation]]\nsinks = ["t"]': (
        '2: alerts.escalation[0].sinks[0] names "t", but there is no such sink',
        "config-unknown-sink",
        "sinks are [alerts.sinks.NAME]",
    ),
    sink("slack") + '[[alerts.escalation]]\nsinks = ["s"]\n[[alerts.escalation]]\nsinks = ["s"]': (
        "7: alerts.escalation[1].after_s must be later than the 0 of the step before it",
        "config-escalation-order",
        "all are seconds since people were first to be called",
    ),
    sink("slack") + '[[alerts.escalation]]\nsinks = ["s", "s"]': (
        '6: alerts.escalation[0].sinks names "s", which it has already',
        "config-repeated-entry",
        "",
    ),
    "[[alerts.escalation]]\nafter_s = 5\nsinks = []": (
        "3: alerts.escalation[0].sinks must not be empty",
        "config-bad-value",
        "",
    ),
    '[alerts]\npage_from = "fatal"': (
        "2: alerts.page_from must be one of critical, error, info, warning",
        "config-bad-value",
        "",
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_could_call_nobody_is_said_with_its_line(outcome, text: str):
    assert outcome(text) == said(*WRONG[text])


def test_an_authority_of_its_own_starts_at_the_folder_of_the_file(outcome, tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    found = outcome(sink("slack") + 'ca_file = "ca.pem"').base().alerts.sinks["s"]

    assert found.ca_file == str(tmp_path / "ca.pem")
    assert "config-bad-tls" in outcome(sink("slack") + 'ca_file = "no.pem"')
