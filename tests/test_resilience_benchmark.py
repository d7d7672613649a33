"""The pure parts of the fault scoreboard: what is counted as seen, mended, silent or late, and the table of it."""

import json
import random
import subprocess
import sys
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.report import machine_facts
from benchmarks.litellm.proxy import configuration, litellm_command
from benchmarks.resilience import GOALS, QUICK
from benchmarks.resilience_world import figures, scoreboard
from benchmarks.resilience_world.figures import Row, Usual, is_bound, is_spliced, keys, mitigation_s, row
from benchmarks.resilience_world.gateways import configuration as guardian_configuration
from benchmarks.resilience_world.stage import Attempt, Stage
from benchmarks.resilience_world.suite import BY_NAME, CASES, LATEST_PLACE
from benchmarks.resilience_world.traffic import Played, Sighting, moments
from benchmarks.resilience_world.wording import ANSWERS, answer_to, has_open_fence, judged, kind_of
from guardian_cluster.config import load_config
from guardian_cluster.simulation import NAMED_FAULTS, Refuse, Schedule
from guardian_cluster.simulation.observation import Heard, Observation, Verdict

CHECKOUT = Path(__file__).resolve().parents[1]
USUAL = Usual(first_content_s={"stream": 0.1, "whole": 0.4}, total_s={"stream": 0.4, "whole": 0.4})
PROSE = next(number for number in range(ANSWERS) if answer_to(number, 1).form == "prose")
CODE = next(number for number in range(ANSWERS) if answer_to(number, 1).form == "with code")


def seen(verdict: Verdict = "complete", text: str = "", *, total_s: float = 0.4, **heard: Any) -> Observation:
    return Observation(
        verdict=verdict,
        heard=Heard(text=text, status=200, **heard),
        ending="clean",
        first_content_s=0.1,
        longest_silence_s=0.1,
        total_s=total_s,
    )


def sighting(number: int, started_s: float, of: Observation | None = None, kind: str = "stream") -> Sighting:
    return Sighting(f"[refuse/{number}]", kind, started_s, of or seen())  # type: ignore[arg-type]


def played(name: str, sightings: list[Sighting], attempts: list[Attempt] | None = None) -> Played:
    return Played(BY_NAME[name], 10.0, sightings, attempts or [])


def test_every_case_is_played_and_the_faults_of_the_suite_are_among_them():
    names = [case.name for case in CASES]
    unplayed = {"bad-gateway-page", "unauthorized", "not-found", "no-done", "wrong-content-type"}

    assert len(set(names)) == len(names)
    assert {*NAMED_FAULTS} - {*names} == unplayed  # operators' mistakes and oddities that harm nobody
    assert sum(case.is_single for case in CASES) >= 25
    assert {case.house for case in CASES if case.house} == {"control_killed", "database_locked", "disk_full"}


def test_places_of_a_fault_within_a_stream_are_drawn_anew_and_by_the_seed():
    strike = BY_NAME["reset-mid-stream"].strikes["a"]
    first, again = strike(random.Random(1)), strike(random.Random(1))
    assert isinstance(first, Schedule)
    assert isinstance(again, Schedule)
    places = [first.fault_for(number).place for number in range(200)]  # type: ignore[union-attr]

    assert {*places} == {*range(1, LATEST_PLACE + 1)}
    assert places == [again.fault_for(number).place for number in range(200)]  # type: ignore[union-attr]


def test_requests_start_evenly_and_no_two_at_once():
    starts = moments(20.0, 5.0, random.Random(1))
    gaps = [later - earlier for earlier, later in pairwise(starts)]

    assert len(starts) == 100
    assert 0.03 < min(gaps) < max(gaps) < 0.07
    assert {kind_of(number, 1) for number in range(200)} == {"stream", "whole", "json", "tool"}


def test_an_answer_is_right_in_any_words_and_wrong_with_a_span_twice_or_lost():
    answer = answer_to(PROSE, 1)
    first, second = answer.parts(0), answer.parts(1)
    mixed = "".join(first[:4] + second[4:])
    twice = "".join(first[:4] + second[2:])
    lost = "".join(first[:2] + second[4:])

    verdicts = [
        judged(seen(text=text), "stream", PROSE, 1).verdict for text in (mixed, twice, lost, mixed[:-20], "")
    ]
    assert verdicts == ["complete", "altered", "altered", "silent_truncation", "silent_truncation"]


