"""Texts for fuzzing the release gate with every kind of rule on at once, and what must hold of each of them.

A case is a text and a way to cut it. Cases are drawn by hypothesis from the pieces that a gate has to do with: secrets
and personal data, whole and in parts, the words that announce them, what stands between, and what never ends.
`tests/fuzz/corpus` keeps those that found a fault once; `scripts/fuzz.py` looks for more.
"""

import json
import random
from collections.abc import Sequence
from functools import cache
from itertools import cycle
from pathlib import Path

import msgspec
from hypothesis import strategies as st
from pii.pii_streams import ITEMS

from benchmarks.sets import secrets
from guardian_cluster.contract.snapshot import DenyRule, SecretKind, WatchPolicy
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.pii.found import KINDS
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.secrets import shipped

CORPUS = Path(__file__).resolve().parents[1] / "fuzz" / "corpus"

OWN_KINDS = (
    SecretKind(kind="house", shape="hk_{alnum:12}"),
    SecretKind(kind="pair", shape="hp-{digit:3-5}-{alnum:8}"),
    SecretKind(kind="long", shape="hl_{alnum:4-512}.{token:6}"),
    SecretKind(kind="told", near=("acme",), shape="{lower:12}"),
    SecretKind(kind="endless", shape="Bearer {alnum:20-}"),
    SecretKind(kind="assigned", near=("pwd",), shape="{token:10-}", assigned=True),
)
EXACT = (
    DenyRule(name="word", text="Project Nightjar"),
    DenyRule(name="head", text="sk-"),  # which many kinds begin with
    DenyRule(name="umlaut", text="Grüße 1"),
    DenyRule(name="digits", text="01 2", action="observe"),
)
CANARY = "canary-7Qx"
NUMBERS = (4111111111111111, 7, 86095742719, 4155550132, 20251231, 123456789)
"""Some of which are cards, phone numbers and the like."""


def _policy(actions: Sequence[str], **fields: object) -> CompiledPolicy:
    personal = {kind: actions[n % len(actions)] for n, kind in enumerate(KINDS)}
    kinds = [
        msgspec.structs.replace(each, action=actions[n % len(actions)]) for n, each in enumerate(OWN_KINDS)
    ]
    shared = {"deny": EXACT, "canaries": (CANARY,), "secrets": kinds, "personal": personal}
    return CompiledPolicy(msgspec.convert({**msgspec.to_builtins(shared), **fields}, WatchPolicy))


@cache
def policy(name: str) -> CompiledPolicy:
    """Return a policy with all kinds of rules: each redacts (`redact`), observes or redacts (`mixed`), or also cuts."""
    if name == "redact":
        return _policy(["redact"], on_canary="redact")
    if name == "mixed":
        return _policy(["observe", "redact"], on_canary="observe", on_secret="observe")
    return _policy(["redact", "cut", "retry"])


POLICIES = ("redact", "mixed", "cut")


class Case(msgspec.Struct, frozen=True):
    """A text, a way to cut it and a policy."""

    text: str
    sizes: tuple[int, ...] = (1,)
    """Characters of the chunks, over and over."""
    policy: str = "redact"
    escaped: bool = False
    """Whether the channel is one whose reader undoes JSON escapes."""

    def pieces(self) -> list[str]:
        """Return the chunks."""
        pieces: list[str] = []
        at, sizes = 0, cycle(self.sizes)
        while at < len(self.text):
            pieces.append(self.text[at : at + next(sizes)])
            at += len(pieces[-1])
        return pieces


Left = tuple[list[str], list[tuple[int, str]]]
"""What left with each chunk and at the end, and what was found where."""


def left_of(case: Case, pieces: Sequence[str]) -> Left:
    """Pass the chunks through a gate."""
    gate = Gate(policy(case.policy).rules, escaped=case.escaped)
    left = [gate.feed(piece) for piece in pieces]
    left.append(gate.feed("", last=True))
    return left, [(position, rule.name) for position, rule in gate.hits]


def check_cutting(case: Case) -> None:
    """Assert that the cutting changes neither what left nor what was found."""
    at_once, found_at_once = left_of(case, [case.text])
    left, found = left_of(case, case.pieces())

    assert "".join(left) == "".join(at_once)
    assert found == found_at_once


def check_json(case: Case) -> None:
    """Assert that a JSON document is one after strings and numbers in it were redacted, however it came."""
    number, negative = NUMBERS[len(case.text) % len(NUMBERS)], -len(case.text) * 1e30
    fields = {"a": [case.text, 1.5, number], "b" + case.text[:40]: None, "card": number, "c": negative}
    document = json.dumps(fields, ensure_ascii=len(case.text) % 2 == 0)
    written = msgspec.structs.replace(case, text=document, policy="redact", escaped=True)

    told = json.loads("".join(left_of(written, [document])[0]))

    assert isinstance(told["a"][0], str)
    assert told["a"][1] == 1.5
    assert isinstance(told["card"], str) or told["card"] == number
    check_cutting(written)


