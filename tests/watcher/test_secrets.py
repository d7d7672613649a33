"""Secrets by their kind: none leaves, however the text is cut, and what only looks like one does."""

import json
import random
import re
import string
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import chunk, policy, request, watched, whole

from guardian_cluster.contract.snapshot import SecretKind
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.secrets import NEAR, shipped
from guardian_cluster.watcher.watch import Watch

ALNUM = string.ascii_letters + string.digits
MIXED = "3f9a1c7e0b5d8264" * 3
OWN = (
    SecretKind(kind="house", shape="hk_{alnum:12}"),
    SecretKind(kind="pair", shape="hp-{digit:3-5}-{alnum:8}"),
    SecretKind(kind="long", shape="hl_{alnum:4-512}.{token:6}"),
    SecretKind(kind="told", near=("acme",), shape="{lower:12}"),
    SecretKind(kind="marked", shape="{alnum:4}_{alnum:8}_hmk"),
    SecretKind(kind="inner", shape="{[A-Za-z0-9~.]:3}{digit:1}H~{token:6-8}"),
    SecretKind(kind="alone", shape="h.{alnum:12}", entropy=2.5),
)
RULES = policy(on_secret="redact", secrets=OWN, ignored_secrets=tuple(kind.kind for kind in shipped()))
KEY = "-----BEGIN EC PRIVATE KEY-----\n" + "Ab3+/xY9" * 16 + "==\n-----END EC PRIVATE KEY-----"
SECRETS = [
    "hk_a1B2c3D4e5F6",
    "hk_a1B2c3D4e5F6g7H8",
    "hp-123-a1B2c3D4",
    "hl_a1B2c3.tok-en9",
    "hl_" + "a1B2" * 140,
    KEY,
    "abcd_1a2b3c4d_hmk",
    "abc1H~tok-en9",
    "h.a1B2c3D4e5F6",
]
PIECES = [
    *SECRETS,
    "acme key: 0a1b2c3d4e5f",
    " ",
    "\n",
    "a",
    "hk_",
    "hp-12",
    "hl_a1.",
    "acme ",
    "0a1b2c3d4e5f",
    "abcd_",
    "_hmk",
    "H~tok",
    "the",
    ".",
]
ODD_PIECES = ["-----BEGIN", "x" * 30, "é", "\\"]

texts = st.lists(st.sampled_from([*PIECES, *ODD_PIECES]), max_size=6).map("".join)


def passed(
    compiled: CompiledPolicy, text: str, sizes: list[int], *, escaped: bool = False
) -> tuple[str, list[tuple[int, str]]]:
    """Pass a text through a gate in pieces of these sizes; return what has left, and what was found where."""
    gate, out, at = Gate(compiled.rules, escaped=escaped), "", 0
    for size in sizes:
        out += gate.feed(text[at : at + size])
        at += size
    out += gate.feed(text[at:]) + gate.feed("", last=True)
    return out, [(position, rule.name) for position, rule in gate.hits]


@given(texts, st.lists(st.integers(1, 9), max_size=60), st.booleans())
def test_the_cutting_changes_nothing(text: str, sizes: list[int], escaped: bool):
    assert passed(RULES, text, sizes, escaped=escaped) == passed(RULES, text, [], escaped=escaped)


apart = st.lists(st.sampled_from([*PIECES, *ODD_PIECES]), max_size=5).map(" ".join)


@given(st.sampled_from(SECRETS), apart, apart, st.lists(st.integers(1, 9), max_size=60))
def test_no_secret_leaves(secret: str, before: str, after: str, sizes: list[int]):
    left, _ = passed(RULES, f"{before} {secret} {after}", sizes)

    assert secret[3:] not in left
    assert secret[3:] not in passed(RULES, f"{before} {secret}", sizes)[0]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_secret_next_to_its_word_is_redacted(size: int):
    text = "The ACME token is '0a1b2c3d4e5f', keep it."

    assert passed(RULES, text, [size] * 50)[0] == "The ACME token is '[redacted:told]', keep it."


