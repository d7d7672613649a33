import tomllib

import jsonschema_rs
import pytest

from guardian_cluster.configuration.schema import json_schema

FULL = """
[gateway]
listen = "0.0.0.0:8600"
limits = { max_messages = 5, drain_s = 0 }
[log]
level = "${LEVEL:-info}"
[[watch.deny]]
name = "n"
text = "t"
[alias]
x = "auto"
[tenant.t.limits]
requests_per_minute = "${RATE}"
[recovery.playbook]
hang = ["drain", "page"]
[recovery.backup]
m = ["n"]
[alerts.sinks.oncall]
kind = "pagerduty"
key = "${KEY}"
[[alerts.escalation]]
after_s = 300
sinks = ["oncall"]
[specialist.m]
url = "http://h/v1"
model = "m"
api_key = "k"
price = { input_usd = 1 }
parameters = { a = 1, b = "x", c = true, d = 0.5 }
[[specialist.n.endpoint]]
url = "http://h/v1"
"""


@pytest.fixture(scope="module")
def validator():
    return jsonschema_rs.Draft202012Validator(json_schema())


def test_a_full_configuration_fits(validator):
    assert [error.message for error in validator.iter_errors(tomllib.loads(FULL))] == []


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        "[gateway]\nlistn = 'x'",
        "[log]\nlevel = 'loud'",
        "[specialist.m]\ntier = 0",
        "[specialist.m]\ntier = '1'",
        "[specialist.m]\nprice = { input_usd = -1 }",
        "[specialist.m.timeouts]\ntotal_s = 0",
        "[records]\nsample_rate = 1.1",
        "[[watch.deny]]\nname = 'x'",
        "[alias]\na = 1",
        "[watch]\non_refusal = 'stop'",
        "[watch.personal]\ncrd = 'redact'",
        "[recovery.playbook]\nhng = ['drain']",
        "[recovery.playbook]\nhang = ['drian']",
        "[recovery]\nhold_s = 5",
        "[alerts.sinks.s]\nurl = 'http://h'",
        "[alerts.sinks.s]\nkind = 'pager'",
        "[[alerts.escalation]]\nafter_s = 5",
        "[specialist.m.parameters]\nstop = ['x']",
        f"[gateway.limits]\nmax_messages = {2**63}",
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(validator, text):
    assert not validator.is_valid(tomllib.loads(text))


def test_defaults_and_descriptions_come_from_the_types():
    limits = json_schema()["properties"]["gateway"]["properties"]["limits"]

    assert limits["properties"]["max_attempts"]["default"] == 3
    assert (
        limits["properties"]["max_attempts"]["description"] == "Attempts for one request, over all endpoints."
    )
    assert limits["description"] == "What one request may cost the gateway before it is refused."