def check_fences(case: Case) -> None:
    """Assert that as many code fences leave as came."""
    left, _ = left_of(msgspec.structs.replace(case, policy="redact"), case.pieces())

    assert "".join(left).count("```") == case.text.count("```")


CHECKS = (check_cutting, check_json, check_fences)


def corpus() -> list[tuple[str, Case]]:
    """Return the cases that are kept, by the name that says what they are about."""
    return [(path.stem, read_case(path)) for path in sorted(CORPUS.glob("*.json"))]


def read_case(path: Path) -> Case:
    # Not msgspec's reader: half a surrogate pair is a text here.
    return msgspec.convert(json.loads(path.read_text("utf-8")), Case)


def write_case(case: Case, name: str) -> Path:
    """Keep a case."""
    path = CORPUS / f"{name}.json"
    path.write_text(json.dumps(msgspec.to_builtins(case), indent=1) + "\n", "utf-8")
    return path


_SHAPES = [
    shape for kind in shipped() for shape in ([kind.shape] if isinstance(kind.shape, str) else kind.shape)
]
HEADS = sorted({shape.partition("{")[0].partition("(")[0] for shape in _SHAPES} - {""})
WORDS = sorted({word for kind in shipped() for word in kind.near})
TOLD = (
    *(
        "the key is ",
        "password: ",
        "token",
        "acme ",
        "Bearer ",
        "pwd = '",
        "hl_",
        "hp-12",
        "hk_a1B2c3D4e5F6",
        CANARY,
    ),
    *(
        "Project Nightjar",
        "Grüße 1",
        "01 2",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "tel ",
        "card ",
    ),
    *(
        "SSN: ",
        "IBAN ",
        "a1B2c3D4e5F6",
        "0a1b2c3d4e5f",
        "https://user:pw1234@host/",
        "x" * 70,
        "Ab3+/xY9" * 9,
    ),
)
BETWEEN = (
    *(
        " ",
        " ",
        "\n",
        "\t",
        "\r\n",
        ".",
        ",",
        ":",
        " = ",
        "=",
        "'",
        '"',
        "`",
        "```",
        "-",
        "_",
        "(",
        ")",
        "+",
        "/",
        "@",
    ),
    *(
        "|",
        "--",
        "%3D",
        "[",
        "{",
        "\\",
        "\\n",
        "\\u0041",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\u00",
        "\\\\",
        '\\"',
        "\0",
    ),
    *(
        "\ud800",
        "\udc00",
        "😀",
        "é",
        "e\u0301",
        "密",
        "ſ",
        "İ",
        "\u212a",
        "\u00a0",
        "\u2011",
        "\u202f",
        "\u200b",
        "\u202e",
    ),
)
ENDLESS = (
    *(
        "sk-",
        "-----BEGIN",
        "-----BEGIN PRIVATE KEY-----\n",
        "eyJ",
        "01 23 45",
        "a@b.",
        "0",
        "\0",
        "\ud83d",
        "hl_a1",
    ),
    *(
        "\\",
        "\\u",
        "\\ud83d",
        "\\u0041",
        "acme ",
        "key=",
        "1.",
        "::",
        "fe80:",
        "(",
        "DE89 ",
        "twitter_a1b2c3d4 ",
        "AKIA",
    ),
)


@cache
def _planted() -> list[str]:
    """Return secrets in their surroundings, some of each kind of an independent generator."""
    rng = random.Random(11)
    return [kind.sample(rng).text for kind in secrets.by_hand() for _ in range(3)]


def _cut(text: str, first: int, last: int) -> str:
    return text[first : max(len(text) - last, first + 1)]


def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Return texts of pieces that matter to a gate."""
    items = st.sampled_from([*_planted(), *ITEMS, *TOLD])
    short = st.sampled_from([*HEADS, *WORDS, *TOLD])
    parts = st.builds(_cut, items, st.integers(0, 3), st.integers(0, 30))
    random_text = st.text("0123456789abcdefABCDEFxyzXYZ_-.=/+", min_size=1, max_size=70)
    endless = st.builds(lambda unit, times: unit * times, st.sampled_from(ENDLESS), st.integers(2, 40))
    between = st.sampled_from(BETWEEN)
    piece = st.one_of(items, short, parts, random_text, endless, between, between, between)
    return st.lists(piece, max_size=max_size).map("".join)


def cases(max_size: int = 12) -> st.SearchStrategy[Case]:
    """Return cases."""
    sizes = st.one_of(
        st.sampled_from([(1,), (2,), (7,)]), st.lists(st.integers(1, 30), min_size=1, max_size=9).map(tuple)
    )
    return st.builds(Case, texts(max_size), sizes, st.sampled_from(POLICIES), st.booleans())
