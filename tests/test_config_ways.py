"""How the ways to endpoints are configured: a proxy, and an authority of their own."""

import importlib.util

import pytest

from guardian_cluster.config import load_config
from guardian_cluster.errors import CommandError

MODEL = '[specialist.m]\nurl = "https://h/v1"\nmodel = "m"\n'


@pytest.fixture
def load(tmp_path):
    """Load a configuration from its text."""

    def load(text: str):
        file = tmp_path / "guardian.toml"
        file.write_text(text)
        return load_config(file, environment={})

    return load


def test_a_proxy_is_kept_as_a_secret(load):
    config = load(MODEL + 'proxy = "http://user:word@proxy.example:3128"')

    (found,) = [each for each in config.base().specialists if each.name == "m"]
    assert found.proxy is not None
    assert found.proxy.value == "http://user:word@proxy.example:3128"
    assert "word" not in repr(found)


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "socks5://h:1", "http://:1", "http://h:99999"])
def test_what_is_no_proxy_is_said_with_its_line(load, proxy: str):
    with pytest.raises(CommandError) as caught:
        load(f'{MODEL}proxy = "{proxy}"')

    assert "guardian.toml:4: specialist.m.proxy is not the address of an HTTP proxy" in str(caught.value)
    assert proxy not in str(caught.value)


def test_a_proxy_without_its_extra_is_said(load, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(CommandError, match=r"llm-guardian-cluster\[proxy\]"):
        load(MODEL + 'proxy = "http://h:3128"')


def test_authorities_that_cannot_be_read_are_said(load, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")

    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(CommandError, match="config-bad-tls"):
            load(f'{MODEL}ca_file = "{name}"')