def test_an_answer_that_says_that_it_is_cut_is_not_silently_wrong():
    text = answer_to(PROSE, 1).text() + " and so on and so on"

    assert judged(seen(text=text, finish_reason="content_filter"), "stream", PROSE, 1).verdict == "cut"
    assert judged(seen(text=text, finish_reason="stop"), "stream", PROSE, 1).verdict == "altered"


def test_a_stream_that_broke_off_within_code_is_bound_and_one_before_it_is_not():
    text = answer_to(CODE, 1).text()
    fence = text.index("```")
    inside, before = text[: fence + 20], text[: fence - 2]

    assert has_open_fence(inside)
    assert is_bound(sighting(1, 0.0, seen("in_band_error", inside)))
    assert not is_bound(sighting(1, 0.0, seen("in_band_error", before)))
    assert is_bound(sighting(1, 0.0, kind="json"))


def test_what_came_of_an_endpoint_asked_after_the_first_words_is_a_continuation():
    one = sighting(1, 2.0)

    assert not is_spliced(one, [Attempt("a", "", 2.0, True), Attempt("b", "", 2.05, False)])  # a hedge
    assert is_spliced(one, [Attempt("a", "", 2.0, True), Attempt("b", "", 2.6, False)])


def test_a_fault_is_mitigated_where_twenty_in_a_row_begin_to_see_nothing_of_it():
    early = [sighting(number, 0.1 * number, seen("in_band_error")) for number in range(5)]
    late = [sighting(5, 0.6, seen(total_s=3.0))]
    clear = [sighting(number, 0.1 * number) for number in range(10, 40)]
    relapse = [sighting(40, 4.1, seen("refused"))]

    assert mitigation_s(early + late + clear + relapse, USUAL, 10.0) == pytest.approx(1.0)
    assert mitigation_s(early + clear[:19] + relapse, USUAL, 10.0) == 10.0
    assert mitigation_s(clear, USUAL, 10.0) == 0.0


def test_attempts_at_an_endpoint_that_failed_three_times_are_counted_from_the_third_on():
    failing = [
        Attempt("a", f"[x/{at}]", at, True, after_content=True, ended=at + 0.5) for at in (0.1, 0.2, 0.3)
    ]
    later = [
        Attempt("a", "[x/9]", 2.0, True, after_content=True, ended=2.1),
        Attempt("b", "[x/9]", 2.2, False),
    ]

    found = row(played("reset-mid-stream", [sighting(1, 0.0)], failing + later), USUAL)

    assert found.failing_share_after_3 == 0.5
    assert found.share_of_struck == 0.8


def test_attempts_are_counted_for_requests_that_started_while_the_fault_lasted():
    attempts = [Attempt("a", "[refuse/1]", 0.0, True), Attempt("b", "[refuse/1]", 0.5, False)]
    before = [Attempt("b", "[refuse/0]", -0.2, False), Attempt("b", "[refuse/0]", 0.1, False)]
    found = row(played("refuse", [sighting(0, -0.2), sighting(1, 0.0)], before + attempts), USUAL)

    assert found.amplification == 2.0


def test_what_was_under_way_when_the_fault_struck_has_met_it_and_what_had_ended_has_not():
    of = played("refuse", [sighting(0, -1.0), sighting(1, -0.2, seen("in_band_error")), sighting(2, 11.0)])

    assert ([each.started_s for each in of.struck], [each.started_s for each in of.calm]) == ([-0.2], [-1.0])
    assert row(of, USUAL).failed_streams == 1


def test_a_hung_endpoint_is_looked_at_from_five_seconds_on():
    attempts = [
        Attempt("a", "[x/1]", 1.0, True),
        Attempt("a", "[x/2]", 6.0, True),
        Attempt("b", "[x/3]", 7.0, False),
    ]
    found = row(played("hang-before-headers", [sighting(1, 0.0)], attempts), USUAL)

    assert found.hung_share_after_5s == 0.5