@pytest.mark.parametrize(
    "text",
    [
        "acme " + "word " * (NEAR // 5 + 1) + "0a1b2c3d4e5f",
        "acme abcdefghijkl",
        "acme 0a1b2c3d4e5f6",
        "acme 0a1b2c3d4e5_",
        "hk_a1B2c3D4e5F",
        "abcde_1a2b3c4d_hmk",
        "abcd_1a2b3c4d_hmkx",
        "abcH~tok-en9",
        "abc1H~tok-e",
        "h.a1B2c3D4e5F6g",
        "h.abcdefghijkl",
        "/h.a1B2c3D4e5F6",
        "h.a1B2c3D4e5F6=",
        "shk_a1B2c3D4e5F6",
        "hk_a1B2c3D4e5-6",
        "hk_xxxxxxxxxxxx",
        "hp-12-a1B2c3D4",
        "hp-123456-a1B2c3D4",
        "The line -----BEGIN PRIVATE KEY----- marks one, as everybody knows; what follows is no key, but prose!",
        "-----BEGIN CERTIFICATE-----\n" + "Ab3+/xY9" * 16,
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_what_is_no_secret_leaves_as_it_is(text: str, size: int):
    assert passed(RULES, text, [size] * 200) == (text, [])


@pytest.mark.parametrize("before", ["\\n", "%3D", "_", "=", "é", "密"])
def test_a_secret_begins_where_a_word_does(before: str):
    assert passed(RULES, before + SECRETS[0], [2] * 20)[0] == before + "[redacted:house]"


@pytest.mark.parametrize(
    "words", ["key is there ", "token a1b2c3 ", "key a1b2c3d4 ", "api_key=", "ab1Q~", "_mmk", " s.a1"]
)
def test_many_words_take_linear_time(words: str):
    compiled = policy(on_secret="redact")
    text = words * 3_000

    begun = process_time()
    passed(compiled, text, [])
    passed(compiled, text[: len(text) // 10], [])

    assert process_time() - begun < 20


@pytest.mark.parametrize("secret", SECRETS[-3:])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_no_character_leaves_of_a_secret_whose_mark_comes_late(secret: str, size: int):
    left, _ = passed(RULES, f"Take this: {secret}.", [size] * 50)

    assert re.fullmatch(r"Take this: \[redacted:(marked|inner|alone)\]\.", left)


def test_a_word_waits_for_its_end_and_a_full_stop_does_not():
    gate = Gate(policy(on_secret="redact").rules)

    left = [
        gate.feed(text)
        for text in ("The", " answer", " is", " forty", "-two", ".", "\n", "Photosynthesis", "es")
    ]

    assert left == ["", "The ", "answer ", "is ", "forty-", "two.", "\n", "", "Photosynthesises"]


def test_a_word_waits_for_nothing_where_no_kind_has_a_late_mark():
    late = ("azure-ad-secret", "maxmind-key", "square-token", "terraform-cloud-token")
    gate = Gate(policy(on_secret="redact", ignored_secrets=late).rules)

    assert [gate.feed(text) for text in ("The", " answer", " is")] == ["The", " answer", " is"]


@pytest.mark.parametrize(
    ("held", "may_leave"), [("sk-", True), ("it.", True), ("done", True), ("42", True), ("x9K", False)]
)
def test_of_what_is_held_a_word_or_the_beginning_of_a_head_says_nothing(held: str, may_leave: bool):
    secrets = policy(on_secret="redact").rules.secrets

    assert secrets is not None
    assert secrets.begins_head(held) is may_leave


def test_what_only_a_later_part_tells_is_found_whole_where_nothing_can_be_held_back():
    beginnings = RULES.rules.beginnings()

    assert [rule.name for _, _, rule in beginnings.scan(SECRETS[-3])[0]] == ["marked"]
    assert beginnings.scan("abcd")[1] == 4


def test_a_text_known_to_be_quiet_does_not_hide_a_word_of_which_it_is_a_part():
    compiled = policy(on_secret="redact", secrets=OWN, ignored_secrets=tuple(kind.kind for kind in shipped()))
    passed(compiled, " acm e", [4, 1])

    assert "redacted:told" in passed(compiled, " acme: 0a1b2c3d4e5f ", [2, 3])[0]
    assert "redacted:told" in passed(compiled, " acme: 0a1b2c3d4e5f ", [5])[0]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_word_that_was_met_long_before_a_blank_is_not_taken_to_be_quiet(size: int):
    compiled = policy(on_secret="redact", ignored_secrets=("meraki-key",))
    passed(compiled, "see password\n" + "abcd\n" * 12 + "\n and so on ", [size] * 99)

    left, _ = passed(compiled, 'x password = "LA0QJqf8WfCM" y', [1] * 40)

    assert left == 'x password = "[redacted:terraform-password]" y'


def test_whole_words_are_quiet_where_none_of_them_tells_of_a_secret_or_begins_one():
    secrets = RULES.rules.secrets
    assert secrets is not None

    assert secrets.are_quiet(["the", "acm", "e", "xhk_a1", "the"])
    assert {"the", "acm", "xhk_a1"} <= secrets.quiet_words
    assert not secrets.are_quiet(["the", "acme"])
    assert not secrets.are_quiet(["hk_a1"])
    assert secrets.quiet_words.isdisjoint({"acme", "hk_a1"})


def test_what_follows_a_private_key_leaves():
    assert passed(RULES, f"Here: {KEY}\nKeep it!", [3] * 99)[0] == "Here: [redacted:private-key]\nKeep it!"


def test_little_is_held_back():
    gate = Gate(RULES.rules)

    left = [len(gate.feed(word)) for word in ("The ", "quick ", "brown", " h", "k", "_", "a1")]

    assert left == [4, 6, 5, 1, 0, 0, 0]


def test_a_secret_written_with_escapes_is_redacted_in_arguments():
    text = '{"key": "hk_\\u0061\\u0031B2c3D4e5F6"}'

    assert passed(RULES, text, [4] * 20, escaped=True)[0] == '{"key": "[redacted:house]"}'


def test_a_kind_of_your_own_takes_the_place_of_a_known_one():
    compiled = policy(
        on_secret="observe",
        secrets=(SecretKind(kind=shipped()[0].kind, shape="mine-{digit:4}", action="cut"),),
    )

    sent = Watch(compiled, request()).feed([whole({"content": "a mine-1234 b"})])

    assert (sent[0]["choices"][0]["message"]["content"], sent[0]["choices"][0]["finish_reason"]) == (
        "a ",
        "content_filter",
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            SecretKind(kind="short", shape="ab{digit:9}"),
            "secret 'short': a shape begins with 3 or more literal ASCII",
        ),
        (SecretKind(kind="bare", shape="{digit:9}"), "secret 'bare': a shape begins with 3"),
        (
            SecretKind(kind="loud", shape="{digit:9}", near=("ACME",)),
            "secret 'loud': near 'ACME' must have 2 to 40",
        ),
        (
            SecretKind(kind="open", shape="abc{alnum:4-}.{alnum:3}"),
            "secret 'open': a run in the middle of a shape needs",
        ),
        (
            SecretKind(kind="wide", shape="{alnum:4} {alnum:8}_hmk"),
            "secret 'wide': a shape that is told by a text within it",
        ),
        (SecretKind(kind="faint", shape="{alnum:4}_{alnum:8}"), "secret 'faint': a shape begins with 3"),
        (SecretKind(kind="odd", shape="abc{digits:9}"), "secret 'odd': `digits` is no class"),
    ],
)
def test_a_kind_that_cannot_be_watched_for_is_refused_by_name(kind: SecretKind, said: str):
    with pytest.raises(ValueError, match=re.escape(said)):
        policy(on_secret="redact", secrets=(kind,))


def test_every_known_kind_has_a_name_of_its_own_and_can_be_watched_for():
    names = [kind.kind for kind in shipped()]

    assert len(names) == len(set(names)) >= 200
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)
    assert policy(on_secret="cut").rules.secrets is not None


def test_the_cutting_changes_nothing_for_known_kinds():
    compiled, rng = policy(on_secret="redact"), random.Random(4)
    heads = [
        "ghp_",
        "xoxb-",
        "AKIA",
        "sk-proj-",
        "eyJ",
        "glpat-",
        "SG.",
        "twitter ",
        "password = '",
        "EAAA",
        "s.",
        "x9K_",
        "aB38Q~",
    ]
    for _ in range(150):
        text = " ".join(
            rng.choice(heads) + "".join(rng.choices(ALNUM + "-_.=", k=rng.randint(5, 90))) for _ in range(4)
        )
        sizes = [rng.randint(1, 12) for _ in range(400)]
        assert passed(compiled, text, sizes) == passed(compiled, text, []), text


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("twilio-account", f"AC{MIXED[:32]}"),
        ("mailgun-key-alone", f"key-{MIXED[:32]}"),
        ("telegram-bot-alone", f"123456789:AA{MIXED[:33]}"),
        ("discord-bot-token-alone", f"MTA4NzY1{MIXED[:18]}.Gx-9aB.{MIXED[:38]}"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_secret_with_a_form_of_its_own_needs_no_word_of_its_vendor(kind: str, secret: str, size: int):
    left, found = passed(policy(on_secret="redact"), f"Take `{secret}`.", [size] * 150)

    assert (left, found) == (f"Take `[redacted:{kind}]`.", [(6, kind)])


@pytest.mark.parametrize(
    "text",
    [
        f"AC{MIXED.upper()[:32]}",
        f"cachekey-{MIXED[:32]}",
        f"key-{MIXED[:33]}",
        f"1234567:AA{MIXED[:33]}",
        f"123456789:AA{MIXED[:34]}",
        f"MAA4NzY1{MIXED[:18]}.Gx-9aB.{MIXED[:38]}",
    ],
)
def test_a_form_that_does_not_fit_is_no_secret(text: str):
    assert passed(policy(on_secret="redact"), f"Take {text} .", [5] * 40) == (f"Take {text} .", [])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f'"cohere_key": "{MIXED[:40]}"', "cohere-key"),
        (f"wandb_api_key={MIXED[:40]}", "wandb-key"),
        (f"token = AC{MIXED[:32]}", "twilio-account"),
        (f"some_key = '{MIXED[:41]}'", "assigned-secret"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_kind_of_a_vendor_names_what_a_generic_one_finds_too(text: str, kind: str, size: int):
    _, found = passed(policy(on_secret="redact"), f"{text} ", [size] * 80)

    assert [name for _, name in found] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "SEC_OID_X509_SUBJECT_KEY_ID = 80, SEC_OID_X509_KEY_USAGE = 81",
        "(gnutls_x509_privkey_t key, gnutls_x509_crt_fmt_t format)",
        "the token production. // RFC 2616: https://tools.ietf.org/html/rfc2616",
        "// key: https://github.com/nodejs/node/commit/0685bd9184jfhq22",
        "key: ../lib/rfc2616/a1b2c3d4",
        "encodedKey = util_1.encoding.base64Encode(publicKey)",
        "authkey = base64_from_bytes2(a)",
        "keyDetails: protobuf_specs_1.PublicKeyDetails.PKIX_ECDSA_P256_SHA_256,",
        'Key = "PKIX_ECDSA_P256_SHA_256"',
        '"password": "mypassword"',
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_name_an_address_or_a_path_behind_an_assignment_is_no_secret(text: str, size: int):
    assert passed(policy(on_secret="redact"), text, [size] * 90) == (text, [])


@pytest.mark.parametrize(
    "text", ["DB_PASSWORD=my_secret_pw_123", "password: 'Winter_2024_Snow'", '"password": "MbuAvoWs-"']
)
def test_a_password_of_words_and_numbers_is_one_where_it_is_set_directly(text: str):
    assert passed(policy(on_secret="redact"), text, [])[1]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"password": "S3cretxyz123A"}',
        '{"user":"a","password":"S3cretxyz123A","b":1}',
        '["curl","-H","X-Api-Key: S3cretxyz123A"]',
        '["curl","-H","Authorization: Basic S3cretxyz123A"]',
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_quotation_marks_around_a_secret_stay(arguments: str, size: int):
    left, found = passed(policy(on_secret="redact"), arguments, [size] * 80, escaped=True)

    assert found
    assert "S3cret" not in left
    assert json.loads(left)


def test_kinds_that_are_only_observed_let_everything_out():
    token = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    said = chunk({"content": f"it is {token}", "other": token}, reason="stop")

    outcome = watched(policy(on_secret="observe"), [said])

    assert outcome.said("content") == f"it is {token}"
    assert ("github-personal-token", "observe") in {(rule, action) for rule, action, *_ in outcome.found}
