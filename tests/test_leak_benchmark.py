"""The leak benchmark counts what leaves, and would see a watcher that lets secrets out or holds text back."""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import leak
from benchmarks.replay.planted import held_figures, leak_figures
from benchmarks.replay.prompt_leak import planted, words_out
from benchmarks.sets import secrets
from benchmarks.sets.system_prompts import system_prompts
from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.watcher.policy import CompiledPolicy

ANSWERS = ("First, open the door.\nThen look around: is there a cat? 1 of 4 has one.", "No.\n\nYes, maybe.")
KINDS = secrets.by_hand()


def test_a_watcher_that_looks_for_nothing_leaks_every_secret() -> None:
    blind = CompiledPolicy(WatchPolicy(on_secret="ignore"))

    found = leak_figures(blind, KINDS, ANSWERS, 80, random.Random(1))

    assert found["leaky_streams"] == found["streams"] == 80
    assert found["leaked_characters"] == sum(found["leaked_by_kind"].values()) > 80 * 16
    assert found["leaky_kinds"].keys() == {kind.name for kind in KINDS}


def test_the_watcher_leaks_next_to_nothing_of_kinds_that_everybody_knows() -> None:
    known = [
        kind for kind in KINDS if kind.name in ("github-personal-token", "aws-access-key-id", "npm-token")
    ]

    found = leak_figures(CompiledPolicy(WatchPolicy()), known, ANSWERS, 120, random.Random(1))

    assert (found["leaked_characters"], found["kinds"], found["channel_and_cutting_pairs"]) == (0, 3, 40)


def test_a_watcher_that_ends_every_answer_leaks_nothing_and_is_told_apart() -> None:
    ends_all = CompiledPolicy(WatchPolicy(deny=(DenyRule(name="e", text="e", action="cut"),)))

    found = leak_figures(ends_all, KINDS[:5], ANSWERS, 80, random.Random(1))
    none = leak_figures(CompiledPolicy(WatchPolicy()), KINDS[:5], ANSWERS, 80, random.Random(1))

    assert found["cut_streams"] > 60
    assert none["cut_streams"] == 0


def test_held_back_is_the_beginning_of_a_rule() -> None:
    denies = WatchPolicy(on_secret="ignore", deny=(DenyRule(name="n", text="xxxxxxxx"),))

    nothing = held_figures(CompiledPolicy(denies), ["abc" * 40], random.Random(1))
    all_of_it = held_figures(CompiledPolicy(denies), ["xxxxxxx"], random.Random(1))

    assert nothing == {"mean": 0.0, "p99": 0, "max": 0}
    assert all_of_it["max"] == 7


def test_words_of_a_prompt_are_counted_behind_the_watcher_and_only_of_a_leak() -> None:
    rng = random.Random(1)
    prompt, other = system_prompts(2, rng)
    told = [words_out(prompt, planted(prompt, ANSWERS[0], rng), rng) for _ in range(20)]

    assert max(count for count in told if count is not None) < 20
    assert told.count(None) <= 1
    assert words_out(other, planted("one two three", ANSWERS[0], rng), rng) is None


def test_each_kind_is_planted_as_often_and_a_full_run_has_ten_thousand_streams() -> None:
    assert leak.streams(221, quick=True) == 6 * 221
    assert leak.streams(221, quick=False) == 48 * 221
    assert leak.streams(60, quick=False) == 10_000
