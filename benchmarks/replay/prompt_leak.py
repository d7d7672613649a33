"""Measures how much of a system prompt leaves before the watcher knows that the answer repeats it.

A leak is a passage of 25 words of a prompt, a tenth of them left out, planted in an ordinary answer that comes in
chunks of 1 to 12 characters. `prompt_leak_words_out` counts the words of it of which anything left, behind a gate that
holds from `suspect_from()` on; `prompt_leak_words_unheld` is the same without such a gate. `prompt_leak_watch_...` are
the figures of whole streams that pass the watcher, which is told to cut.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from time import process_time

from benchmarks.harness.report import percentile
from benchmarks.sets.system_prompts import system_prompts
from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import ChatRequest, Message
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.prompt_leak import PromptLeakDetector, PromptShingles
from guardian_cluster.watcher.watch import Watch

PROMPTS = 200
STREAMS = 2_000
PROMPTS_PER_ANSWER = 4
SEGMENT_WORDS, DROPPED = 25, 0.1
LONGEST_CHUNK = 12

_CUTTING = CompiledPolicy(WatchPolicy(on_prompt_leak="cut", on_secret="ignore", on_repetition="observe"))
_TOKEN = re.compile(r" ?\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Planted:
    """An answer with a part of a prompt in it."""

    text: str
    starts: tuple[int, ...]
    """Where in it each word of the prompt begins."""


@dataclass
class Watched:
    """What became of one stream; positions are characters from its beginning."""

    found: int | None
    read: int
    """What had come, the chunk with the finding included."""
    released: int
    """What had left behind a gate that holds suspects."""
    held: list[int]
    """What was held back, after each chunk."""


def prompt_leak_figures(rng: random.Random, answers: Sequence[str]) -> dict[str, float | int]:
    """Return the figures of planted passages and of the answers as they are, and what a chunk costs."""
    prompts = system_prompts(PROMPTS, rng)
    ready = [shingles for prompt in prompts if (shingles := PromptShingles.of(prompt)) is not None]
    return {
        **_planted_figures(rng, answers, prompts),
        **_watch_figures(rng, answers, prompts),
        **_benign_figures(rng, answers, ready),
        **_cost_figures(rng, answers, ready),
    }


def planted(prompt: str, answer: str, rng: random.Random) -> Planted:
    """Return an answer with a passage of the prompt at one of its blanks, words of it left out."""
    words = prompt.split()
    first = rng.randrange(max(1, len(words) - SEGMENT_WORDS + 1))
    passage = [word for word in words[first : first + SEGMENT_WORDS] if rng.random() >= DROPPED]
    cut = rng.choice([0, *(at + 1 for at, character in enumerate(answer) if character == " ")])
    starts: list[int] = []
    text = answer[:cut]
    for word in passage:
        starts.append(len(text))
        text += f"{word} "
    return Planted(text + answer[cut:], tuple(starts))


def watched(shingles: PromptShingles, text: str, rng: random.Random) -> Watched:
    """Let a stream pass in chunks, up to a finding."""
    detector, seen = PromptLeakDetector(shingles), Watched(None, 0, 0, [])
    while seen.read < len(text) and seen.found is None:
        chunk = text[seen.read : seen.read + rng.randint(1, LONGEST_CHUNK)]
        seen.found = detector.feed(chunk)
        seen.read += len(chunk)
        if seen.found is None:
            suspect = detector.suspect_from()
            seen.released = max(seen.released, seen.read if suspect is None else suspect)
            seen.held.append(seen.read - seen.released)
    if seen.found is None:
        seen.found = detector.finish()
    return seen


def words_out(prompt: str, leak: Planted, rng: random.Random) -> int | None:
    """Return of how many words of the passage anything leaves the watcher; `None` where it cuts nothing."""
    messages = [Message(role="system", content=prompt), Message(role="user", content="Go on.")]
    watch = Watch(_CUTTING, ChatRequest(model="m", messages=messages))
    released, at = "", 0
    while at < len(leak.text) and not watch.done:
        piece = leak.text[at : at + rng.randint(1, LONGEST_CHUNK)]
        at += len(piece)
        choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        for chunk in watch.feed([{"choices": [choice]}]):
            released += chunk["choices"][0]["delta"].get("content") or ""
    return sum(start < len(released) for start in leak.starts) if watch.done else None


def _watch_figures(
    rng: random.Random, answers: Sequence[str], prompts: Sequence[str]
) -> dict[str, float | int]:
    outcomes: list[int | None] = []
    for _ in range(STREAMS):
        prompt = rng.choice(prompts)
        outcomes.append(words_out(prompt, planted(prompt, rng.choice(answers), rng), rng))
    out = [words for words in outcomes if words is not None]
    return {
        "prompt_leak_watch_recall": len(out) / STREAMS,
        "prompt_leak_watch_words_out": fmean(out or [SEGMENT_WORDS]),
    }


def _planted_figures(
    rng: random.Random, answers: Sequence[str], prompts: Sequence[str]
) -> dict[str, float | int]:
    out: list[int] = []
    unheld: list[int] = []
    for _ in range(STREAMS):
        prompt = rng.choice(prompts)
        shingles, leak = PromptShingles.of(prompt), planted(prompt, rng.choice(answers), rng)
        seen = watched(shingles, leak.text, rng) if shingles else Watched(None, 0, 0, [])
        if seen.found is not None and seen.found > leak.starts[0]:
            out.append(sum(start < seen.released for start in leak.starts))
            unheld.append(sum(start < seen.read for start in leak.starts))
    return {
        "prompt_leak_streams": STREAMS,
        "prompt_leak_recall": len(out) / STREAMS,
        "prompt_leak_words_out": fmean(out or [SEGMENT_WORDS]),
        "prompt_leak_words_out_p95": percentile(out or [SEGMENT_WORDS], 95),
        "prompt_leak_words_unheld": fmean(unheld or [SEGMENT_WORDS]),
    }


def _benign_figures(
    rng: random.Random, answers: Sequence[str], ready: Sequence[PromptShingles]
) -> dict[str, float | int]:
    false = 0
    held: list[int] = []
    for answer in answers:
        first, *others = rng.sample(ready, PROMPTS_PER_ANSWER)
        seen = watched(first, answer, rng)
        held += seen.held
        false += seen.found is not None
        for shingles in others:
            detector = PromptLeakDetector(shingles)
            false += detector.feed(answer) is not None or detector.finish() is not None
    pairs = len(answers) * PROMPTS_PER_ANSWER
    return {
        "prompt_leak_pairs": pairs,
        "prompt_leak_false": false / pairs,
        "prompt_leak_held_mean": fmean(held or [0]),
        "prompt_leak_held_p99": percentile(held or [0], 99),
    }


def _cost_figures(
    rng: random.Random, answers: Sequence[str], ready: Sequence[PromptShingles]
) -> dict[str, float | int]:
    """Return processor time of a chunk that is a word or a mark, about what a token is, the least of five runs."""
    streams = [(rng.choice(ready), _TOKEN.findall(answer)) for answer in rng.choices(answers, k=400)]
    chunks = sum(len(words) for _, words in streams) or 1
    times = [_time_s(streams) for _ in range(5)]
    return {"prompt_leak_us_per_chunk": 1e6 * min(times) / chunks}


def _time_s(streams: Sequence[tuple[PromptShingles, list[str]]]) -> float:
    begun = process_time()
    for shingles, words in streams:
        feed = PromptLeakDetector(shingles).feed
        for word in words:
            feed(word)
    return process_time() - begun
