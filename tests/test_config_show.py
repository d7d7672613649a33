import pytest

from guardian_cluster.config import read_config
from guardian_cluster.configuration.showing import shown_values

TEXT = """\
[gateway]
listen = "127.0.0.1:1"
[specialist.m]
url = "${URL}"
model = "m"
api_key = "${KEY}"
good_at = ["a", "${GOOD}"]
[[specialist.n.endpoint]]
url = "http://h/v1"
model = "n"
api_key = "in-the-file"
[[watch.deny]]
name = "project"
text = "${PROJECT}"
[alerts.sinks.oncall]
kind = "pagerduty"
key = "${PAGER}"
url = "https://in-the-file"
[watch]
canaries = ["${CANARY}", "canary-in-file"]
"""

ENVIRONMENT = {
    "URL": "http://u/v1",
    "KEY": "sk-hidden",
    "PAGER": "pager-hidden",
    "GOOD": "b",
    "PROJECT": "Bluebird",
    "CANARY": "canary-hidden",
    "GUARDIAN_LOG__LEVEL": "debug",
    "GUARDIAN_SPECIALIST__N__ENDPOINT": '[{url = "http://e/v1", model = "e", api_key = "sk-variable"}]',
}


@pytest.fixture
def show(tmp_path):
    """Return the shown values of a configuration by key."""

    def show(text, environment, **options):
        file = tmp_path / "guardian.toml"
        file.write_text(text)
        values = shown_values(read_config(file, environment=environment, **options))
        return {each.key: (str(each), each.source.replace(f"{tmp_path}/", "")) for each in values}

    return show


def test_each_value_has_its_source(show):
    shown = show(TEXT, ENVIRONMENT, flags={"gateway.listen": "127.0.0.1:2"})

    assert shown["gateway.listen"] == ('gateway.listen = "127.0.0.1:2"', "--listen")
    assert shown["log.level"] == ('log.level = "debug"', "GUARDIAN_LOG__LEVEL")
    assert shown["log.format"] == ('log.format = "text"', "default")
    assert shown["specialist.m.url"] == ('specialist.m.url = "http://u/v1"', "guardian.toml:4, URL")
    assert shown["specialist.m.good_at"] == ('specialist.m.good_at = ["a", "b"]', "guardian.toml:7")
    assert shown["specialist.m.context_length"] == ("specialist.m.context_length = (none)", "default")


def test_secrets_show_their_source_alone(show):
    shown = show(TEXT, ENVIRONMENT)

    assert shown["alerts.sinks.oncall.key"] == ("alerts.sinks.oncall.key = •••• (PAGER)", "guardian.toml:17")
    assert shown["alerts.sinks.oncall.url"][0] == "alerts.sinks.oncall.url = •••• (guardian.toml)"
    assert shown["specialist.m.api_key"] == ("specialist.m.api_key = •••• (KEY)", "guardian.toml:6")
    assert shown["watch.deny[0].text"] == ("watch.deny[0].text = •••• (PROJECT)", "guardian.toml:14, PROJECT")
    assert shown["watch.canaries"] == (
        'watch.canaries = ["•••• (CANARY)", "canary-in-file"]',
        "guardian.toml:20",
    )


def test_a_secret_of_an_array_in_a_variable_is_masked(show):
    shown = show(TEXT, ENVIRONMENT)

    assert shown["specialist.n.endpoint[0].url"][0] == 'specialist.n.endpoint[0].url = "http://e/v1"'
    assert shown["specialist.n.endpoint[0].api_key"] == (
        "specialist.n.endpoint[0].api_key = •••• (GUARDIAN_SPECIALIST__N__ENDPOINT)",
        "GUARDIAN_SPECIALIST__N__ENDPOINT",
    )


def test_no_secret_is_in_any_line(show):
    everything = str(show(TEXT, ENVIRONMENT)) + str(
        show(TEXT, {k: v for k, v in ENVIRONMENT.items() if "N__" not in k})
    )

    assert not any(secret in everything for secret in ("hidden", "Bluebird", "sk-variable", "in-the-file"))


def test_what_is_worked_out_is_shown_as_a_default(show):
    shown = show("", {})

    assert shown["specialist.solver.builtin"] == ('specialist.solver.builtin = "solver"', "default")
    assert shown["data.folder"][0].endswith('/guardian"')
