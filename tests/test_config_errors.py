import pytest
import trustme

from guardian_cluster.config import load_config
from guardian_cluster.errors import ConfigError

MODEL = '[specialist.m]\nurl = "http://h/v1"\nmodel = "m"\n'


@pytest.fixture
def report(tmp_path):
    """Load a text that is wrong and return what is said about it."""

    def report(text, environment=None, **options) -> str:
        file = tmp_path / "guardian.toml"
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_config(file, environment=environment or {}, **options)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return report


def problem(message, code, hint=""):
    lines = [f"error: {message}", f"  {hint}", f"  see: guardian config schema      ({code})"]
    return "\n".join(line for line in lines if line.strip())


def test_an_unknown_key_has_a_line_and_a_suggestion(report):
    text = '#:schema x\n[gateway]\n\n[specialist.reasoner]\nurl = "http://h/v1"\n# model\nmodle = "m"\n'

    assert report(text) == (
        'error: guardian.toml:7: unknown key "modle" in [specialist.reasoner]\n'
        '  did you mean "model"?\n'
        "  see: guardian config schema      (config-unknown-key)"
    )


def test_all_problems_are_reported_at_once_in_the_order_of_their_lines(report):
    text = """
[gatewy]
[specialist.a]
url = "${URL}"
tier = 0
good_at = "math"
[[watch.deny]]
name = "x"
[alias]
b = "aa"
[gateway]
listen = "8600"
"""

    said = [line for line in report(text).split("\n") if line.startswith("error:")]
    assert said == [
        'error: guardian.toml:2: unknown section "gatewy"',
        'error: guardian.toml:3: [specialist.a] needs "model"',
        "error: guardian.toml:4: environment variable URL is not set (for specialist.a.url)",
        "error: guardian.toml:5: specialist.a.tier must be at least 1",
        "error: guardian.toml:6: specialist.a.good_at must be an array, not a string",
        'error: guardian.toml:7: watch.deny[0] needs "text"',
        'error: guardian.toml:10: alias "b" names "aa", but there is no such specialist',
        'error: guardian.toml:12: gateway.listen "8600" is not of the form "HOST:PORT",'
        ' such as "127.0.0.1:8600" or "[::1]:8600"',
    ]


def test_all_missing_variables_are_reported_together(report):
    text = MODEL + 'api_key = "${A_KEY}"\ninstructions = "${B_TEXT} and ${C_TEXT:-c}"'

    assert report(text) == "\n".join(
        problem(
            f"guardian.toml:{line}: environment variable {name} is not set (for specialist.m.{key})",
            "config-missing-variable",
            f"set it, or write ${{{name}:-DEFAULT}}",
        )
        for line, name, key in ((4, "A_KEY", "api_key"), (5, "B_TEXT", "instructions"))
    )


WRONG_TYPES = {
    "log = 5": "guardian.toml:1: log must be a table, not a whole number",
    "[[specialist]]": "guardian.toml:1: specialist must be a table, not an array",
    "[specialist]\nm = 1": "guardian.toml:2: specialist.m must be a table, not a whole number",
    f"{MODEL}tools = 1": "guardian.toml:4: specialist.m.tools must be true or false, not a whole number",
    f"{MODEL}tier = true": "guardian.toml:4: specialist.m.tier must be a whole number, not true or false",
    f"{MODEL}tier = 1.0": "guardian.toml:4: specialist.m.tier must be a whole number, not a number",
    f"{MODEL}api_key = 1": "guardian.toml:4: specialist.m.api_key must be a string, not a whole number",
    f"{MODEL}good_at = [\n'a',\n1979-05-27]": (
        "guardian.toml:6: specialist.m.good_at[1] must be a string, not a date or time"
    ),
    f"{MODEL}price = {{ input_usd = '1' }}": (
        "guardian.toml:4: specialist.m.price.input_usd must be a number, not a string"
    ),
    f"{MODEL}[specialist.m.parameters]\nstop = ['x']": (
        "guardian.toml:5: specialist.m.parameters.stop must be a string, a number, true or false,"
        " not an array"
    ),
}


@pytest.mark.parametrize("text", WRONG_TYPES)
def test_a_wrong_type_is_named_in_words(report, text):
    assert report(text) == problem(WRONG_TYPES[text], "config-wrong-type")


