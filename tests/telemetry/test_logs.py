"""Log lines: one record is one line that no value can forge, and none tells a key or what anybody wrote."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import aiohttp
import pytest
from harness import SOLVER, base, running_gateway
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.secret import Secret
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.telemetry.logs import JsonLines, Text, set_up_logs

FORMS = (JsonLines(), Text())
each_form = pytest.mark.parametrize("form", FORMS, ids=["json", "text"])

FORGED = (
    '\n2026-11-22T10:00:00.000+00:00 error   guardian: all is lost\r{"level": "error"}\x1b[2J\u202e\u2028'
)
BODY = "what-a-user-wrote"
HOSTILE = st.text(st.sampled_from('a\n\r\x0b\x1b\x85\u2028\u202e\ud800"\\={}'), max_size=20)


def record(message: str, error: BaseException | None = None, **fields: object) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("guardian.test", logging.WARNING, __file__, 1, message, None, info)
    made.created = 1_795_000_000.125
    vars(made).update(fields)
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def test_a_line_for_machines_is_one_object_with_every_field():
    line = JsonLines().format(record("deployed", rev=3, folder=None))

    assert json.loads(line) == {
        "time": "2026-11-18T11:06:40.125+00:00",
        "level": "warning",
        "logger": "guardian.test",
        "message": "deployed",
        "rev": 3,
        "folder": None,
    }


def test_a_line_for_people_begins_with_the_time_and_ends_with_the_fields():
    line = Text().format(record("deployed", rev=3, folder="/data"))

    assert line == "2026-11-18T11:06:40.125+00:00 warning guardian.test: deployed rev=3 folder=/data"


@given(HOSTILE, HOSTILE)
def test_no_message_and_no_value_makes_a_second_line(message: str, value: str):
    made = record(message.replace("%", ""), value=value)

    machine, people = (form.format(made) for form in FORMS)

    assert (json.loads(machine)["message"], json.loads(machine)["value"]) == (made.msg, value)
    assert machine.isascii()
    assert machine.isprintable()
    assert people.isprintable()


@each_form
def test_an_error_cannot_forge_a_line_or_draw_on_a_terminal(form: JsonLines | Text):
    quoting = type(form)(quotes=True)

    first, *others = quoting.format(record("failed", raised(ValueError(FORGED)))).split("\n")

    assert "failed" in first
    assert all(line.startswith("  ") for line in others)
    assert all(line.isprintable() for line in (first, *others))


@each_form
def test_an_error_tells_where_and_what_but_not_its_words(form: JsonLines | Text):
    error = raised(KeyError(BODY), raised(ExceptionGroup(BODY, [raised(ValueError(BODY))])))

    told = form.format(record("failed", error))

    assert BODY not in told
    assert all(name in told for name in ("KeyError", "ExceptionGroup", "ValueError", "which led to"))
    assert "raise error from cause" in told


@each_form
def test_a_systems_error_tells_what_it_means_and_not_its_file(form: JsonLines | Text):
    told = form.format(record("failed", raised(FileNotFoundError(2, "said by nobody", BODY))))

    assert "FileNotFoundError: No such file or directory" in told
    assert BODY not in told
    assert "said by nobody" not in told


@each_form
def test_an_error_that_leads_to_itself_is_told_once(form: JsonLines | Text):
    error = raised(ValueError(BODY))
    error.__cause__ = error

    assert form.format(record("failed", error)).count("ValueError") == 1


@each_form
def test_a_secret_is_told_by_its_source_alone(form: JsonLines | Text):
    secret = Secret("sk-0123456789", "environment variable MODEL_KEY")

    told = form.format(record("endpoint %s", key=secret, keys=[secret]))

    assert "0123456789" not in told
    assert "MODEL_KEY" in told


@pytest.mark.parametrize(("level", "told"), [("debug", True), ("INFO", False)])
def test_the_words_of_errors_are_told_at_level_debug_alone(
    root: logging.Logger, monkeypatch: pytest.MonkeyPatch, level: str, *, told: bool
):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    set_up_logs(level, "json")

    root.error("failed", exc_info=raised(ValueError(BODY)))

    (line,) = sys.stderr.getvalue().splitlines()  # type: ignore[attr-defined]
    assert (BODY in line, json.loads(line)["message"]) == (told, "failed")


def test_what_is_below_the_level_is_not_told(root: logging.Logger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    set_up_logs("warning", "text")

    root.info("a detail")
    root.warning("a trouble")

    assert sys.stderr.getvalue().count("\n") == 1  # type: ignore[attr-defined]
    assert "a trouble" in sys.stderr.getvalue()  # type: ignore[attr-defined]


async def test_a_gateway_that_fails_within_logs_neither_key_nor_body(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def fails(request: UserRequest) -> None:
        raise KeyError(request.chat.messages)

    key, question = "sk-gc-me", {"model": "solver", "messages": [{"role": "user", "content": BODY}]}
    caplog.set_level("DEBUG")
    async with running_gateway(base(SOLVER)) as gateway:
        monkeypatch.setattr(gateway.cluster.workflow, "open", fails)
        async with aiohttp.ClientSession(headers={"authorization": f"Bearer {key}"}) as session:
            async with session.post(f"{gateway.url}/chat/completions", json=question) as response:
                error = (await response.json())["error"]

    assert (response.status, BODY in str(error)) == (500, False)
    lines = [form.format(each) for each in caplog.records for form in FORMS]
    assert any("KeyError" in line for line in lines)
    assert not [line for line in lines if BODY in line or key in line]
