"""Secrets whose expression says too little of them, drawn in the form that they have: keys in PEM, JWTs, passwords.

`[\\s\\S-]{64,}?` accepts anything between two lines; a key has base64 in lines. Each form has the contexts that its
rule asks for, in which `<>` is the place of the secret.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ALPHANUMERIC = string.ascii_letters + string.digits
BASE64 = ALPHANUMERIC + "+/"
URL_SAFE = ALPHANUMERIC + "-_"
HEX = "0123456789abcdef"

PLAIN = ("<>", "`<>`", '"<>"', "token: <>", "Use <> to sign in.", 'token = "<>"')

_PEM = {
    "RSA PRIVATE KEY": (64, 17, 25),
    "PRIVATE KEY": (64, 1, 27),
    "EC PRIVATE KEY": (64, 3, 4),
    "DSA PRIVATE KEY": (64, 7, 12),
    "ENCRYPTED PRIVATE KEY": (64, 4, 28),
    "OPENSSH PRIVATE KEY": (70, 5, 37),
    "PGP PRIVATE KEY BLOCK": (64, 8, 30),
}
"""Label -> width of a line, and least and most lines, as OpenSSL 3, OpenSSH 9 and GnuPG 2 write them."""


@dataclass(frozen=True)
class Drawn:
    """A secret, and how many characters at its beginning and end are known to everybody."""

    secret: str
    head: int = 0
    tail: int = 0
    written: tuple[str, ...] = ()
    """Parts anywhere in it that are known to everybody."""


@dataclass(frozen=True)
class Shape:
    """How a kind of secret is drawn, and what stands around it."""

    draw: Callable[[random.Random], Drawn]
    contexts: Sequence[str]


def text_of(alphabet: str, least: int, most: int, rng: random.Random) -> str:
    """Return random characters of an alphabet."""
    return "".join(rng.choices(alphabet, k=rng.randint(least, most)))


def pem(rng: random.Random, labels: Sequence[str] = tuple(_PEM)) -> Drawn:
    """Return a private key in lines; every fifth with `\\n` written out, as in the JSON files of Google Cloud."""
    label = rng.choice(labels)
    width, least, most = _PEM[label]
    lines = [text_of(BASE64, width, width, rng) for _ in range(rng.randint(least, most))]
    lines.append(text_of(BASE64, 8, width - 4, rng) + rng.choice(("", "=", "==")))
    if "PGP" in label:
        lines = ["", *lines, "=" + text_of(BASE64, 4, 4, rng)]
    newline = "\\n" if rng.random() < 0.2 else "\n"
    begin, end = f"-----BEGIN {label}-----{newline}", f"{newline}-----END {label}-----"
    return Drawn(begin + newline.join(lines) + end, len(begin), len(end))


def jwt(rng: random.Random) -> Drawn:
    """Return a JSON Web Token: header and claims in base64 without padding, and a signature."""
    header = {"alg": rng.choice(("HS256", "RS256", "ES256")), "typ": "JWT"}
    if rng.random() < 0.4:
        header["kid"] = text_of(ALPHANUMERIC, 6, 24, rng)
    claims = {"sub": text_of(string.digits, 6, 12, rng), "name": text_of(string.ascii_letters, 5, 20, rng)}
    claims |= {"iat": rng.randint(1_500_000_000, 1_900_000_000)} if rng.random() < 0.8 else {}
    separators = (", ", ": ") if rng.random() < 0.2 else (",", ":")
    parts = [_unpadded(json.dumps(part, separators=separators)) for part in (header, claims)]
    parts.append(text_of(URL_SAFE, *rng.choice(((43, 43), (86, 86), (342, 342))), rng))
    return Drawn(".".join(parts), 3)


def _unpadded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def jwt_base64(rng: random.Random) -> Drawn:
    """Return a JSON Web Token in base64 once more, as in Kubernetes' secrets."""
    return Drawn(base64.b64encode(jwt(rng).secret.encode()).decode(), 4)


def bedrock(rng: random.Random) -> Drawn:
    """Return a short-lived key: what is always the same, and a signed address in base64."""
    known = "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t"
    return Drawn(known + text_of(BASE64, 60, 300, rng), len(known))


def password(alphabet: str, least: int, most: int) -> Callable[[random.Random], Drawn]:
    """Return a draw of passwords, which have nothing in common but their characters."""
    return lambda rng: Drawn(text_of(alphabet, least, most, rng))


def freemius(rng: random.Random) -> Drawn:
    """Return a key of Freemius."""
    return Drawn("sk_" + text_of(ALPHANUMERIC + "@#%^&*-+=~:?", 29, 29, rng), 3)


def sidekiq(rng: random.Random) -> Drawn:
    """Return the name and password of a repository of packages."""
    return Drawn(f"{text_of(HEX, 8, 8, rng)}:{text_of(HEX, 8, 8, rng)}")


SHAPES: Mapping[str, Shape] = {
    "private-key": Shape(pem, ("<>", "Here is the key:\n\n<>", "```\n<>\n```", 'key = """<>"""')),
    "jwt": Shape(jwt, (*PLAIN, "Authorization: Bearer <>", "The token is `<>`")),
    "jwt-base64": Shape(jwt_base64, PLAIN),
    "aws-amazon-bedrock-api-key-short-lived": Shape(bedrock, (*PLAIN, "AWS_BEARER_TOKEN_BEDROCK=<>")),
    "curl-auth-header": Shape(
        password(ALPHANUMERIC + "._-", 16, 60),
        (
            'curl -H "Authorization: Bearer <>" https://api.example.com/v1/items',
            "curl https://api.example.com/v1/items -H 'X-Api-Key: <>'",
            'curl -s --header "Authorization: Token <>" https://api.example.com',
            "curl -X POST \\\n  -H 'Authorization: Basic <>' https://api.example.com",
        ),
    ),
    "curl-auth-user": Shape(
        password(ALPHANUMERIC + "_-", 8, 30),
        (
            "curl -u admin:<> https://api.example.com/v1/items",
            'curl -u "deploy:<>" https://api.example.com',
            "curl --user 'api:<>' https://api.example.com",
        ),
    ),
    "kubernetes-secret-yaml": Shape(
        password(BASE64, 12, 60),
        (
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: <>",
            'kind: Secret\ntype: Opaque\ndata:\n  token: "<>"',
        ),
    ),
    "nuget-config-password": Shape(
        password(ALPHANUMERIC + "+/!", 10, 30),
        ('<add key="ClearTextPassword" value="<>" />', '<add key="Password" value="<>"/>'),
    ),
    "hashicorp-tf-password": Shape(
        password(ALPHANUMERIC + "_-", 8, 20),
        ('administrator_login_password = "<>"', 'db_password = "<>"', '  password = "<>"'),
    ),
    "freemius-secret-key": Shape(freemius, ("'secret_key' => '<>'", '"secret_key" => "<>"')),
    "sidekiq-sensitive-url": Shape(
        sidekiq, ("https://<>@gems.contribsys.com/", "source 'https://<>@enterprise.contribsys.com/'")
    ),
}
"""Rule -> shape."""