OUT_OF_RANGE = {
    "gateway.limits.max_body_bytes = 0": "gateway.limits.max_body_bytes must be at least 1",
    "gateway.limits.header_timeout_s = 0": "gateway.limits.header_timeout_s must be greater than 0",
    "gateway.limits.drain_s = -1": "gateway.limits.drain_s must be at least 0",
    "gateway.limits.body_timeout_s = 1e9": "gateway.limits.body_timeout_s must be at most 86400",
    "records.sample_rate = 1.5": "records.sample_rate must be at most 1",
    "records.bodies_days = 0": "records.bodies_days must be at least 1",
    "tenant.t.limits.budget_usd_per_month = 0": (
        "tenant.t.limits.budget_usd_per_month must be greater than 0"
    ),
    "tenant.t.limits.tokens_per_minute = 0": "tenant.t.limits.tokens_per_minute must be at least 1",
    "balancing.retry_share = 1.5": "balancing.retry_share must be at most 1",
    "balancing.hedge_share = -0.1": "balancing.hedge_share must be at least 0",
    "balancing.wait_s = 1e308": "balancing.wait_s must be at most 86400",
    "balancing.wait_s = nan": "balancing.wait_s must be a finite number",
    "guardians.cycle_s = 0.5": "guardians.cycle_s must be at least 1",
    "recovery.actions_per_hour = -1": "recovery.actions_per_hour must be at least 0",
    "recovery.hold_s = 9.9": "recovery.hold_s must be at least 10",
    "alerts.pages_per_hour = 0": "alerts.pages_per_hour must be at least 1",
    "guardians.window = 99": "guardians.window must be at least 100",
    "guardians.false_alarms_per_day = 0": "guardians.false_alarms_per_day must be greater than 0",
    "balancing.max_waiting = -1": "balancing.max_waiting must be at least 0",
    'specialist.m = {url = "http://h", model = "m", requests_per_minute = 0}': (
        "specialist.m.requests_per_minute must be at least 1"
    ),
    "records.sample_rate = nan": "records.sample_rate must be a finite number",
    "gateway.limits.max_messages = 9223372036854775808": (
        "gateway.limits.max_messages is a larger number than fits in 64 bits"
    ),
}


@pytest.mark.parametrize("text", OUT_OF_RANGE)
def test_a_number_out_of_bounds_is_told_its_bounds(report, text):
    assert report(text) == problem(f"guardian.toml:1: {OUT_OF_RANGE[text]}", "config-out-of-range")


URLS = {
    "htp://h/v1": 'is not an absolute http or https address, such as url = "http://127.0.0.1:11434/v1"',
    "h:80/v1": 'is not an absolute http or https address, such as url = "http://127.0.0.1:11434/v1"',
    "http://h:99999/v1": 'is not an absolute http or https address, such as url = "http://127.0.0.1:11434/v1"',
    "http://[::1/v1": 'is not an absolute http or https address, such as url = "http://127.0.0.1:11434/v1"',
    "http://h/v 1": 'is not an absolute http or https address, such as url = "http://127.0.0.1:11434/v1"',
    "http://user:pass@h/v1": "must not hold a user name or password; use api_key",
    "http://h/v1?key=x": "must not have a query or fragment",
    "http://h/v1/chat/completions": (
        'must be the base address alone, such as url = "http://127.0.0.1:11434/v1"'
    ),
}


@pytest.mark.parametrize("url", URLS)
def test_an_unusable_url_is_explained_and_never_repeated(report, url):
    text = f'[specialist.m]\nmodel = "m"\nurl = "{url}"'

    assert report(text) == problem(f"guardian.toml:3: specialist.m.url {URLS[url]}", "config-bad-url")


def test_a_secret_put_in_the_wrong_place_is_not_printed(report):
    text = """
        [specialist.m]
        url = "${KEY}"
        model = "m"
        tier = "${KEY}"
        fallback = ["${KEY}"]
        [log]
        level = "${KEY}"
        [alias]
        x = "${KEY}"
        [gateway]
        listen = "${KEY}"
        cors_origins = ["${KEY}"]
        tls_key = "${KEY}"
    """

    said = report(text, {"KEY": "sk-secret"})

    assert said.count("error:") == 9
    assert "sk-secret" not in said
    assert 'gateway.tls_key "${KEY}" is not a file' in said


