import json

import pytest

from guardian_cluster.cli.main import run
from guardian_cluster.keys import KeyFile

MODEL = '[specialist.m]\nurl = "http://h/v1"\nmodel = "m"\napi_key = "${M_KEY:-sk-1}"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of its own, whose data is not the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    return tmp_path


def test_check_says_ok_and_what_would_be_served(folder, capsys):
    (folder / "guardian.toml").write_text(MODEL + '[alias]\nx = "m"')

    assert run(["config", "check"]) == 0
    assert capsys.readouterr().out == (
        "ok: guardian.toml\n"
        "  specialists: m, recall, solver\n"
        "  aliases: 1, tenants: 0\n"
        "  listens on: 127.0.0.1:8600\n"
        f"  data folder: {folder}/data\n"
    )


def test_check_without_a_file_checks_the_defaults(capsys):
    assert run(["config", "check"]) == 0
    assert capsys.readouterr().out.startswith(
        "ok: no guardian.toml, so the defaults\n  specialists: recall, solver\n"
    )


def test_check_reports_all_problems_and_ends_with_3(folder, capsys):
    (folder / "guardian.toml").write_text(MODEL + "tiers = 1\ntools = 5")

    assert run(["config", "check"]) == 3
    assert capsys.readouterr() == (
        "",
        'error: guardian.toml:5: unknown key "tiers" in [specialist.m]\n'
        '  did you mean "tier"?\n'
        "  see: guardian config schema      (config-unknown-key)\n"
        "error: guardian.toml:6: specialist.m.tools must be true or false, not a whole number\n"
        "  see: guardian config schema      (config-wrong-type)\n",
    )


def test_check_refuses_an_open_address_until_there_is_a_key(folder, capsys):
    (folder / "open.toml").write_text('[gateway]\nlisten = "0.0.0.0:8600"')

    assert run(["config", "check", "--config", "open.toml"]) == 3
    assert "config-open-listen" in capsys.readouterr().err

    KeyFile(folder / "data" / "keys.json").add(created=1.0)
    assert run(["config", "check", "--config", "open.toml"]) == 0


def test_what_cannot_be_read_cannot_be_shown(folder, capsys):
    (folder / "guardian.toml").write_text("[log]\nlevel = 'loud'")

    assert run(["config", "show"]) == 78
    assert "guardian.toml:2: log.level must be one of" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_a_config_error(capsys):
    assert run(["config", "show", "--config", "none.toml"]) == 78
    assert capsys.readouterr().err.startswith("error: none.toml: there is no such file\n")


def test_show_prints_values_with_their_sources(folder, capsys):
    (folder / "guardian.toml").write_text(MODEL)

    assert run(["config", "show"]) == 0

    lines = [line.split("  # ") for line in capsys.readouterr().out.splitlines()]
    shown = {value.strip(): source for value, source in lines}
    assert shown['gateway.listen = "127.0.0.1:8600"'] == "default"
    assert shown["specialist.m.api_key = •••• (M_KEY)"] == "guardian.toml:4"
    assert shown[f'data.folder = "{folder}/data"'] == "GUARDIAN_DATA__FOLDER"


def test_show_prints_json(folder, capsys):
    (folder / "guardian.toml").write_text(MODEL)

    assert run(["config", "show", "--json"]) == 0

    facts = {fact["key"]: fact for fact in json.loads(capsys.readouterr().out)}
    assert facts["specialist.m.tier"] == {"key": "specialist.m.tier", "value": 1, "source": "default"}
    assert facts["specialist.m.api_key"]["value"] == "•••• (M_KEY)"


def test_schema_is_json(capsys):
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "guardian.toml"
