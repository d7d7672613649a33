import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.failures import error_object, from_answer, from_status, retry_after_s

NOW = 1_700_000_000.0
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["message", "type", "param", "code", "error", "detail", "x"])
fields = st.dictionaries(names, json_values)


def failure(status: int, body: bytes = b"", **headers: str) -> AttemptFailed:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return from_status(status, {**named}, body, now=NOW)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "100000"}, 120.0),
        ({"retry_after": "1e308"}, 120.0),
        ({"retry_after": "-1e308"}, 0.0),
        ({"retry_after": "9" * 5_000}, 120.0),
        ({"retry_after": "inf"}, 120.0),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry_after": "Tue, 14 Nov 2023 22:13:10 GMT"}, 0.0),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 120.0),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 -2359"}, 120.0),
        ({"retry_after": "Fri, 31 Dec 99999999999 23:59:59 GMT"}, None),
        ({"retry_after": "Mon, 01 Jan 0001 00:00:00 +2359"}, 0.0),
        ({"retry_after": "Tue, 14 Nov 2023 22:13:50 +99999999999999"}, None),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9.0),
    ],
)
def test_what_an_endpoint_asks_to_wait_is_read_in_every_form(headers: dict[str, str], wait_s: float | None):
    assert failure(503, **headers).retry_after_s == wait_s


def test_a_date_without_a_zone_is_in_gmt_wherever_the_gateway_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        wait_s = failure(503, retry_after="Tue, 14 Nov 2023 22:13:50 -0000").retry_after_s
    finally:
        monkeypatch.undo()
        time.tzset()

    assert wait_s == 30.0


@given(st.text() | st.none(), st.text() | st.none())
def test_a_hostile_wait_is_a_sensible_number_or_none(seconds: str | None, milliseconds: str | None):
    wait_s = retry_after_s({"retry-after": seconds, "retry-after-ms": milliseconds}, now=NOW)

    assert wait_s is None or 0 <= wait_s <= 120


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_caller_did_wrong_is_not_tried_elsewhere(status: int):
    error = failure(status, b'{"error": {"message": "too long", "code": "context_length_exceeded"}}')

    assert (error.elsewhere, error.http_status) == (False, status)
    assert error.body()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_be_better_elsewhere_is_tried_there(status: int):
    assert failure(status).elsewhere


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 402, 405, 406, 410, 418, 451])
def test_what_only_the_operator_can_mend_is_tried_elsewhere_and_not_here_again(status: int):
    error = failure(status, b'{"error": {"message": "see /elsewhere"}}')

    assert (error.elsewhere, error.again, error.rests, error.http_status) == (True, False, True, 502)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (302, "upstream_redirected", "check its url"),
        (402, "upstream_unpaid", "check its account"),
        (405, "upstream_not_found", "no such thing"),
        (410, "upstream_not_found", "no such thing"),
        (451, "upstream_error", "no such thing"),
    ],
)
def test_the_operator_is_told_what_to_mend(status: int, code: str, told: str):
    error = failure(status, b'{"error": {"message": "no such thing"}}')

    assert error.code == code
    assert told in error.body()["error"]["message"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (402, "server_error"),
        (408, "timeout"),
        (409, "invalid_request_error"),
        (413, "invalid_request_error"),
        (418, "server_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
        (504, "timeout"),
        (529, "server_error"),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b'{"detail": "no"}'], ids=["no JSON", "JSON without a type"])
def test_an_error_without_a_type_has_that_of_the_status_the_caller_sees(status: int, kind: str, body: bytes):
    assert failure(status, body).body()["error"]["type"] == kind


def test_a_type_that_the_endpoint_names_is_passed_on():
    error = failure(429, b'{"error": {"message": "m", "type": "tokens"}}')

    assert error.body()["error"]["type"] == "tokens"


@pytest.mark.parametrize("status", [401, 403])
def test_the_gateways_own_credentials_never_look_like_the_callers(status: int):
    error = failure(status, b'{"error": {"message": "Incorrect API key provided: sk-abc"}}')

    assert (error.http_status, error.code, error.elsewhere) == (502, "upstream_credentials_rejected", True)
    assert "sk-abc" not in str(error.body())
    assert "api_key" in error.message


def test_an_unknown_model_at_the_endpoint_is_the_operators_fault():
    error = failure(404, b'{"error": {"message": "no such model"}}')

    assert (error.http_status, error.code) == (502, "upstream_not_found")
    assert "no such model" in error.message


@pytest.mark.parametrize(
    ("status", "seen"), [(302, 502), (402, 502), (418, 502), (451, 502), (529, 502), (503, 503)]
)
def test_only_statuses_that_clients_map_to_errors_are_passed_on(status: int, seen: int):
    assert failure(status).http_status == seen


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "m", "type": "t", "param": "p", "code": "c"}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"detail": "m"}', "m"),
        (b'{"detail": [{"loc": ["body"], "msg": "m"}]}', '[{"loc":["body"],"msg":"m"}]'),
        (b'{"message": "m", "code": 40001}', "m"),
        (b'{"object": "error", "message": "m", "type": "BadRequestError", "code": 400}', "m"),
    ],
)
def test_the_shapes_of_errors_that_servers_send_are_brought_into_one(body: bytes, message: str):
    error = error_object(body)

    assert error is not None
    assert error["message"] == message
    assert error.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"[1]", b"{}", b'{"error": null}', b"{" * 100_000, b'{"error": "\xff"}'],
)
def test_what_is_no_error_object_leaves_a_message_of_our_own(body: bytes):
    error = failure(500, body)

    assert error_object(body) is None
    assert error.message == "The model's endpoint answered with status 500."
    assert error.body()["error"]["code"] == "upstream_error"


def test_deeply_nested_errors_do_not_exhaust_the_stack():
    assert error_object(b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}") is None


@given(fields, st.integers(300, 599))
def test_whatever_an_endpoint_sends_its_error_has_openais_shape(said: dict[str, object], status: int):
    error = failure(status, msgspec.json.encode(said))

    shown = error.body()["error"]
    assert isinstance(shown["message"], str)
    assert len(shown["message"]) <= 2_100
    assert isinstance(shown["type"], str)
    assert all(shown[name] is None or isinstance(shown[name], str) for name in ("param", "code"))


def test_an_endpoints_endless_message_is_cut():
    error = failure(400, msgspec.json.encode({"error": {"message": "x" * 60_000, "code": "y" * 60_000}}))

    assert len(msgspec.json.encode(error.body())) < 10_000


def test_an_error_in_an_answer_with_status_200_is_found():
    error = from_answer({"error": {"message": "overloaded", "code": "overloaded"}})

    assert error is not None
    assert (error.http_status, error.elsewhere) == (502, True)
    assert error.body()["error"]["message"] == "overloaded"


@pytest.mark.parametrize("nothing", [None, {}, "", False])
def test_an_empty_error_field_is_none(nothing: object):
    assert from_answer({"error": nothing, "choices": []}) is None