SEMANTICS = {
    '[specialist.m]\nmodel = "x"': (
        'guardian.toml:1: [specialist.m] needs "url"',
        "config-missing-key",
        'the OpenAI-compatible base address, such as url = "http://127.0.0.1:11434/v1"',
    ),
    '[specialist.m]\n[[specialist.m.endpoint]]\nurl = "http://h/v1"': (
        'guardian.toml:2: specialist.m.endpoint[0] needs "model"',
        "config-missing-key",
        "the name its server knows the model by; GET /models of that address lists them",
    ),
    f'{MODEL}[[specialist.m.endpoint]]\nurl = "http://h/v1"': (
        "guardian.toml:2: [specialist.m] has both a url and [[specialist.m.endpoint]]",
        "config-two-forms",
        "move the url into an endpoint of its own",
    ),
    f'{MODEL}api_key = "a\\nb"': (
        "guardian.toml:4: specialist.m.api_key has characters that cannot be sent in a header",
        "config-bad-api-key",
        "is there a line break or a space in it?",
    ),
    f"{MODEL}parameters.stream = true": (
        "guardian.toml:4: specialist.m.parameters.stream is set by the gateway itself",
        "config-reserved-parameter",
        "",
    ),
    '[specialist.solver]\nmodel = "m"': (
        "guardian.toml:2: specialist.solver.model has no meaning for a built-in specialist",
        "config-builtin-endpoint",
        "",
    ),
    "[specialist.solver]\nhedge = false": (
        "guardian.toml:2: specialist.solver.hedge has no meaning for a built-in specialist",
        "config-builtin-endpoint",
        "",
    ),
    "[specialist.recall]\nrequests_per_minute = 1": (
        "guardian.toml:2: specialist.recall.requests_per_minute has no meaning for a built-in specialist",
        "config-builtin-endpoint",
        "",
    ),
    '[specialist.solver]\ncontinuation = "off"': (
        "guardian.toml:2: specialist.solver.continuation has no meaning for a built-in specialist",
        "config-builtin-endpoint",
        "",
    ),
    "[specialist.solver]\nenabled = false\n[specialist.recall]\nenabled = false": (
        "guardian.toml: no specialist is enabled, so no request could be answered",
        "config-no-specialist",
        "add a [specialist.NAME] with a url and a model",
    ),
    MODEL.replace("specialist.m]", "specialist.My_Model]"): (
        'guardian.toml:1: specialist name "My_Model" may only have the characters a-z 0-9 . _ -',
        "config-bad-name",
        "at most 64 of them, the first a letter or digit",
    ),
    '[tenant."../x"]': (
        'guardian.toml:1: tenant name "../x" may only have the characters a-z 0-9 . _ -',
        "config-bad-name",
        "at most 64 of them, the first a letter or digit",
    ),
    MODEL.replace("specialist.m]", "specialist.auto]"): (
        'guardian.toml:1: "auto" is a name of the router; choose another',
        "config-reserved-name",
        "",
    ),
    '[alias]\nauto = "solver"': (
        'guardian.toml:2: "auto" is a name of the router; choose another',
        "config-reserved-name",
        "",
    ),
    '[alias]\n"auto:best" = "solver"': (
        'guardian.toml:2: "auto:best" is a name of the router; choose another',
        "config-reserved-name",
        "",
    ),
    '[memory]\nurl = "mysql://h/d"': (
        'guardian.toml:2: memory.url must begin with "postgresql://"',
        "config-bad-url",
        "without it, memory is a file in the data folder",
    ),
    '[tenant.t]\nspecialists = ["solvr"]': (
        'guardian.toml:2: [tenant.t] names "solvr", but there is no such specialist',
        "config-unknown-specialist",
        'did you mean "solver"?',
    ),
    '[tenant.t]\nrequires = ["eu"]': (
        'guardian.toml:2: [tenant.t] requires the label "eu", which no specialist has',
        "config-unknown-label",
        "give it to one, as in labels = [...] of a [specialist.NAME]",
    ),
    '[alias]\n"a b" = "solver"': (
        'guardian.toml:2: alias "a b" may only have the characters A-Z a-z 0-9 . _ : / @ + -',
        "config-bad-name",
        "at most 128 of them, the first a letter or digit",
    ),
    f'{MODEL}[alias]\nm = "solver"': (
        'guardian.toml:5: alias "m" hides the specialist of the same name',
        "config-alias-shadows",
        "",
    ),
    '[alias]\na = "b"\nb = "solver"': (
        'guardian.toml:2: alias "a" names "b", which is an alias; write the specialist itself',
        "config-unknown-specialist",
        "",
    ),
    '[alias]\na = "slover"': (
        'guardian.toml:2: alias "a" names "slover", but there is no such specialist',
        "config-unknown-specialist",
        'did you mean "solver"?',
    ),
    '[gateway]\nlisten = "127.0.0.1:65536"': (
        'guardian.toml:2: gateway.listen "127.0.0.1:65536" needs a port from 0 to 65535',
        "config-bad-listen",
        "",
    ),
    '[gateway]\nlisten = "[::g]:1"': (
        'guardian.toml:2: gateway.listen "[::g]:1" has no IPv6 address in its brackets',
        "config-bad-listen",
        "",
    ),
    '[gateway]\nlisten = "a b:1"': (
        'guardian.toml:2: gateway.listen "a b:1" has a host that is neither an address nor a name',
        "config-bad-listen",
        "",
    ),
    '[gateway]\ncors_origins = ["*", "http://a:1", "a.example"]': (
        'guardian.toml:2: gateway.cors_origins[2] "a.example" is neither "*" nor of the form "https://HOST[:PORT]"',
        "config-bad-origin",
        "as browsers send it: in lower case, without the usual port",
    ),
    '[[watch.deny]]\nname = "n"\ntext = " "': (
        "guardian.toml:3: watch.deny[0].text must not be empty",
        "config-empty-rule",
        "",
    ),
    '[tenant.t.watch]\ncanaries = ["short"]': (
        "guardian.toml:2: tenant.t.watch.canaries[0] needs at least 8 characters,"
        " or honest answers contain it",
        "config-short-canary",
        "",
    ),
    '[log]\nlevel = "loud"': (
        "guardian.toml:2: log.level must be one of debug, error, info, warning",
        "config-bad-value",
        "",
    ),
    '[watch]\non_refusal = "stop"': (
        "guardian.toml:2: watch.on_refusal must be one of cut, ignore, observe, redact, retry",
        "config-bad-value",
        "",
    ),
    '[watch]\npersonal = { crd = "redact" }': (
        'guardian.toml:2: unknown key "crd" in [watch.personal]',
        "config-unknown-key",
        'did you mean "card"?',
    ),
    '[specialist.qwen2.5]\nurl = "http://h/v1"\nmodel = "m"': (
        'guardian.toml:1: unknown key "5" in [specialist.qwen2]',
        "config-unknown-key",
        'a name with a dot needs quotes: [specialist."qwen2.5"]',
    ),
    '[data]\nfolder = ""': ("guardian.toml:2: data.folder must not be empty", "config-bad-value", ""),
    '[data]\nfolder = "a\\u0000b"': (
        "guardian.toml:2: data.folder contains the character NUL",
        "config-bad-value",
        "",
    ),
}


