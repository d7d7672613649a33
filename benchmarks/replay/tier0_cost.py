"""Measures what a chunk costs the watcher: the whole of `Watch.feed`, with every rule and every sensor on.

Answers come in pieces of 1 to 8 characters (`tier0_us_...`), which is harder than what models send: pieces that are
words (`tier0_words_us_...`) come again and are remembered. Of each chunk the least of several passes counts, for what a
busy machine adds differs from pass to pass; each pass begins with nothing remembered. `rules_us_...` is the release
gate with all rules alone, without sensors and the JSON around a text.

Beside it stand the regular expressions that the planted secrets are drawn from, run as guards without a streaming
engine run them, each of them searched for anew after every chunk: in the last 512 characters (`re_window_us`), in all
that has come of an answer of 4,000 (`re_accumulated_us`), or only those of which a keyword stands in the window
(`re_prefiltered_us`). `times_cheaper_than_re` is `re_window_us` over `rules_us_median`, rules against rules;
`watch_times_cheaper_than_re` over `tier0_us_median`.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Any, Literal, get_args

from benchmarks.harness.report import percentile
from benchmarks.sets.secret_rules import Rule
from benchmarks.sets.streams import Chunking, cut
from benchmarks.sets.system_prompts import system_prompts
from guardian_cluster.contract.snapshot import DenyRule, PersonalKind, WatchPolicy
from guardian_cluster.domain.request import ChatRequest, Message
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch

Channel = Literal["content", "arguments"]
Chunk = dict[str, Any]

CHARACTERS, QUICK_CHARACTERS = 400_000, 40_000
PASSES, QUICK_PASSES = 5, 3
SIZES = (10_000, 100_000, 1_000_000)
"""Characters of one answer."""
PIECE = 40
"""Characters of a chunk of a long answer."""
MOST_S = 5.0
"""What an answer may be expected to take by the one before."""
WINDOW = 512
"""Characters that are searched anew after every chunk by the expressions."""
ANSWER = 4_000
"""Characters of a long answer, in which that is measured from 512 characters on."""
NAIVE_CHUNKS, QUICK_NAIVE_CHUNKS = 400, 40


def everything(rng: random.Random, *, personal: bool) -> tuple[CompiledPolicy, ChatRequest]:
    """Return a policy with all rules and sensors of tier 0 on, and a request with a system prompt."""
    prompt = system_prompts(1, rng)[0]
    policy = WatchPolicy(
        deny=tuple(DenyRule(name=f"name-{n}", text=f"Project Nightjar {n}") for n in range(4)),
        canaries=("CANARY-6f1d0c2e9b7a4853",),
        personal=dict.fromkeys(get_args(PersonalKind), "redact") if personal else {},
        on_prompt_leak="cut",
        on_invisible="observe",
        on_script_switch="observe",
        on_repetition="observe",
    )
    messages = [Message(role="system", content=prompt), Message(role="user", content="Go on.")]
    return CompiledPolicy(policy), ChatRequest(model="m", messages=messages)


def cost_figures(answers: Sequence[str], rng: random.Random, *, quick: bool) -> dict[str, Any]:
    """Return median and 99th percentile in microseconds, per chunk, and nanoseconds for each character."""
    texts = _enough(answers, QUICK_CHARACTERS if quick else CHARACTERS, rng)
    passes = QUICK_PASSES if quick else PASSES
    ways: tuple[tuple[str, bool, Chunking, Channel], ...] = (
        ("tier0", False, "1-8", "content"),
        ("tier0_personal", True, "1-8", "content"),
        ("tier0_words", False, "words", "content"),
        ("tier0_arguments", False, "1-8", "arguments"),
    )
    found: dict[str, Any] = {}
    for name, personal, chunking, channel in ways:
        pieces = [cut(text, chunking, rng) for text in texts]
        spent = chunk_costs(pieces, rng, passes=passes, personal=personal, channel=channel)
        found |= {
            f"{name}_us_median": median(spent) / 1e3,
            f"{name}_us_p99": percentile(spent, 99) / 1e3,
            f"{name}_ns_per_char": sum(spent) / sum(map(len, texts)),
            f"{name}_chunks": len(spent),
        }
    pieces = [cut(text, "1-8", rng) for text in texts]
    rules = rule_costs(pieces, rng, passes=passes)
    return found | {
        "ns_per_char": found["tier0_ns_per_char"],
        "rules_us_median": median(rules) / 1e3,
        "rules_us_p99": percentile(rules, 99) / 1e3,
    }


def rule_costs(answers: Sequence[Sequence[str]], rng: random.Random, *, passes: int) -> list[int]:
    """Return the same for the gate alone, without what stands around a text and what else watches it."""
    least: list[int] | None = None
    for _ in range(passes):
        policy, _ = everything(rng, personal=False)
        _forget(policy)
        spent = [ns for pieces in answers for ns in _each_timed(Gate(policy.rules).feed, pieces)]
        least = spent if least is None else list(map(min, least, spent))
    return least or []


def chunk_costs(
    answers: Sequence[Sequence[str]],
    rng: random.Random,
    *,
    passes: int,
    personal: bool = False,
    channel: Channel = "content",
) -> list[int]:
    """Return for each chunk of each answer the nanoseconds that it takes, the least of some passes."""
    least: list[int] | None = None
    for _ in range(passes):
        policy, request = everything(rng, personal=personal)
        _forget(policy)
        spent = [ns for pieces in answers for ns in _timed(policy, request, pieces, channel)]
        least = spent if least is None else list(map(min, least, spent))
    return least or []


def _forget(policy: CompiledPolicy) -> None:
    """Let go of what the kinds of secrets, which all policies share, remember of texts."""
    if policy.rules.secrets is not None:
        policy.rules.secrets.quiet.clear()
        policy.rules.secrets.quiet_words.clear()


def _timed(
    policy: CompiledPolicy, request: ChatRequest, pieces: Sequence[str], channel: Channel
) -> list[int]:
    batches = [[chunk_of(piece, channel)] for piece in pieces]
    return _each_timed(Watch(policy, request).feed, batches)


def _each_timed(feed: Callable[[Any], object], each: Sequence[Any]) -> list[int]:
    spent: list[int] = []
    for one in each:
        begun = perf_counter_ns()
        feed(one)
        spent.append(perf_counter_ns() - begun)
    return spent


def chunk_of(text: str, channel: Channel = "content") -> Chunk:
    """Return a chunk of a stream as servers send it."""
    call = {"index": 0, "function": {"arguments": text}}
    delta = {"content": text} if channel == "content" else {"tool_calls": [call]}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_754_000_000, "model": "m"}
    return {**head, "choices": [choice]}


def scaling_figures(answers: Sequence[str], rng: random.Random, *, quick: bool) -> dict[str, Any]:
    """Return nanoseconds of processor time for each character of long answers, by what they are and their length.

    `scaling_worst` is the worst ratio of the longest answer's to the shortest's. Where an answer would take longer than
    `MOST_S`, no longer one is tried, which says enough.
    """
    sizes = SIZES[:-1] if quick else SIZES
    found = {
        f"{way} {kind}": _by_length(text, sizes, personal=way != "streamed", whole=way == "whole")
        for kind, text in long_texts(answers, sizes[-1], rng).items()
        for way in ("streamed", "streamed personal", "whole")
    }
    ratios = {name: [*costs.values()][-1] / costs[str(sizes[0])] for name, costs in found.items()}
    return {
        "ns_per_char_by_length": found,
        "ns_per_char_longest": max([*costs.values()][-1] for costs in found.values()),
        "scaling": ratios,
        "scaling_worst": max(ratios.values()),
    }


def long_texts(answers: Sequence[str], size: int, rng: random.Random) -> dict[str, str]:
    """Return ordinary text, one line without a blank, nothing but digits, and nothing but what looks like a secret."""
    line = "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/", k=size))
    return {
        "prose": "\n\n".join(_enough(answers, size, rng)),
        "line": line,
        "digits": "".join(rng.choices("0123456789", k=size)),
        "assignments": 'api_key = "abcdEFGH12345678" ' * (size // 29),
    }


def _by_length(text: str, sizes: Sequence[int], *, personal: bool, whole: bool) -> dict[str, float]:
    costs: dict[str, float] = {}
    ready = everything(random.Random(1), personal=personal)
    cost = 0.0
    for size in sizes:
        if cost * size > 1e9 * MOST_S:
            break
        cost = costs[str(size)] = _ns_per_char(text[:size], *ready, whole=whole)
    return costs


def _ns_per_char(text: str, policy: CompiledPolicy, request: ChatRequest, *, whole: bool) -> float:
    """Return the least of three passes over one answer, as one chunk or as many; a slow one passes once."""
    least = float("inf")
    for _ in range(3):
        pieces = [text] if whole else [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
        batches = [[chunk_of(piece)] for piece in pieces]
        watch, begun = Watch(policy, request), process_time_ns()
        for batch in batches:
            watch.feed(batch)
        least = min(least, (process_time_ns() - begun) / len(text))
        if least * len(text) > 1e9:
            break
    return least


def naive_figures(
    rules: Sequence[Rule], answers: Sequence[str], rng: random.Random, *, quick: bool
) -> dict[str, float | int]:
    """Return the median microseconds per chunk of the expressions, and how many there are."""
    searches = [(rule.compiled.search, rule.keywords) for rule in rules]
    texts = ["\n\n".join(_enough(answers, ANSWER, rng)) for _ in range(20)]
    window, accumulated, prefiltered = list[int](), list[int](), list[int]()
    for _ in range(QUICK_NAIVE_CHUNKS if quick else NAIVE_CHUNKS):
        text = rng.choice(texts)[: rng.randint(WINDOW, ANSWER)]
        window.append(_searched(searches, text[-WINDOW:]))
        accumulated.append(_searched(searches, text))
        prefiltered.append(_searched(searches, text[-WINDOW:], by_keyword=True))
    figures = {"window": window, "accumulated": accumulated, "prefiltered": prefiltered}
    return {
        "re_expressions": len(searches),
        **{f"re_{name}_us": median(spent) / 1e3 for name, spent in figures.items()},
    }


def ratios(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return how many times the expressions cost as much as the rules, and as the whole watcher."""
    window = figures["re_window_us"]
    rules = figures["rules_us_median"]
    return {
        "times_cheaper_than_re": window / rules,
        "times_cheaper_than_re_accumulated": figures["re_accumulated_us"] / rules,
        "times_cheaper_than_re_prefiltered": figures["re_prefiltered_us"] / rules,
        "watch_times_cheaper_than_re": window / figures["tier0_us_median"],
    }


def _searched(searches: Sequence[tuple[Any, Sequence[str]]], text: str, *, by_keyword: bool = False) -> int:
    begun = perf_counter_ns()
    lowered = text.lower() if by_keyword else ""
    for search, keywords in searches:
        if not by_keyword or not keywords or any(word in lowered for word in keywords):
            search(text)
    return perf_counter_ns() - begun


def _enough(answers: Sequence[str], characters: int, rng: random.Random) -> list[str]:
    """Return answers in a random order, again and again, until there are so many characters."""
    chosen: list[str] = []
    while characters > 0:
        for answer in rng.sample(answers, len(answers)):
            chosen.append(answer[:characters])
            characters -= len(answer)
            if characters <= 0:
                break
    return chosen
