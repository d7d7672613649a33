"""`guardian serve` as a user runs it: real processes, real signals, a real database."""

import asyncio
import errno
import json
import os
import re
import signal
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
import trustme
from serving import CHAT, GUARDIAN, Served, lives, run, served, until

from guardian_cluster.keys import KeyFile
from guardian_cluster.simulation import Hang, ModelServer, Pace


async def test_without_a_model_the_printed_curl_line_answers_exactly(tmp_path: Path) -> None:
    async with served(tmp_path) as guardian:
        line = guardian.greeting.strip().splitlines()[-1]
        curl = await asyncio.create_subprocess_shell(line + " -s", stdout=asyncio.subprocess.PIPE)
        said, _ = await curl.communicate()

    assert "399.5" in json.loads(said)["choices"][0]["message"]["content"]


async def test_what_happened_is_in_the_database(tmp_path: Path) -> None:
    async with ModelServer("fine") as model, served(tmp_path, url=model.url) as guardian:
        for _ in range(5):
            await guardian.post()
        await until(lambda: guardian.rows("select count(*) from request") == [(5,)])
        rows = guardian.rows("select distinct specialist, outcome, tenant from request")

    assert rows == [("local", "ok", "default")]
    assert guardian.rows("select count(*) from payload") == [(0,)]


async def test_bodies_are_kept_only_when_asked_for_and_redacted(tmp_path: Path) -> None:
    rule = '[records]\nbodies = "all"\n[[watch.deny]]\nname = "word"\ntext = "hunter2"\n'
    body = {"model": "local", "messages": [{"role": "user", "content": "is it hunter2?"}]}
    async with ModelServer("it is hunter2") as model, served(tmp_path, rule, url=model.url) as guardian:
        await guardian.post(body)
        await until(lambda: guardian.rows("select count(*) from payload") == [(1,)])
        ((asked, said),) = guardian.rows("select request_body, response_text from payload")

    assert "hunter2" not in str(asked)
    assert "is it [redacted:word]?" in str(asked)
    assert said == "it is [redacted:word]"


async def test_a_stop_lets_the_answer_under_way_end(tmp_path: Path) -> None:
    pace = Pace(between_chunks_s=0.05, characters_per_chunk=1)
    async with (
        ModelServer("slowly but surely", pace=pace) as model,
        served(tmp_path, url=model.url) as guardian,
    ):
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{guardian.url}/chat/completions", json={**CHAT, "stream": True}) as answer,
        ):
            await answer.content.readline()
            guardian.process.send_signal(signal.SIGTERM)
            rest = await answer.content.read()
        code = await guardian.process.wait()

    assert rest.endswith(b"data: [DONE]\n\n")
    assert code == 0


async def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    async with ModelServer(faults=Hang("headers")) as model, served(tmp_path, url=model.url) as guardian:
        waiting = asyncio.create_task(guardian.post())
        await model.until(lambda: model.open_requests == 1, timeout_s=5)
        guardian.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.2)
        guardian.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            await guardian.process.wait()

        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_a_reload_takes_over_a_good_file_and_keeps_the_last_one_for_a_bad_one(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        good = (
            guardian.config.read_text() + f'[specialist.second]\nurl = "{model.url}"\nmodel = "simulated-1"\n'
        )
        guardian.config.write_text("[specialist.broken\n")
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "not valid" in (tmp_path / "log").read_text())
        before = await guardian.get("/health/readiness")
        guardian.config.write_text(good)
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "snapshot applied" in (tmp_path / "log").read_text())
        after = await guardian.get("/health/readiness")

    assert before["specialists"] == ["local", "solver", "recall"]
    assert after["specialists"] == ["local", "second", "solver", "recall"]


async def test_no_request_fails_while_the_control_process_is_killed_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        await until(lambda: guardian.rows("select 1 from gateway_event"))
        first = guardian.child("control")
        statuses: list[int] = []
        for number in range(40):
            if number == 10:
                os.kill(first, signal.SIGKILL)
            statuses.append((await guardian.post())[0])
        await until(lambda: guardian.rows("select count(*) from request") == [(40,)])

        assert guardian.child("control") != first
    assert set(statuses) == {200}


