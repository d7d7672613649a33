"""Plants secrets in the surroundings in which they are found, and says which characters are the secret.

The kinds are the rules of the data where it is present (`benchmarks.sets.secret_rules`), else those written by hand
(`benchmarks.sets.secrets_by_hand`). Nothing here is shared with what the secrets are to be kept from: neither code nor
a table. Whatever is planted has been accepted, in its surroundings, by the rule that it was drawn from.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.sets.given import given_file
from benchmarks.sets.secret_rules import FILE, Rule, read_rules
from benchmarks.sets.secrets_by_hand import BY_HAND
from benchmarks.sets.shaped_secrets import SHAPES, Drawn, Shape

TRIES = 400
"""Of one sample until its rule accepts it; the worst kinds, whose words have to be avoided, take about ten."""

_ASSIGNED = (
    '{upper} = "<>"',
    "{upper}=<>",
    "export {upper}=<>",
    '"{lower}": "<>"',
    "{lower}: <>",
    "{lower}: '<>'",
    "const {camel} = '<>';",
    "the {words} is: <>",
    "Your {words} is: `<>`",
    "{lower} => <>",
    "{words} := <> ;",
)
"""`<>` is the place of the secret, the names are the service's: `ADAFRUIT_API_KEY`, `adafruitApiKey`."""
_ALONE = (
    '{upper}="<>"',
    "export {upper}=<>",
    '"{lower}": "<>"',
    "Use the {words} <> to sign in.",
    "The {words} is `<>`.",
    "{words}: <>",
    "({words} <>)",
    "{words}: <>, which expires.",
    "Authorization: Bearer <>",
    "`<>`",
    "<>",
)
"""For secrets that are known by themselves."""
_NOUN = re.compile(r"key|token|secret|password|passw|login|creds|credential|CONTRIBSYS", re.IGNORECASE)


@dataclass(frozen=True)
class Planted:
    """A secret in its surroundings. After `text_after` comes the end of the text or white space."""

    text_before: str
    secret: str
    text_after: str
    head: int
    """Characters at the beginning of the secret that are the same in every one of its kind: `ghp_`."""
    tail: int
    """The same at the end: `-----END PRIVATE KEY-----`."""
    written: tuple[str, ...]
    """The same anywhere: `.atlasv1.`."""

    @property
    def text(self) -> str:
        return self.text_before + self.secret + self.text_after


@dataclass(frozen=True)
class Kind:
    """One kind of secret."""

    rule: Rule
    source: str
    """Where the rule comes from: `given`, `repository neighbour` or `written by hand`."""

    @property
    def name(self) -> str:
        return self.rule.name

    def sample(self, rng: random.Random) -> Planted:
        """Return a secret that the rule accepts where it stands. Raises RuntimeError where none can be drawn."""
        for _ in range(TRIES):
            planted = self._drawn(rng)
            if self.accepts(planted):
                return planted
        raise RuntimeError(f"no secret of the kind {self.name} is accepted by its own rule")

    def accepts(self, planted: Planted) -> bool:
        """Say whether the rule finds the secret, at the end of a text and before white space.

        Exactly the secret, but for shaped kinds, where a rule may take what stands around: a name, quotes.
        """
        start, end = len(planted.text_before), len(planted.text_before) + len(planted.secret)
        shaped = self.name in SHAPES
        return all(
            any(
                (at, to) == (start, end) or (shaped and at <= start and (end <= to or self._open))
                for at, to in self.rule.found(text)
            )
            for text in (planted.text, planted.text + "\n")
        )

    @property
    def _open(self) -> bool:
        """Whether the rule asks for the beginning of a secret only."""
        return self.name == "aws-amazon-bedrock-api-key-short-lived"

    def _drawn(self, rng: random.Random) -> Planted:
        shape = SHAPES.get(self.name)
        if shape:
            return _around(shape, rng)
        sampled = self.rule.sampler.sample(rng)
        group = self.rule.chosen(sampled.groups)
        start, end = sampled.groups[group]
        drawn = Drawn(sampled.text[start:end], sampled.marker(group), written=sampled.written(group))
        templates = _ASSIGNED if self.rule.keyword else _ALONE
        return _around(Shape(lambda _: drawn, templates), rng, _names(self.rule, rng))


def _around(shape: Shape, rng: random.Random, names: Mapping[str, str] | None = None) -> Planted:
    template = rng.choice(shape.contexts)
    before, _, after = (template.format_map(names) if names else template).partition("<>")
    drawn = shape.draw(rng)
    return Planted(before, drawn.secret, after, drawn.head, drawn.tail, drawn.written)


def _names(rule: Rule, rng: random.Random) -> dict[str, str]:
    """Return what the secret is called: its service and what it is, in the ways in which names are written."""
    parts = re.split(r"[^A-Za-z0-9]+", rule.name)
    keyword = rule.keyword.sample(rng).text if rule.keyword else ""
    if keyword:
        parts = (
            [keyword] if "__" in keyword else [word for word in re.split(r"[^A-Za-z0-9.]+", keyword) if word]
        )
        nouns = [] if _NOUN.search(keyword) else rule.name.split("-")[-2:]
        parts += [noun for noun in nouns if noun not in keyword.lower()]
    spelled = [part if part.isupper() and keyword else part.lower() for part in parts]
    joined = "".join(part.capitalize() for part in spelled)
    return {
        "upper": "_".join(parts).upper(),
        "lower": "_".join(spelled),
        "camel": joined[:1].lower() + joined[1:],
        "words": " ".join(spelled),
    }


def kinds() -> list[Kind]:
    """Return the kinds of the data, else those written by hand; `source` says which."""
    given = given_file(FILE)
    if given is None:
        return by_hand()
    path, origin = given
    return [Kind(rule, origin) for rule in read_rules(path)]


def by_hand() -> list[Kind]:
    """Return the kinds that are written down in this repository, from general knowledge of their forms."""
    return [Kind(rule, "written by hand") for rule in BY_HAND]


def samples(of: Sequence[Kind], count: int, rng: random.Random) -> Iterator[tuple[Kind, Planted]]:
    """Yield planted secrets, of each kind as many."""
    for number in range(count):
        kind = of[number % len(of)]
        yield kind, kind.sample(rng)
