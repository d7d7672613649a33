"""The watching benchmark times what it says, and sees secrets that are missed and text that is taken for one."""

import gzip
import json
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import watching
from benchmarks.replay import degenerate, pii, secret_quality, tier0_cost
from benchmarks.sets import pii_rows, secrets
from benchmarks.sets.secret_rules import Rule
from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.watcher.policy import CompiledPolicy

KINDS = secrets.by_hand()
BLIND = CompiledPolicy(WatchPolicy(on_secret="ignore"))
ALL = CompiledPolicy(WatchPolicy())
ANSWERS = ("First, open the door and look around. ", "There is a cat, or there is none.") * 20


def test_each_chunk_is_timed_once_and_costs_something() -> None:
    spent = tier0_cost.chunk_costs([["a ", "b"], ["c"]], random.Random(1), passes=2)

    assert len(spent) == 3
    assert min(spent) > 500


def test_a_pass_begins_with_nothing_remembered() -> None:
    policy, _ = tier0_cost.everything(random.Random(1), personal=False)
    rules = policy.rules.secrets
    assert rules is not None

    tier0_cost.rule_costs([[" wonderful", " words"]], random.Random(1), passes=1)
    remembered = set(rules.quiet_words)
    tier0_cost.rule_costs([[" others", " too"]], random.Random(1), passes=1)

    assert (remembered, set(rules.quiet_words)) == ({"wonderful"}, {"others"})


def test_everything_watches_for_all_that_tier_0_has() -> None:
    policy, request = tier0_cost.everything(random.Random(1), personal=True)

    assert len(policy.policy.personal) == 7
    assert [message.role for message in request.messages] == ["system", "user"]
    ignored = [name for name in WatchPolicy.__struct_fields__ if getattr(policy.policy, name) == "ignore"]
    assert ignored == ["on_harm"]


def test_long_answers_are_told_by_form_and_length_and_none_is_tried_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tier0_cost, "SIZES", (500, 1_000, 2_000))
    found = tier0_cost.scaling_figures(ANSWERS, random.Random(1), quick=True)
    monkeypatch.setattr(tier0_cost, "MOST_S", 1e-9)
    short = tier0_cost.scaling_figures(ANSWERS, random.Random(1), quick=True)

    assert len(found["ns_per_char_by_length"]) == 12
    assert {tuple(costs) for costs in found["ns_per_char_by_length"].values()} == {("500", "1000")}
    assert {tuple(costs) for costs in short["ns_per_char_by_length"].values()} == {("500",)}
    assert found["scaling_worst"] == max(found["scaling"].values()) > 0


def test_expressions_are_searched_anew_in_a_window_and_in_all_that_has_come() -> None:
    always, seldom = (Rule("slow", "[ab]{2,40}c", words) for words in ((), ("nowhere",)))

    found = tier0_cost.naive_figures([always, seldom] * 30, ["ab" * 200], random.Random(1), quick=True)

    assert found["re_expressions"] == 60
    assert found["re_accumulated_us"] > found["re_window_us"] > found["re_prefiltered_us"] > 0


def test_rules_are_set_against_rules_and_the_watcher_apart() -> None:
    figures = {
        "re_window_us": 8e3,
        "re_accumulated_us": 2e4,
        "re_prefiltered_us": 1e2,
        "rules_us_median": 2.0,
    }

    found = tier0_cost.ratios({**figures, "tier0_us_median": 4.0})

    assert (found["times_cheaper_than_re"], found["watch_times_cheaper_than_re"]) == (4_000, 2_000)
    assert (found["times_cheaper_than_re_accumulated"], found["times_cheaper_than_re_prefiltered"]) == (
        1e4,
        50,
    )


def test_recall_is_that_of_the_worst_kind() -> None:
    known = [kind for kind in KINDS if kind.name in ("github-personal-token", "npm-token")]
    only = CompiledPolicy(WatchPolicy(ignored_secrets=("npm-token", "assigned-secret")))

    assert secret_quality.recall_figures(BLIND, known, 3, random.Random(1))["secret_recall_mean"] == 0.0
    assert secret_quality.recall_figures(ALL, known, 3, random.Random(1))["secret_recall_worst_kind"] == 1.0
    found = secret_quality.recall_figures(only, known, 3, random.Random(1))
    assert found["secret_recall_below_goal"].keys() == {"npm-token"}


