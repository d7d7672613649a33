"""The pure parts of the benchmarks, and that their programs count right and wrong answers as such."""

import contextlib
import json
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import hostile, overhead
from benchmarks.harness import attacks
from benchmarks.harness.bodies import body_files
from benchmarks.harness.load import Load, Pattern, Percentiles, run_load
from benchmarks.harness.meter import CHUNKS, Meter, Window, Windows
from benchmarks.harness.native import MissingCompilerError, native_program
from benchmarks.harness.offline import offline_line
from benchmarks.harness.processes import Running, _command_line, cores
from benchmarks.harness.report import compare, json_line, percentile
from benchmarks.harness.targets import Target, fake_model

CHECKOUT = Path(__file__).resolve().parents[1]
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def load_of(*, ok: int = 10, p50_ms: float = 1.0) -> Load:
    spread = Percentiles(p50=p50_ms, p99=p50_ms, max=p50_ms)
    return Load(
        ok=ok, wrong=0, broken=0, unfinished=0, late=0, reconnects=0, marks=ok, elapsed_s=2.0,
        latency_ms=spread, other_latency_ms=None, first_token_ms=spread, transit_ms=spread,
    )  # fmt: skip


@contextlib.contextmanager
def serving(answer: bytes) -> Generator[int]:
    """Give the first request of every connection the same answer, and close."""

    class Respond(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            received = b""
            while b'"stream": false}' not in received:
                part = self.request.recv(65536)
                if not part:
                    return
                received += part
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Respond) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 10), (20, 10), (21, 20), (50, 30), (99, 50), (100, 50)]
)
def test_a_percentile_is_the_sample_of_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([50, 10, 40, 20, 30], percent) == expected


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_sample_that_enough_others_do_not_exceed(
    samples: list[int], percent: int
) -> None:
    found = percentile(samples, percent)

    assert 100 * sum(sample <= found for sample in samples) >= percent * len(samples)
    assert 100 * sum(sample < found for sample in samples) < percent * len(samples)


def test_no_samples_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        percentile([], 50)


def test_a_goal_is_met_up_to_its_value_and_open_where_nothing_was_measured() -> None:
    met = compare({"a": 1.0, "b": 1.1, "c": None}, {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0})

    assert met == {"a": True, "b": False, "c": None, "d": None}


def test_the_json_line_is_one_line_with_figures_goals_and_circumstances() -> None:
    figures = {"a_ms": 1.23456, "b": {"c": 0.00019}}
    text = json_line("x", figures, {"a_ms": 1.2}, {"quick": True}, {"cores": 2})

    assert "\n" not in text
    assert json.loads(text) == {
        "benchmark": "x",
        "a_ms": 1.235,
        "b": {"c": 0.0},
        "goals": {"a_ms": 1.2},
        "met": {"a_ms": False},
        "run": {"quick": True},
        "machine": {"cores": 2},
    }


def test_a_figure_is_compared_as_it_is_printed() -> None:
    line = json.loads(json_line("x", {"a": 1.50049}, {"a": 1.5}, {}, {}))

    assert (line["a"], line["met"]["a"]) == (1.5, True)


def test_a_line_offline_holds_goals_to_be_reached_and_goals_not_to_be_passed() -> None:
    figures = {"share": 0.9699, "other": 0.98, "time_us": 3.0}
    at_least = {"share": 0.97, "other": 0.97, "unmeasured": 0.97}
    line = json.loads(offline_line("x", figures, {}, at_least=at_least, at_most={"time_us": 2.0}))

    assert line["goals"] == {**at_least, "time_us": 2.0}
    assert line["met"] == {"share": False, "other": True, "unmeasured": None, "time_us": False}


def test_figures_are_medians_over_windows_and_what_is_added_is_the_difference_of_medians() -> None:
    ours, direct = Target("ours", 1), Target("direct", 2)
    windows = Windows(
        {
            "ours": [Window(load_of(p50_ms=p50_ms), cpu_us=1000 * p50_ms) for p50_ms in (3.0, 9.0, 4.0)],
            "direct": [Window(load_of(p50_ms=1.5), cpu_us=0)],
        }
    )

    assert windows.median(ours, Window.request_us) == 400
    assert windows.median(ours, Window.chunk_us) == 400 / CHUNKS
    assert windows.added(ours, direct, Window.p50_ms) == 2.5


def test_a_block_in_every_window_counts_and_a_single_hiccup_does_not() -> None:
    calm = hostile.Observed([[1.0, 2.0], [1.0, 50.0], [1.0, 2.0]])
    blocked = hostile.Observed([[1.0, 9.0], [1.0, 8.0], [1.0, 10.0]])

    found = hostile.figures({hostile.PEACE: calm, "blocked": blocked, "harmless": calm})

    assert found["longest_block_ms"] == 7.0
    assert found["attacks"]["blocked"]["longest_block_ms"] == 7.0
    assert found["attacks"]["harmless"] == {"longest_block_ms": 0.0, "p99_rise_ms": 0.0, "answers": {}}


