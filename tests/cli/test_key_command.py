import json
import re

import pytest

from guardian_cluster.cli.main import run
from guardian_cluster.keys import KeyFile


@pytest.fixture(autouse=True)
def keys(tmp_path, monkeypatch):
    """Work in a folder of its own, and return its keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    return KeyFile(tmp_path / "data" / "keys.json")


def test_new_prints_the_key_alone_on_stdout(keys, capsys):
    assert run(["key", "new"]) == 0

    out, err = capsys.readouterr()
    assert re.fullmatch(r"sk-gc-[A-Za-z0-9]{12}-[A-Za-z0-9_-]{43}\n", out)
    assert err == f"Shown once, so keep it; its hash is in {keys.path}\n"
    assert [key.id for key in keys.load()] == [out[6:18]]


def test_new_keeps_every_option(keys):
    options = "--tenant t --role admin --model solver --model auto --requests-per-minute 5"

    assert run(["key", "new", *options.split(), "--tokens-per-minute", "6", "--budget", "1.5"]) == 0

    (key,) = keys.load()
    limits = (key.limits.requests_per_minute, key.limits.tokens_per_minute, key.limits.budget_usd_per_month)
    assert (key.tenant, key.role, key.models, limits) == ("t", "admin", ("solver", "auto"), (5, 6, 1.5))


def test_new_notes_names_that_are_not_configured_yet(capsys):
    assert run(["key", "new", "--tenant", "t", "--model", "gpt"]) == 0

    assert capsys.readouterr().err.splitlines()[:2] == [
        "note: there is no specialist or alias 'gpt' yet",
        "note: there is no [tenant.t] yet, so the tenant has no limits of its own",
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--budget", "0"],
        ["--budget", "nan"],
        ["--budget", "inf"],
        ["--requests-per-minute", "0"],
        ["--role", "root"],
    ],
)
def test_new_refuses_limits_that_make_no_sense(keys, capsys, options):
    assert run(["key", "new", *options]) == 2
    assert capsys.readouterr().err.endswith("see: guardian key new --help      (usage)\n")
    assert keys.load() == ()


@pytest.mark.parametrize("tenant", ["", "Ten ant", "a/b", "x" * 65, "\x1b[2J"])
def test_new_refuses_a_tenant_that_could_not_be_configured(keys, capsys, tenant):
    assert run(["key", "new", "--tenant", tenant]) == 2
    assert "may only have the characters a-z 0-9 . _ -" in capsys.readouterr().err
    assert keys.load() == ()


def test_list_shows_public_parts_in_columns(keys, capsys):
    keys.add(created=0.0)
    run(["key", "new", "--tenant", "t", "--model", "solver", "--budget", "20", "--requests-per-minute", "60"])
    keys.revoke(keys.load()[0].id, at=86_400.0)
    capsys.readouterr()

    assert run(["key", "list"]) == 0

    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["ID", "TENANT", "ROLE", "MODELS", "LIMITS", "CREATED", "REVOKED"]
    assert first.split()[1:] == [
        "default",
        "client",
        "all",
        "none",
        "1970-01-01",
        "00:00:00Z",
        "1970-01-02",
        "00:00:00Z",
    ]
    assert "  solver  60 requests/min, $20/month  " in second
    assert second.endswith("  -")


def test_list_prints_json(keys, capsys):
    keys.add(created=0.0)

    assert run(["key", "list", "--json"]) == 0

    (facts,) = json.loads(capsys.readouterr().out)
    assert facts == {
        "id": keys.load()[0].id,
        "tenant": "default",
        "role": "client",
        "models": [],
        "requests_per_minute": None,
        "tokens_per_minute": None,
        "budget_usd_per_month": None,
        "created": "1970-01-01 00:00:00Z",
        "revoked": None,
    }


def test_list_without_keys_names_the_next_command(keys, capsys):
    assert run(["key", "list"]) == 0
    assert capsys.readouterr() == ("", f"no keys in {keys.path}; make one with: guardian key new\n")


def test_revoke_marks_the_key(keys, capsys):
    identity = keys.add(created=0.0)[6:18]

    assert run(["key", "revoke", identity]) == 0
    assert capsys.readouterr().err.startswith(f"revoked {identity} of tenant default (2")
    assert keys.load()[0].revoked is not None


def test_revoke_of_an_unknown_key_is_a_wrong_argument(capsys):
    assert run(["key", "revoke", "nope"]) == 2
    assert capsys.readouterr().err.endswith("  see: guardian key list      (keys-unknown)\n")


BROKEN = '[specialist.local]\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\napi_key = "${NOT_SET_HERE}"\n'
NOTE = "note: the configuration has a problem that keys do not depend on; see: guardian config check\n"


def test_a_leaked_key_is_revoked_where_the_rest_of_the_file_cannot_be_read(keys, tmp_path, capsys):
    (tmp_path / "guardian.toml").write_text(BROKEN)
    identity = keys.add(created=0.0)[6:18]

    assert run(["key", "revoke", identity]) == 0

    assert capsys.readouterr().err.startswith(f"{NOTE}revoked {identity} ")
    assert keys.load()[0].revoked is not None


def test_keys_are_made_and_listed_where_the_rest_of_the_file_cannot_be_read(tmp_path, capsys):
    (tmp_path / "guardian.toml").write_text(BROKEN)

    assert run(["key", "new", "--model", "local"]) == 0
    out, err = capsys.readouterr()
    assert (out[:6], err.partition("Shown once")[0]) == ("sk-gc-", NOTE)
    assert run(["key", "list", "--json"]) == 0
    out, err = capsys.readouterr()
    assert ([key["models"] for key in json.loads(out)], err) == ([["local"]], NOTE)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ('[data]\nfolder = "${NOT_SET_HERE}"', "config-missing-variable"),
        ('[data]\nfolders = "d"', "config-unknown-key"),
        ('[dta]\nfolder = "d"', "config-unknown-key"),
        ("[data", "config-syntax"),
    ],
)
@pytest.mark.parametrize("command", [["new"], ["list"], ["revoke", "x"]])
def test_where_the_keys_are_must_be_certain(tmp_path, monkeypatch, capsys, file, code, command):
    monkeypatch.delenv("GUARDIAN_DATA__FOLDER")
    (tmp_path / "guardian.toml").write_text(file)

    assert run(["key", *command]) == 78
    assert f"({code})" in capsys.readouterr().err