async def test_a_gateway_that_dies_is_started_again_on_the_same_socket(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        first = guardian.child("gateway")
        os.kill(first, signal.SIGKILL)
        statuses: list[object] = []
        while 200 not in statuses:
            try:
                statuses.append((await guardian.post())[0])
            except aiohttp.ClientError as error:  # a connection that the dead process had taken
                statuses.append(type(error))

        assert aiohttp.ClientConnectorError not in statuses
        assert guardian.child("gateway") != first


async def test_its_processes_end_with_it_even_when_it_is_killed(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        children = [guardian.child("gateway"), guardian.child("control")]
        guardian.process.kill()
        await guardian.process.wait()

        await until(lambda: not any(lives(pid) for pid in children))


async def test_a_key_made_while_it_runs_is_asked_for_from_then_on(tmp_path: Path) -> None:
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        process = await asyncio.create_subprocess_exec(
            *GUARDIAN, "key", "new", "--config", str(guardian.config), stdout=asyncio.subprocess.PIPE
        )
        key = (await process.communicate())[0].decode().split()[-1]
        await until(lambda: "snapshot applied" in (tmp_path / "log").read_text())

        assert (await guardian.post())[0] == 401
        assert (await guardian.post(authorization=f"Bearer {key}"))[0] == 200


async def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "guardian.toml").write_text(f'[data]\nfolder = "{other}/data"\n')
    async with served(tmp_path) as guardian:
        address = guardian.url.removeprefix("http://").removesuffix("/v1")
        code, said = await run("serve", "--config", str(other / "guardian.toml"), "--listen", address)

    assert code == 73
    assert f"cannot listen on {address}: Address already in use" in said


async def test_a_wrong_configuration_is_said_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "guardian.toml"
    file.write_text(
        f'[data]\nfolder = "{tmp_path}/data"\n[specialist.a]\nurl = "http://127.0.0.1:1/v1"\nmodle = "m"\n'
    )

    code, said = await run("serve", "--config", str(file))

    assert code == 78
    assert 'did you mean "model"?' in said
    assert not (tmp_path / "data" / "telemetry.db").exists()


async def test_other_machines_are_not_let_in_without_a_key(tmp_path: Path) -> None:
    file = tmp_path / "guardian.toml"
    file.write_text(f'[data]\nfolder = "{tmp_path}/data"\n')

    code, said = await run("serve", "--config", str(file), "--listen", "0.0.0.0:0")

    assert code == 78
    assert "guardian key new" in said


async def test_two_gateways_never_share_a_folder(tmp_path: Path) -> None:
    async with served(tmp_path) as guardian:
        code, said = await run("serve", "--config", str(guardian.config), "--listen", "127.0.0.1:0")

    assert code == 73
    assert str(guardian.data) in said


async def test_the_log_holds_no_key_and_no_words(tmp_path: Path) -> None:
    body = {"model": "local", "messages": [{"role": "user", "content": "my-private-question"}]}
    extra = 'api_key = "sk-upstream-secret"\n[log]\nlevel = "debug"\nformat = "json"\n'
    async with (
        ModelServer("my-private-answer", api_key="another") as model,
        served(tmp_path, extra, url=model.url) as guardian,
    ):
        status, answer = await guardian.post(body, authorization="Bearer sk-gc-presented-key")
        await until(lambda: guardian.rows("select 1 from request"))
    log = (tmp_path / "log").read_text()

    assert (status, answer["error"]["code"]) == (502, "upstream_credentials_rejected")  # type: ignore[index]
    assert all(json.loads(line)["level"] for line in log.splitlines())
    for private in ("my-private", "sk-upstream-secret", "sk-gc-presented-key"):
        assert private not in log + str(guardian.rows("select * from request"))


async def test_it_serves_tls_from_certificate_files(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    extra = '[gateway]\ntls_certificate = "cert.pem"\ntls_key = "key.pem"\n'
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with served(tmp_path, extra) as guardian, aiohttp.ClientSession() as session:
        async with session.get(guardian.url.removesuffix("/v1") + "/health/live", ssl=trust) as answer:
            assert (guardian.url[:8], answer.status) == ("https://", 200)


async def test_a_reload_reaches_what_is_kept_of_requests(tmp_path: Path) -> None:
    async with ModelServer("said") as model, served(tmp_path, url=model.url) as guardian:
        await until(lambda: guardian.rows("select 1 from gateway_event"))
        first = guardian.child("control")
        guardian.config.write_text(guardian.config.read_text() + '[records]\nbodies = "all"\n')
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "snapshot applied" in (tmp_path / "log").read_text())
        await until(lambda: _replaced(guardian, "control", first))
        await guardian.post()

        await until(lambda: guardian.rows("select response_text from payload") == [("said",)])


async def test_while_it_drains_a_new_client_is_refused_at_once(tmp_path: Path) -> None:
    async with ModelServer(faults=Hang("headers")) as model, served(tmp_path, url=model.url) as guardian:
        waiting = asyncio.create_task(guardian.post())
        await model.until(lambda: model.open_requests == 1, timeout_s=5)
        guardian.process.send_signal(signal.SIGTERM)
        await until(lambda: _is_refused(guardian.url))
        guardian.process.send_signal(signal.SIGTERM)

        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_a_lost_key_file_does_not_open_the_gateway(tmp_path: Path) -> None:
    async with ModelServer() as model:
        async with served(tmp_path, url=model.url) as guardian:
            await run("key", "new", "--config", str(guardian.config))
            await until(lambda: "snapshot applied" in (tmp_path / "log").read_text())
            (guardian.data / "keys.json").unlink()
            await until(lambda: "keys.json is gone" in (tmp_path / "log").read_text())

            assert (await guardian.post())[0] == 401
        code, said = await run(
            "serve", "--config", str(tmp_path / "guardian.toml"), "--listen", "127.0.0.1:0"
        )

    assert (code, "keys.json is gone" in said) == (73, True)


async def test_what_could_not_be_kept_is_counted_in_the_metrics(tmp_path: Path) -> None:
    async with served(tmp_path) as guardian, aiohttp.ClientSession() as session:
        async with session.get(guardian.url.removesuffix("/v1") + "/metrics") as answer:
            text = await answer.text()

    assert 'guardian_reports_dropped_total{kind="request"} 0.0' in text
    assert "gen_ai_server_request_duration_seconds" in text


async def test_a_key_made_while_the_gateway_starts_is_asked_for(tmp_path: Path) -> None:
    async def make_key_once_deployed() -> None:
        await until(lambda: list((tmp_path / "data").glob("snapshot*")))
        KeyFile(tmp_path / "data" / "keys.json").add(created=1.0)

    making = asyncio.create_task(make_key_once_deployed())
    async with served(tmp_path) as guardian:
        await making
        await until(lambda: "snapshot applied" in (tmp_path / "log").read_text())

        assert (await guardian.post())[0] == 401


async def test_a_stop_while_the_gateway_starts_prints_no_greeting(tmp_path: Path) -> None:
    config = tmp_path / "guardian.toml"
    config.write_text(f'[data]\nfolder = "{tmp_path}/data"\n')
    process = await asyncio.create_subprocess_exec(
        *GUARDIAN, "serve", "--config", str(config), "--listen", "127.0.0.1:0", stdout=asyncio.subprocess.PIPE
    )
    guardian = Served(process, "", "", tmp_path / "data", config)
    await until(lambda: _replaced(guardian, "gateway", 0))
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        said, _ = await process.communicate()

    assert (process.returncode, said) == (0, b"")


async def test_a_reload_leaves_the_log_as_it_was_at_the_start(tmp_path: Path) -> None:
    async with served(tmp_path) as guardian:
        guardian.config.write_text(guardian.config.read_text() + '[log]\nformat = "json"\n')
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: "at the next start only" in (tmp_path / "log").read_text())
        os.kill(guardian.child("control"), signal.SIGKILL)
        await until(lambda: "is started again" in (tmp_path / "log").read_text())
        await until(lambda: _replaced(guardian, "control", 0))
        assert "--log-format\0text" in _command(guardian.child("control"))


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _replaced(guardian: Served, name: str, before: int) -> bool:
    try:
        return guardian.child(name) != before
    except LookupError:
        return False