def test_a_rule_that_takes_everything_takes_all_near_misses() -> None:
    greedy = CompiledPolicy(WatchPolicy(deny=tuple(DenyRule(name=f"d{n}", text=str(n)) for n in range(10))))

    none = secret_quality.near_miss_figures(BLIND, KINDS, 60, random.Random(1))
    many = secret_quality.near_miss_figures(greedy, KINDS, 60, random.Random(1))

    assert (none["near_misses"], none["near_misses_false"]) == (60, 0.0)
    assert many["near_misses_false"] > 0.5
    assert sum(many["near_misses_taken_for"].values()) > 30


def test_false_alarms_are_counted_by_place_and_have_an_upper_bound() -> None:
    twice = CompiledPolicy(
        WatchPolicy(
            on_secret="ignore", deny=(DenyRule(name="a", text=" the"), DenyRule(name="b", text=" the "))
        )
    )

    none = secret_quality.false_figures(BLIND, 40_000, random.Random(1))
    some = secret_quality.false_figures(twice, 40_000, random.Random(1))

    assert none["false_alarms"] == 0 < none["false_per_million_chars_at_most"] < 1e6 * 4 / 40_000
    assert none["false_characters"] >= 40_000
    assert 0 < some["false_alarms"] == sum(each["alarms"] for each in some["false_by_text"].values())
    assert some["false_alarms"] < sum(some["false_by_kind_of_secret"].values())
    assert some["false_per_million_chars"] < some["false_per_million_chars_at_most"]


def test_labelled_texts_are_generated_with_valid_values_where_there_are_none() -> None:
    rows = pii_rows.generated(120, random.Random(1))

    assert all(row["text"][s["start"] : s["end"]] == s["value"] for row in rows for s in row["spans"])
    assert {span["type"] for row in rows for span in row["spans"]} == set(pii.LABELS)
    assert pii.worst_figures(pii.pii_figures(rows), "all")["pii_recall_worst"] == 1.0


def test_the_worst_kind_is_told_with_phones_apart_and_none_where_a_kind_is_missing() -> None:
    figures = {kind: {"precision": 1.0, "recall": 0.9} for kind in pii.LABELS.values()}
    figures["ip"] = {"precision": 0.5, "recall": 0.8}
    figures["phone"] = {"precision": 0.1, "recall": 0.2}

    assert pii.worst_figures({"all": figures}, "all") == {
        "pii_precision_worst": 0.5,
        "pii_recall_worst": 0.8,
        "pii_phone_precision": 0.1,
        "pii_phone_recall": 0.2,
    }
    missing = {**figures, "ip": {"precision": None, "recall": 0.8}}
    assert pii.worst_figures({"all": missing}, "all")["pii_precision_worst"] is None


def test_loops_are_found_where_there_are_some_and_short_ones_are_told_apart() -> None:
    answers = ["The keeper of the lamp went up the stairs in the evening. Then he wrote a letter. "] * 3

    found = degenerate.loop_figures(random.Random(1), answers)

    assert found["loops"] == degenerate.LOOPS
    assert found["loops_false_of"] == 3 + degenerate.CODE + degenerate.TABLES
    assert found["loops_found_in_4"] < found["loops_found_ever"] < found["loops_found"] <= 1


def test_refusals_are_read_from_the_given_folder_or_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"model": "m", "completion": "No.", "final_label": "2_full_refusal"}
    path = tmp_path / degenerate.REFUSALS
    path.parent.mkdir()
    path.write_bytes(gzip.compress(json.dumps(row).encode()))
    monkeypatch.setenv("GUARDIAN_DATA", str(tmp_path))

    assert degenerate.refusals() == ([row], "given")
    path.write_bytes(b"torn")
    with pytest.raises(RuntimeError, match="refusals_dev"):
        degenerate.refusals()
    monkeypatch.setattr(degenerate, "given_file", lambda name: None)
    made, origin = degenerate.refusals()
    assert origin == "generated"
    assert degenerate.refusal_figures(made)["refusal_accuracy"] == 1.0


def test_every_goal_is_a_figure_of_the_parts() -> None:
    told = {"false_characters", "false_per_million_chars", "times_cheaper_than_re", "tier0_us_p99"}

    assert told <= watching.AT_LEAST.keys() | watching.AT_MOST.keys()
    assert not watching.AT_LEAST.keys() & watching.AT_MOST.keys()
