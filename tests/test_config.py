import pytest
import trustme

from guardian_cluster.config import Config, check_listen_address, find_config, load_config
from guardian_cluster.configuration.deployment import variant_id
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import ApiKey, Capabilities, DenyRule, Limits, Price, Timeouts
from guardian_cluster.errors import ConfigError

REASONER = """
[specialist.reasoner]
url = "http://127.0.0.1:11434/v1/"
model = "qwen3:8b"
"""


@pytest.fixture
def load(tmp_path):
    """Load a configuration from its text."""

    def load(text, environment=None, **options) -> Config:
        file = tmp_path / "guardian.toml"
        file.write_text(text)
        return load_config(file, environment=environment or {}, **options)

    return load


def key(**changes):
    facts = {"id": "a" * 12, "sha256": "0" * 64, "tenant": "default", "created": 1.0} | changes
    return ApiKey(**facts)


def specialist(config, name):
    return next(each for each in config.base().specialists if each.name == name)


def test_without_a_file_the_built_in_specialists_serve_alone():
    base = load_config(environment={}).base()

    solver, recall = base.specialists
    assert [(each.name, each.kind) for each in base.specialists] == [
        ("solver", "solver"),
        ("recall", "recall"),
    ]
    assert [endpoint.url for endpoint in recall.endpoints] == ["builtin:recall"]
    assert [endpoint.url for endpoint in solver.endpoints] == ["builtin:solver"]
    assert [tenant.name for tenant in base.tenants] == ["default"]


def test_a_configured_specialist_stands_beside_the_built_in_ones(load):
    base = load(REASONER).base()

    assert [each.name for each in base.specialists] == ["reasoner", "solver", "recall"]


def test_built_in_specialists_can_be_left_out(load):
    left_out = "[specialist.solver]\nenabled = false\n[specialist.recall]\nenabled = false"
    base = load(REASONER + left_out).base()

    assert [each.name for each in base.specialists] == ["reasoner"]


def test_a_specialist_named_solver_with_a_url_is_a_model(load):
    config = load('[specialist.solver]\nurl = "http://h/v1"\nmodel = "m"')

    assert specialist(config, "solver").kind == "http"


def test_the_short_form_is_one_endpoint(load):
    (endpoint,) = specialist(load(REASONER + 'api_key = "k"'), "reasoner").endpoints

    assert (endpoint.id, endpoint.url) == ("reasoner/1", "http://127.0.0.1:11434/v1")
    assert (endpoint.model, endpoint.api_key) == ("qwen3:8b", Secret("k"))


def test_several_endpoints_share_the_model_and_key_of_their_specialist(load):
    config = load("""
        [specialist.writer]
        model = "shared"
        api_key = "k"
        [[specialist.writer.endpoint]]
        url = "http://a/v1"
        [[specialist.writer.endpoint]]
        url = "https://b/v1"
        model = "own"
        api_key = "other"
    """)

    first, second = specialist(config, "writer").endpoints
    assert (first.id, first.model, first.api_key) == ("writer/1", "shared", Secret("k"))
    assert (second.id, second.model, second.api_key) == ("writer/2", "own", Secret("other"))


def test_every_key_of_a_specialist_reaches_the_snapshot(load):
    config = load(
        REASONER
        + """
        description = "thinks"
        good_at = ["math"]
        tools = false
        json = false
        context_length = 8192
        price = { input_usd = 1, output_usd = 2.5 }
        tier = 3
        timeouts = { first_token_s = 9 }
        max_concurrency = 4
        stream_usage = false
        fallback = ["solver"]
        equals = ["other"]
        continuation = "prefill"
        hedge = false
        instructions = "Be brief."
        parameters = { temperature = 0.2, seed = 7, user = "u", store = true }
        """
        + REASONER.replace("reasoner", "other")
    )

    found = specialist(config, "reasoner")
    (variant,) = found.variants
    assert (found.description, found.good_at, found.tier) == ("thinks", ("math",), 3)
    assert found.capabilities == Capabilities(tools=False, json=False)
    assert (found.context_length, found.max_concurrency, found.stream_usage) == (8192, 4, False)
    assert (found.price, found.timeouts) == (Price(input_usd=1, output_usd=2.5), Timeouts(first_token_s=9))
    assert (found.fallback, found.equals, variant.instructions) == (("solver",), ("other",), "Be brief.")
    assert (found.continuation, found.hedge) == ("prefill", False)
    assert variant.parameters == {"temperature": 0.2, "seed": 7, "user": "u", "store": True}


def test_rates_of_a_specialist_hold_for_each_endpoint_that_names_none(load):
    config = load("""
        [specialist.writer]
        model = "m"
        requests_per_minute = 60
        tokens_per_minute = 9_000
        [[specialist.writer.endpoint]]
        url = "http://a/v1"
        [[specialist.writer.endpoint]]
        url = "http://b/v1"
        requests_per_minute = 5
    """)

    first, second = specialist(config, "writer").endpoints
    assert (first.requests_per_minute, first.tokens_per_minute) == (60, 9_000)
    assert (second.requests_per_minute, second.tokens_per_minute) == (5, 9_000)


def test_rates_of_the_short_form_are_those_of_its_endpoint(load):
    (endpoint,) = specialist(load(REASONER + "requests_per_minute = 7"), "reasoner").endpoints

    assert (endpoint.requests_per_minute, endpoint.tokens_per_minute) == (7, None)