def test_load_is_told_to_the_generator_in_full() -> None:
    small = Pattern(body=Path("a"), connections=3, seconds=2, rate=5, requests=7)
    mixed = replace(small, other=Path("b"), other_share=0.1)

    assert " ".join(small.arguments(80)) == "-p 80 -b a -c 3 -d 2 -r 5 -n 7"
    assert " ".join(mixed.arguments(80)) == "-p 80 -b a -c 3 -d 2 -r 5 -n 7 -B b -s 0.1"


def test_hostile_requests_are_what_they_are_called() -> None:
    def body(request: bytes) -> bytes:
        return request.partition(b"\r\n\r\n")[2]

    assert len(json.loads(body(attacks._many_messages()))["messages"]) == 100_000
    assert attacks._many_headers().count(b"\r\nx-") == 20_000
    assert body(attacks._deep_nesting()).count(b"[") > 100_000
    assert json.loads(body(attacks._many_answers()))["n"] == 10**18
    assert 9_800_000 < len(body(attacks._dense_body())) < 10_000_000
    assert json.loads(body(attacks._dense_body()))["x"][0] == [[], {}, 0, [1]]


@pytest.mark.parametrize("name", ["overhead", "hostile"])
def test_every_benchmark_says_how_it_is_called(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    told = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True)

    assert "--quick" in told.stdout


def test_the_goals_of_overhead_are_those_agreed() -> None:
    assert overhead.GOALS["ratio_to_bare"] == 1.7
    assert overhead.GOALS["cpu_us_per_request"] == 200
    assert overhead.GOALS["cpu_us_per_chunk"] == 20
    assert set(overhead.GOALS) >= {"paced_ratio_to_bare", "added_ttft_ms", "worker_mb", "help_cpu_s"}


def test_a_stopped_process_leaves_no_descendant_behind() -> None:
    script = "trap '' TERM; sleep 60 & echo; wait"
    running = Running(["sh", "-c", script], cores()[0], output=subprocess.PIPE, environment={})
    assert running.process.stdout is not None
    running.process.stdout.readline()
    tree = running.pids()

    running.stop(patience_s=0.05)

    assert len(tree) == 2
    assert not any(_command_line(pid) for pid in tree)


def test_without_a_compiler_the_package_that_has_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with pytest.raises(MissingCompilerError, match="apt-get install gcc"):
        native_program.__wrapped__("loadgen")


@needs_compiler
def test_every_answer_of_the_fake_model_server_is_right_and_every_chunk_has_a_mark() -> None:
    meter = Meter()
    with body_files() as bodies, fake_model() as upstream:
        whole = meter.run(upstream, Pattern(body=bodies.whole, connections=4, requests=40))
        stream = meter.run(upstream, Pattern(body=bodies.stream, connections=4, requests=8, streamed=True))

    assert (whole.ok, whole.marks, stream.ok, stream.marks) == (40, 40, 8, 8 * CHUNKS)
    assert (meter.requests, meter.failed, meter.lost_marks) == (48, 0, 0)


@needs_compiler
def test_large_requests_are_spaced_evenly_and_their_waits_kept_apart() -> None:
    with body_files() as bodies, fake_model() as upstream:
        small = Pattern(body=bodies.whole, connections=4, requests=40, keep_latencies=True)
        load = run_load(upstream.port, replace(small, other=bodies.large, other_share=0.1))

    assert load.ok == 40
    assert len(load.latencies_ns) == 36
    assert load.other_latency_ms is not None


@needs_compiler
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"200 OK\r\ncontent-length: 9\r\n\r\n@no mark;", (0, 5, 0)),
        (b"500 Oh\r\ncontent-length: 4\r\n\r\n@17;", (0, 5, 0)),
        (b"200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n@17;\r\n", (0, 0, 5)),
        (b"200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n@1\r\n2\r\n7;\r\n0\r\n\r\n", (5, 0, 0)),
    ],
    ids=["no mark", "not 200", "cut off", "mark in two chunks"],
)
def test_an_answer_is_right_when_it_is_complete_has_status_200_and_a_mark(
    answer: bytes, told: tuple[int, int, int]
) -> None:
    closing = b"HTTP/1.1 " + answer.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
    with serving(closing) as port, body_files() as bodies:
        load = run_load(port, Pattern(body=bodies.whole, connections=1, requests=5, seconds=5))

    assert (load.ok, load.wrong, load.broken) == told
