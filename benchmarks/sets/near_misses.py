"""Texts that look like secrets and are none: no rule that the planted secrets come from reports anything in them."""

import base64
import random
import string
import uuid
from collections.abc import Callable, Sequence

from benchmarks.sets.secrets import Kind, Planted
from benchmarks.sets.shaped_secrets import ALPHANUMERIC, BASE64, HEX, SHAPES, text_of

TRIES = 200

_NEUTRAL = (
    "The log has {value} in its third line.",
    "See `{value}` for details.",
    "{value}",
    '"value": "{value}"',
    "It printed {value}, and then stopped.",
)
_PLACEHOLDERS = (
    "OPENAI_API_KEY=sk-...",
    'api_key = "YOUR_API_KEY_HERE"',
    "GITHUB_TOKEN=ghp_{x36}",
    "export AWS_SECRET_ACCESS_KEY=<your-secret-key>",
    "password: ********",
    'client = OpenAI(api_key="<your-key>")',
    "STRIPE_SECRET_KEY=sk_live_{x24}",
    'token = os.environ["GITHUB_TOKEN"]',
    "Authorization: Bearer ${{API_TOKEN}}",
    "Authorization: Bearer YOUR_ACCESS_TOKEN",
    "  token: ${{{{ secrets.NPM_TOKEN }}}}",
    "const apiKey = process.env.STRIPE_API_KEY;",
    "slack_token: xoxb-your-token-here",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    'AZURE_CLIENT_SECRET = "{stars}"',
    "SENDGRID_API_KEY='SG.{x24}'",
    "Replace AKIA{capital_x16} with the identifier of your own key.",
    "DB_PASSWORD=changeme",
)
_WORDS = (
    "Abstract",
    "Request",
    "Handler",
    "Factory",
    "Provider",
    "Default",
    "Registry",
    "Session",
    "Proxy",
    "Bean",
)


def near_misses(rng: random.Random, of: Sequence[Kind]) -> tuple[str, str]:
    """Return a text in which there is no secret of any of these kinds, and why it could be taken for one."""
    why = rng.choice(tuple(_MADE))
    for _ in range(TRIES):
        text = _MADE[why](rng, of)
        if text is not None and not any(any(kind.rule.found(text)) for kind in of):
            return text, why
    raise RuntimeError(f"no text of the form {why!r} could be made that is not a secret")


def whys() -> tuple[str, ...]:
    """Return what texts there are."""
    return tuple(_MADE)


def _spoiled(spoil: Callable[[Planted, random.Random], str | None]) -> Callable[..., str | None]:
    """Return what makes a text of a planted secret that is one no more."""

    def made(rng: random.Random, of: Sequence[Kind]) -> str | None:
        kind = rng.choice(of)
        if kind.name in SHAPES:
            return None
        value = spoil(kind.sample(rng), rng)
        if value is None:
            return None
        text = rng.choice(_NEUTRAL).format(value=value)
        if (
            kind.rule.keyword
        ):  # named as what it is, without `key` or `token`: those rules take nearly anything
            service = kind.rule.keyword.sample(rng).text
            text = rng.choice(('{}: "{}"', "{} = {}", "{}='{}'")).format(service, value)
        return None if kind.rule.compiled.search(text) else text  # not one that only its entropy excuses

    return made


def _shortened(planted: Planted, rng: random.Random) -> str | None:
    at = rng.randrange(planted.head, len(planted.secret)) if planted.head < len(planted.secret) else None
    return None if at is None else planted.secret[:at] + planted.secret[at + 1 :]


def _broken(planted: Planted, rng: random.Random) -> str | None:
    body = len(planted.secret) - planted.head
    if body < 12:
        return None
    at = planted.head + rng.randrange(body // 3, 2 * body // 3)
    return planted.secret[:at] + rng.choice("!*#§ü ~") + planted.secret[at + 1 :]


def _separated(planted: Planted, rng: random.Random) -> str | None:
    head = planted.secret[: planted.head]
    separators = [at for at, character in enumerate(head) if character in "_-.~"]
    if not separators or planted.head < 3:
        return None
    at = rng.choice(separators)
    other = rng.choice([each for each in "_-.:/" if each != head[at]])
    return head[:at] + other + planted.secret[at + 1 :]


def _placeholder(rng: random.Random, of: Sequence[Kind]) -> str:
    return rng.choice(_PLACEHOLDERS).format(
        x36=rng.choice("xX0") * 36,
        x24=rng.choice("xX") * 24,
        capital_x16="X" * 16,
        stars="*" * rng.randint(8, 40),
    )


def _commit(rng: random.Random, of: Sequence[Kind]) -> str:
    full = text_of(HEX, 40, 40, rng)
    form = (
        "commit {0}",
        "Fixed in {0}.",
        "See `{1}`..`{0}`",
        "git cherry-pick {0}",
        "merge {1} into main ({0})",
    )
    return rng.choice(form).format(full, full[: rng.randint(7, 12)])


def _identifier(rng: random.Random, of: Sequence[Kind]) -> str:
    words = rng.choices(_WORDS, k=rng.randint(4, 9))
    return rng.choice(("class {}:", "new {}()", "`{}` is long.")).format("".join(words))


def _uuid(rng: random.Random, of: Sequence[Kind]) -> str:
    number = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    return rng.choice(
        ("The request {} failed twice.", '{{"id": "{}"}}', "/v1/orders/{}", "Trace {} took 3 s.")
    ).format(number)


def _digest(rng: random.Random, of: Sequence[Kind]) -> str:
    length = rng.choice((32, 40, 64, 64, 128))
    form = "{}  archive.tar.gz", "sha256:{}", "--hash=sha256:{}", 'ETag: "{}"', "The checksum is {}."
    return rng.choice(form).format(text_of(HEX, length, length, rng))


def _image(rng: random.Random, of: Sequence[Kind]) -> str:
    pixels = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + rng.randbytes(rng.randint(60, 900))
    return f'<img src="data:image/png;base64,{base64.b64encode(pixels).decode()}">'


def _integrity(rng: random.Random, of: Sequence[Kind]) -> str:
    return f'"integrity": "sha512-{text_of(BASE64, 86, 86, rng)}=="'


def _minified(rng: random.Random, of: Sequence[Kind]) -> str:
    letters = string.ascii_lowercase
    statements = [
        "var {}={}({},{}),{}=t[{}];".format(*rng.choices(letters, k=5), rng.randint(1, 999))
        for _ in range(rng.randint(4, 20))
    ]
    return "!function(e,t){" + "".join(statements) + "}();"


def _address(rng: random.Random, of: Sequence[Kind]) -> str:
    video, path = text_of(ALPHANUMERIC, 11, 11, rng), text_of(ALPHANUMERIC, 20, 44, rng)
    return rng.choice(
        (f"https://youtu.be/{video}", f"https://docs.example.com/d/{path}/edit", f"/assets/main.{path}.js")
    )


_MADE: dict[str, Callable[[random.Random, Sequence[Kind]], str | None]] = {
    "one character too short": _spoiled(_shortened),
    "a character outside the alphabet": _spoiled(_broken),
    "another separator after the prefix": _spoiled(_separated),
    "placeholder": _placeholder,
    "commit": _commit,
    "uuid": _uuid,
    "digest": _digest,
    "image": _image,
    "integrity": _integrity,
    "minified": _minified,
    "identifier": _identifier,
    "address": _address,
}