def test_the_other_sections_reach_the_snapshot(load):
    base = load(
        REASONER
        + """
        [alias]
        "openai/gpt-4o" = "reasoner"
        any = "auto"
        [tenant.research]
        limits = { requests_per_minute = 60, budget_usd_per_month = 20 }
        watch = { on_empty = "observe" }
        [[watch.deny]]
        name = "project"
        text = "Bluebird"
        [records]
        bodies = "sampled"
        [gateway.limits]
        max_messages = 5
        """
    ).base()

    tenant = base.tenants[0]
    assert base.aliases == {"openai/gpt-4o": "reasoner", "any": "auto"}
    assert tenant.limits == Limits(requests_per_minute=60, budget_usd_per_month=20.0)
    assert tenant.watch is not None
    assert tenant.watch.on_empty == "observe"
    assert base.watch.deny == (DenyRule(name="project", text="Bluebird"),)
    assert (base.records.bodies, base.limits.max_messages) == ("sampled", 5)


def test_every_key_has_its_tenant_in_the_snapshot(load):
    base = load("[tenant.a]").base([key(tenant="a"), key(tenant="gone")])

    assert [tenant.name for tenant in base.tenants] == ["a", "default", "gone"]
    assert [each.tenant for each in base.keys] == ["a", "gone"]


def test_an_empty_key_is_no_key(load):
    config = load(REASONER + 'api_key = "${KEY:-}"')

    assert specialist(config, "reasoner").endpoints[0].api_key is None


def test_a_variant_is_named_by_its_content_alone():
    one = variant_id(["b", "a", "a"], "words", {"x": 1, "y": 2})

    assert one == variant_id(["a", "b"], "words", {"y": 2, "x": 1})
    assert one == "85cbbf03f314"
    assert len({one, variant_id(["a"], "words", {"x": 1, "y": 2}), variant_id(["a", "b"], None, {})}) == 3


def test_an_option_beats_a_variable_beats_the_file(load):
    listener = 'listen = "127.0.0.1:1"\ncors_origins = ["http://f", "https://[::1]:8443"]'
    text = f'[gateway]\n{listener}\n[log]\nlevel = "error"'
    environment = {"GUARDIAN_GATEWAY__LISTEN": "127.0.0.1:2", "GUARDIAN_LOG__LEVEL": "debug"}

    config = load(text, environment, flags={"gateway.listen": "127.0.0.1:3"})

    assert (config.gateway.port, config.log.level, config.log.format) == (3, "debug", "text")
    assert config.gateway.cors_origins == ("http://f", "https://[::1]:8443")


def test_variables_set_every_type_of_key(load):
    config = load(
        REASONER.replace("reasoner", '"my-model.v2"'),
        {
            "GUARDIAN_SPECIALIST__MY_MODEL_V2__GOOD_AT": '["a", "${B}"]',
            "GUARDIAN_SPECIALIST__MY_MODEL_V2__TIER": "2",
            "GUARDIAN_SPECIALIST__MY_MODEL_V2__TOOLS": "false",
            "GUARDIAN_SPECIALIST__MY_MODEL_V2__MODEL": "42",
            "GUARDIAN_SPECIALIST__MY_MODEL_V2__PRICE__INPUT_USD": "1",
            "GUARDIAN_SPECIALIST__MY_MODEL_V2__API_KEY": "$secret",
            "GUARDIAN_SPECIALIST__MY_MODEL_V2__PARAMETERS": "{ seed = 3 }",
            "GUARDIAN_DATA": "/not/a/key",
        },
    )

    section = config.specialist["my-model.v2"]
    assert (section.good_at, section.tier, section.tools) == (("a", "${B}"), 2, False)
    assert (section.model, section.price.input_usd, section.parameters) == ("42", 1.0, {"seed": 3})
    assert section.api_key == Secret("$secret", "GUARDIAN_SPECIALIST__MY_MODEL_V2__API_KEY")


def test_relative_paths_start_at_the_folder_of_the_file(load, tmp_path):
    certificate = trustme.CA().issue_cert("a.example")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))

    config = load('[gateway]\ntls_certificate = "cert.pem"\ntls_key = "./key.pem"\n[data]\nfolder = "../d"')

    assert config.gateway.tls_certificate == str(tmp_path / "cert.pem")
    assert config.gateway.tls_key == str(tmp_path / "key.pem")
    assert config.data_folder == tmp_path.parent / "d"


def test_the_data_folder_is_the_platforms_unless_named(load):
    assert load("").data_folder.name == "guardian"


def test_the_file_in_the_current_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert find_config() is None
    (tmp_path / "guardian.toml").touch()
    assert str(find_config()) == "guardian.toml"
    assert str(find_config("other.toml")) == "other.toml"


@pytest.mark.parametrize("listen", ["127.0.0.1:8600", "[::1]:0", "localhost:80", "127.8.9.1:1"])
def test_a_loopback_address_needs_no_key(load, listen):
    config = load(f'[gateway]\nlisten = "{listen}"')

    check_listen_address(config, ())
    assert config.gateway.listen == listen


@pytest.mark.parametrize("keys", [(), (key(revoked=2.0),)], ids=["no key", "a revoked key"])
@pytest.mark.parametrize("listen", ["0.0.0.0:8600", "[::]:8600", "gateway.example:443"])
def test_an_open_address_without_a_key_is_refused(load, listen, keys):
    with pytest.raises(ConfigError) as caught:
        check_listen_address(load(f'[gateway]\nlisten = "{listen}"'), keys)

    assert str(caught.value) == (
        f"error: {listen} can be reached by other machines, and there is no key to ask them for\n"
        "  make one with: guardian key new      (or listen on 127.0.0.1)\n"
        "  see: guardian key --help      (config-open-listen)"
    )


def test_an_open_address_with_a_key_is_accepted(load):
    config = load('[gateway]\nlisten = "[::]:8600"')

    check_listen_address(config, [key()])
    assert (config.gateway.host, config.gateway.port) == ("::", 8600)