def _is_refused(url: str) -> bool:
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == errno.ECONNREFUSED


async def test_an_empty_address_is_not_taken_for_none(tmp_path: Path) -> None:
    code, said = await run("serve", "--listen", "", XDG_DATA_HOME=str(tmp_path))

    assert code == 78
    assert 'gateway.listen "" is not of the form' in said


async def test_a_data_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "guardian.toml"
    file.write_text('[data]\nfolder = "/proc/none"\n')

    code, said = await run("serve", "--config", str(file), "--listen", "127.0.0.1:0")

    assert code == 73
    assert "/proc/none cannot be used: No such file or directory\n" in said
    assert "name another in data.folder" in said


async def test_the_log_tells_how_a_process_ended_and_that_it_is_back(tmp_path: Path) -> None:
    async with served(tmp_path) as guardian:
        await until(lambda: guardian.log.count("gateway ready") == 1)
        os.kill(guardian.child("gateway"), signal.SIGKILL)
        await until(lambda: guardian.log.count("gateway ready") == 2)

    assert re.search(r'child=gateway ended="?by SIGKILL', guardian.log)
    assert "stopping: answers under way may end" in guardian.log


async def test_whoever_holds_the_last_key_is_out_once_it_is_revoked(tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "data" / "keys.json").add(created=1.0)
    bearer = {"authorization": f"Bearer {key}"}
    async with ModelServer() as model, served(tmp_path, url=model.url) as guardian:
        before = (await guardian.post(**bearer))[0]
        assert (await run("key", "revoke", key, "--config", str(guardian.config)))[0] == 0
        await until(lambda: "snapshot applied" in guardian.log)
        with_it, without = (await guardian.post(**bearer))[0], (await guardian.post())[0]
        guardian.process.send_signal(signal.SIGHUP)
        await until(lambda: guardian.log.count("deployed") == 2)
        after_reload = (await guardian.post())[0]

    assert (before, with_it, without, after_reload) == (200, 401, 401, 401)
