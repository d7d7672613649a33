"""`guardian drill`: what it says of a configuration, with which code it ends, and what it leaves alone."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from guardian_cluster.cli.main import run
from guardian_cluster.simulation.strikes import STRIKES

ENDPOINT = '{ url = "https://a.example.org/v1" }, { url = "https://b.example.org/v1" }'
TWO = f'[specialist.smart]\nmodel = "m"\napi_key = "${{NOT_SET}}"\nendpoint = [{ENDPOINT}]\n'
ONE = '[specialist.smart]\nmodel = "m"\nurl = "https://a.example.org/v1"\n'
BACKUP = '[specialist.backup]\nmodel = "n"\nurl = "https://c.example.org/v1"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    return tmp_path


def drilled(capsys: Any, config: str, *faults: str, status: int = 0, options: tuple[str, ...] = ()) -> Any:
    """Drill a configuration, and return what was told of its first specialist."""
    Path("guardian.toml").write_text(config)
    named = [word for fault in faults for word in ("--fault", fault)]
    assert run(["drill", "--json", *named, *options]) == status
    return json.loads(capsys.readouterr().out)["specialists"][0]


def test_users_of_two_endpoints_notice_nothing_when_one_is_gone(capsys: Any):
    found = drilled(capsys, TWO, "refuse", "dns-failure", "tls-failure")

    assert found["holds"]
    assert [(each["fault"], each["answered"], each["requests"]) for each in found["faults"]] == [
        ("refuse", 8, 8),
        ("dns-failure", 8, 8),
        ("tls-failure", 8, 8),
    ]
    assert all(each["met"] and each["answered_by"] == {"smart/2": 8} for each in found["faults"])
    assert {each["verdict"] for each in found["healthy"]} == {"complete"}


def test_where_nobody_else_could_answer_it_says_so_and_ends_with_0(capsys: Any):
    found = drilled(capsys, ONE, "refuse")

    fault = found["faults"][0]
    assert (fault["answered"], fault["could_be_answered"]) == (0, 0)
    assert fault["otherwise"] == {"502 upstream_unreachable": 8}
    assert fault["after"] == {"requests": 4, "answered": 4}
    assert "has one endpoint and nobody stands in for it" in found["advice"][0]


def test_a_fallback_answers_where_the_only_endpoint_is_gone(capsys: Any):
    found = drilled(capsys, ONE + 'fallback = ["backup"]\n' + BACKUP, "refuse")

    assert found["holds"]
    assert found["faults"][0]["answered_by"] == {"backup/1": 8}


def test_a_stream_that_breaks_off_is_continued_or_the_switch_is_named(capsys: Any):
    continued = drilled(capsys, TWO, "reset-mid-stream")
    cut = drilled(capsys, TWO + 'continuation = "off"\n', "reset-mid-stream", status=1)

    assert continued["faults"][0]["continued"] >= 1
    assert cut["faults"][0]["otherwise"]["error in the stream: upstream_disconnected"] >= 1
    assert any('continuation is "off" for smart' in line for line in cut["advice"])


def test_timeouts_of_minutes_take_seconds_and_are_told_as_they_are(capsys: Any):
    began = time.monotonic()

    found = drilled(capsys, ONE + "timeouts = { total_s = 240 }\n", "hang-before-headers")

    whole = [each for each in found["faults"][0]["seen"] if each["form"] == "whole"]
    assert [(each["status"], each["code"]) for each in whole] == [(504, "deadline_exceeded")] * 2
    assert all(240 <= each["total_s"] < 242 for each in whole)
    assert time.monotonic() - began < 60


def test_clients_leave_before_a_gateway_that_waits_as_long_as_they(capsys: Any):
    found = drilled(capsys, ONE, "hang-before-headers")

    assert found["faults"][0]["otherwise"]["hung until the client left"] == 4
    assert any("set timeouts.total_s of smart well below that (600 now)" in line for line in found["advice"])


def test_a_loop_is_passed_on_or_cut_as_the_policy_says(capsys: Any):
    passed = drilled(capsys, TWO, "repetition")
    cut = drilled(capsys, TWO + '[watch]\non_repetition = "cut"\n', "repetition")

    assert passed["faults"][0]["otherwise"]["passed on as it is"] >= 1
    assert any('on_repetition is "observe"' in line for line in passed["advice"])
    assert "passed on as it is" not in cut["faults"][0]["otherwise"]
    assert passed["holds"]
    assert cut["holds"]


def test_what_the_policy_takes_out_is_expected_to_be_out(capsys: Any):
    rule = '[[watch.deny]]\nname = "kettle"\ntext = "white vinegar"\naction = "redact"\n'

    found = drilled(capsys, TWO + rule, "server-error")

    assert found["faults"][0]["answered"] == 8
    assert {each["verdict"] for each in found["healthy"]} == {"complete"}


def test_a_configuration_that_answers_nobody_is_told_and_ends_with_1(capsys: Any):
    rule = '[[watch.deny]]\nname = "kettle"\ntext = "Fill the kettle"\naction = "retry"\n'

    found = drilled(capsys, TWO + rule, "server-error", status=1)

    assert not found["holds"]
    assert {each["code"] for each in found["healthy"] if each["form"] == "whole"} == {"answer_blocked"}


def test_a_specialist_of_one_tenant_alone_is_asked_for_that_tenant(capsys: Any):
    tenants = '[tenant.default]\nspecialists = ["solver"]\n[tenant.own]\nspecialists = ["smart"]\n'

    assert drilled(capsys, TWO + tenants, "server-error")["faults"][0]["answered"] == 8


def test_neither_endpoints_nor_databases_of_the_configuration_are_contacted(capsys: Any):
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        theirs.setblocking(False)
        at = f"127.0.0.1:{theirs.getsockname()[1]}"
        memory = f'[memory]\nurl = "postgresql://{at}/x"\n'
        found = drilled(capsys, ONE.replace("https://a.example.org", f"http://{at}") + memory, "server-error")

        with pytest.raises(BlockingIOError):
            theirs.accept()
    assert found["faults"][0]["met"] == 8


def test_the_same_seed_gives_the_same_drill(capsys: Any):
    def verdicts(seed: str) -> list[Any]:
        found = drilled(capsys, TWO, "flapping", "half-body", options=("--seed", seed))
        return [
            (one["form"], one["verdict"], one["attempts"]) for each in found["faults"] for one in each["seen"]
        ]

    assert verdicts("7") == verdicts("7")


def test_every_fault_is_rehearsed_and_no_answer_is_silently_short(capsys: Any):
    found = drilled(capsys, ONE + "timeouts = { total_s = 240 }\n", options=("--requests", "1"))

    seen = [(each["fault"], one["form"], one["verdict"]) for each in found["faults"] for one in each["seen"]]
    silent = {"silent_truncation", "empty_as_success", "hung", "broken"}
    assert {fault for fault, _, _ in seen} == STRIKES.keys()
    assert [each for each in seen if each[2] in silent] == []
    assert {verdict for fault, _, verdict in seen if fault == "all-down"} == {"refused"}


def test_an_endpoint_that_comes_back_is_used_again(capsys: Any):
    found = drilled(capsys, TWO, "recovery", options=("--requests", "1"))

    assert found["faults"][0]["unused_after"] == []
    assert found["faults"][0]["after"] == {"requests": 32, "answered": 32}


def test_the_table_fits_a_terminal_and_says_what_to_change(capsys: Any):
    Path("guardian.toml").write_text(ONE)

    assert run(["drill", "--fault", "refuse", "--fault", "rate-limited-retry-after"]) == 0

    out = capsys.readouterr().out
    assert "missing" not in out
    assert "smart (1 endpoint; no fallback)" in out
    assert "0/8       -       -" in out
    assert "give it a second endpoint" in " ".join(out.split())
    assert out.splitlines()[-1].startswith("users had their answer in every fault")
    assert max(map(len, out.splitlines())) <= 90


def test_missing_variables_are_told_and_stop_nothing(capsys: Any):
    Path("guardian.toml").write_text(ONE.replace("https://a.example.org/v1", "${MODEL_URL}"))

    assert run(["drill", "--fault", "no-done"]) == 0
    assert "stood in for: specialist.smart.url" in capsys.readouterr().out


def test_the_faults_are_listed(capsys: Any):
    assert run(["drill", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert run(["drill", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)

    assert [line.split()[0] for line in lines] == [each["fault"] for each in listed]
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--fault", "refuze"], 2, 'there is no fault "refuze"\n  did you mean "refuse"?'),
        (["--fault", "\x1b[2J"], 2, "guardian drill --list lists them"),
        (["--specialist", "smarter"], 2, "called smarter\n  there are: smart"),
        (["--requests", "0"], 2, "0 is not in the range"),
        (["--config", "nowhere.toml"], 78, "config-missing-file"),
        (["--config", "builtin.toml"], 78, "no specialist asks a model"),
        (["--config", "wrong.toml"], 78, 'unknown key "modle"'),
        (["--config", "reference.toml"], 78, "config-bad-reference"),
    ],
)
def test_wrong_input_is_told(arguments: list[str], status: int, said: str, folder: Path, capsys: Any):
    (folder / "guardian.toml").write_text(ONE)
    (folder / "builtin.toml").write_text("[log]\n")
    (folder / "wrong.toml").write_text('[specialist.x]\nmodle = "m"\n')
    (folder / "reference.toml").write_text('[specialist.x]\nmodel = "${"\nurl = "http://x.example/v1"\n')

    assert run(["drill", *arguments]) == status

    told = capsys.readouterr()
    assert said in told.err
    assert "\x1b[2J" not in told.err
    assert told.out == ""