def test_the_worst_share_is_that_of_faults_with_a_healthy_equal_and_words_that_left_are_told_apart():
    failed = [sighting(at, at / 10, seen("refused") if at < 3 else None, kind="whole") for at in range(10)]
    of = {
        name: played(name, failed if name != "refuse" else failed[3:])
        for name in ("refuse", "repetition", "all-down", "disk-full")
    }
    found = keys({name: row(each, USUAL) for name, each in of.items()}, of)

    assert found["visible_failure_rate_worst"] == 0.0
    assert found["visible_failure_rate_worst_of_words"] == 0.3
    assert found["house_failure_rate_worst"] == 0.3
    assert {*GOALS} <= {*found}


def test_a_table_takes_its_place_in_the_page_and_leaves_the_rest():
    page = f"# Page\n\n{scoreboard.BEGIN}\nold\n{scoreboard.END}\n\nRest\n"

    assert (
        scoreboard.put_into(page, "new")
        == f"# Page\n\n{scoreboard.BEGIN}\n\nnew\n\n{scoreboard.END}\n\nRest\n"
    )
    with pytest.raises(ValueError, match="the page has no"):
        scoreboard.put_into("# Page", "new")


def test_the_table_shows_both_gateways_beside_each_other():
    of = {"refuse": played("refuse", [sighting(at, at / 10) for at in range(10)])}
    ours = keys({"refuse": row(of["refuse"], USUAL)}, of)
    facts = {**machine_facts(), "quick": True, "seed": 1, "plan": {"rate": 1, "struck_s": 2}, "version": "0"}

    made = scoreboard.table(
        {**ours, "litellm": {**ours, "version": "1.2.3", "plan": facts["plan"]}}, GOALS, facts
    )

    assert "| key | goal | Guardian | LiteLLM 1.2.3 |" in made
    assert "| `visible_failure_rate_worst` | <= 0.20 % | 0.00 % | 0.00 % |" in made
    assert made.count("| refuse: connections are refused, open ones reset | 0 of 10 |") == 2


def test_the_page_defines_every_key_and_has_a_place_for_the_table():
    page = (CHECKOUT / "docs/scoreboard.md").read_text()

    assert scoreboard.put_into(page, "") != ""
    assert [key for key in GOALS if f"`{key}`" not in page] == []


async def test_both_gateways_are_configured_with_every_case(tmp_path: Path):
    async with AsyncExitStack() as exits:
        stages = [await exits.enter_async_context(Stage(case, 1)) for case in CASES]
        (tmp_path / "guardian.toml").write_text(guardian_configuration(stages, tmp_path / "data"))
        served = load_config(tmp_path / "guardian.toml", environment={}).base()
        theirs = configuration(stages)

    assert {case.name for case in CASES} <= {specialist.name for specialist in served.specialists}
    assert {case.name for case in CASES} <= {model["model_name"] for model in theirs["model_list"]}


async def test_a_struck_endpoint_keeps_who_came_and_whether_they_met_the_fault():
    async with Stage(BY_NAME["server-error"], 1) as stage:
        server = stage.servers["a"]
        assert isinstance(server.fault, Schedule)
        calm = server.fault.fault_for(0)
        stage.strike()
        struck = server.fault.fault_for(0)
        stage.lift()

    assert (calm.inner, struck.inner is None) == (None, False)  # type: ignore[union-attr]
    assert isinstance(BY_NAME["refuse"].strikes["a"](random.Random(1)), Refuse)


def test_the_peer_is_used_only_where_its_command_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GUARDIAN_LITELLM", raising=False)
    assert litellm_command() is None

    monkeypatch.setenv("GUARDIAN_LITELLM", "/opt/litellm")
    assert litellm_command() == "/opt/litellm"


def test_the_plan_lasts_longer_than_what_is_looked_at_within_it():
    assert QUICK.struck_s > figures.HUNG_AFTER_S + 1
    assert QUICK.struck_requests >= 4 * figures.IN_A_ROW
    assert {"requests", "continued_bad"} <= {*Row.__dataclass_fields__}


@pytest.mark.timeout(110)
def test_a_real_gateway_is_played_and_ends_with_one_json_line():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.resilience", "--quick", "--fault", "server-error"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    line = json.loads(done.stdout.splitlines()[-1])

    assert line["benchmark"] == "resilience"
    assert line["requests"] >= QUICK.struck_requests
    assert line["recovered_share_worst"] == 1.0
    assert "server-error: 500 to every request" in done.stdout