@pytest.mark.parametrize("text", SEMANTICS)
def test_what_cannot_work_is_said_exactly(report, text):
    assert report(text) == problem(*SEMANTICS[text])


@pytest.mark.parametrize(
    "origin",
    [
        "https://A.example",
        "https://a.example:443",
        "http://a.example:80",
        "https://a.example/",
        "https://u@a.example",
        "https://ä.example",
        "https://a.example:0",
        "https://a.example:08080",
        "HTTPS://a.example",
        "ftp://a.example",
        "https://",
        "https://:8443",
        "https://[::1",
        "null",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(report, origin):
    assert "config-bad-origin" in report(f'[gateway]\ncors_origins = ["{origin}"]')


def test_a_missing_tls_file_and_a_missing_half_are_both_reported(report, tmp_path):
    (tmp_path / "key.pem").touch()

    said = report(f'[gateway]\ntls_certificate = "{tmp_path}/no.pem"')

    assert 'guardian.toml:2: gateway.tls_certificate "no.pem" is not a file' in said
    assert "guardian.toml:1: gateway.tls_certificate needs gateway.tls_key too" in said


def test_a_certificate_with_the_key_of_another_is_refused(report, tmp_path):
    authority = trustme.CA()
    one, other = authority.issue_cert("a.example"), authority.issue_cert("b.example")
    one.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    other.private_key_pem.write_to_path(str(tmp_path / "key.pem"))

    said = report('[gateway]\ntls_certificate = "cert.pem"\ntls_key = "key.pem"')

    assert 'guardian.toml:2: gateway.tls_certificate "cert.pem" and gateway.tls_key "key.pem" cannot' in said
    assert "KEY_VALUES_MISMATCH" in said
    assert "config-bad-tls" in said


def test_tls_files_that_hold_no_pem_are_refused(report, tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("none")

    said = report('[gateway]\ntls_certificate = "cert.pem"\ntls_key = "key.pem"')

    assert "config-bad-tls" in said


def test_a_data_folder_that_is_a_file_is_refused(report, tmp_path):
    (tmp_path / "data").touch()

    assert report('[data]\nfolder = "data"') == problem(
        'guardian.toml:2: data.folder "data" is a file',
        "config-bad-folder",
        "name a folder; one that is not there yet is made",
    )


@pytest.mark.parametrize("table", ["watch", "tenant.t.watch"])
def test_a_policy_that_the_gateway_cannot_watch_for_is_refused(report, table):
    said = report(f'[[{table}.deny]]\nname = "long"\ntext = "{"a" * 513}"')

    assert (
        f'{table} cannot be watched for: the text of deny rule "long" must have 1 to 512 characters' in said
    )
    assert "config-unwatchable" in said


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("acme_{alnum:3", "`{alnum:3` at 5 is no `{class:length}`"),
        ("acme_{letters:3}", "`letters` is no class; there are digit, hex"),
        ("", "the shape is empty"),
        ("ab{alnum:9}", "a shape begins with 3 or more literal ASCII"),
    ],
)
def test_a_shape_that_cannot_be_watched_for_is_refused_by_the_name_of_its_kind(report, shape, message):
    said = report(f'[[watch.secrets]]\nkind = "acme"\nshape = "{shape}"')

    assert f"guardian.toml:1: watch cannot be watched for: secret 'acme': {message}" in said
    assert "config-unwatchable" in said


def test_a_kind_of_secrets_without_a_name_is_refused(report):
    said = report('[[watch.secrets]]\nkind = " "\nshape = "acme_{alnum:30}"')

    assert "watch.secrets[0].kind must not be empty" in said


def rules(table, count, characters=20):
    lines = [f'{{ name = "rule {n}", text = "{f"secret {n} ":x<{characters}}" }}' for n in range(count)]
    return f"[{table}]\ndeny = [{', '.join(lines)}]\n"


@pytest.mark.parametrize("table", ["watch", "tenant.t.watch"])
def test_more_rules_than_can_be_compiled_in_good_time_are_refused(report, table):
    said = report(rules(table, 499) + 'canaries = ["canary-1", "canary-2"]')

    assert said == problem(
        f"guardian.toml:1: {table} has 501 rules, canaries and kinds of secrets; at most 500 can be watched for",
        "config-too-many-rules",
        "keep those that matter most, or give tenants policies of their own",
    )


def test_as_many_rules_as_the_limit_pass_in_each_policy(tmp_path):
    (tmp_path / "guardian.toml").write_text(rules("watch", 500) + rules("tenant.t.watch", 500))

    config = load_config(tmp_path / "guardian.toml", environment={})

    assert len(config.watch.deny) == 500


def test_longer_texts_than_memory_should_hold_are_refused_over_all_policies(report):
    said = report(rules("watch", 60, 450) + rules("tenant.t.watch", 60, 450))

    assert "the texts of all watch policies together have 54,000 characters" in said
    assert "at most 50,000 can be watched for: shorten texts" in said
    assert said.endswith("(config-too-many-rules)")


def test_a_rule_name_from_a_variable_is_not_printed_when_its_text_cannot_be_watched_for(report):
    text = f'[[watch.deny]]\nname = "${{NAME}}"\ntext = "{"a" * 513}"'

    said = report(text, {"NAME": "sk-secret"})

    assert 'deny rule "${NAME}"' in said
    assert "sk-secret" not in said


def test_a_wrong_variable_is_named_in_place_of_a_line(report):
    said = report("", {"GUARDIAN_GATEWAY__LISTN": "x", "GUARDIAN_RECORDS__BODIES_DAYS": "many"})

    assert said == "\n".join(
        [
            problem(
                'GUARDIAN_GATEWAY__LISTN: unknown key "listn" in [gateway]',
                "config-unknown-key",
                'did you mean "listen"?',
            ),
            problem(
                "GUARDIAN_RECORDS__BODIES_DAYS: records.bodies_days must be a whole number, not a string",
                "config-wrong-type",
            ),
        ]
    )


def test_a_wrong_option_is_named_in_place_of_a_line(report):
    said = report("[gateway]\nlisten = '127.0.0.1:1'", flags={"gateway.listen": "nowhere"})

    assert said.startswith('error: --listen: gateway.listen "nowhere" is not of the form')


def test_a_variable_cannot_reach_inside_a_value(report):
    said = report("[gateway]\nlisten = 'x:1'", {"GUARDIAN_GATEWAY__LISTEN__PORT": "1"})

    assert said == problem(
        "GUARDIAN_GATEWAY__LISTEN__PORT: cannot set a key inside gateway.listen,"
        " which is no table; set the whole value instead",
        "config-environment",
    )
