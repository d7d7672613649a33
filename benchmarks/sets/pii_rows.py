"""Texts with labelled personal data: recorded ones where there are some, else from templates written here.

Generated rows hold only what their own arithmetic makes valid, in the plainest forms: they show that a benchmark
runs, and little of how good a detector is.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.sets.given import Origin, content_of, given_file

FILE = "guards/pii_synth.jsonl.gz"
ROWS = 400

Row = Mapping[str, Any]


def pii_rows() -> tuple[list[Row], Origin]:
    """Return rows of `text`, `spans` (`type`, `start`, `end`) and `template_id`, and where they come from.

    Raises RuntimeError, naming the file, where one that is there cannot be read.
    """
    given = given_file(FILE)
    if given is None:
        return generated(ROWS, random.Random(1)), "generated"
    path, origin = given
    try:
        return [json.loads(line) for line in content_of(path).splitlines()], origin
    except (OSError, EOFError, ValueError) as error:
        raise RuntimeError(f"cannot read the labelled texts in {path}: {error}") from error


def generated(rows: int, rng: random.Random) -> list[Row]:
    """Return rows made from templates, each template as often."""
    return [_row(number % len(_TEMPLATES), rng) for number in range(rows)]


def _row(template_id: int, rng: random.Random) -> Row:
    before, label, after = _TEMPLATES[template_id]
    value = _VALUES[label](rng)
    span = {"type": label, "start": len(before), "end": len(before) + len(value), "value": value}
    return {"text": before + value + after, "spans": [span], "template_id": template_id}


def card(rng: random.Random) -> str:
    """Return the number of a card: 16 digits, the last by Luhn's formula."""
    digits = [4, *(rng.randrange(10) for _ in range(14))]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2]) + sum(digits[1::2])
    number = "".join(map(str, [*digits, -doubled % 10]))
    return rng.choice((number, " ".join(number[at : at + 4] for at in range(0, 16, 4))))


def iban(rng: random.Random) -> str:
    """Return a German account number, its check digits by ISO 7064."""
    account = "".join(rng.choices("0123456789", k=18))
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def _email(rng: random.Random) -> str:
    names = "ada", "grace", "linus", "donald", "barbara"
    return f"{rng.choice(names)}.{rng.choice(names)}{rng.randrange(99)}@example.{rng.choice(('com', 'org'))}"


def _ssn(rng: random.Random) -> str:
    return f"{rng.randint(100, 600)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"


def _address(rng: random.Random) -> str:
    return ".".join(str(rng.randint(11, 250)) for _ in range(4))


def _phone(rng: random.Random) -> str:
    return f"+1 415 555 {rng.randint(2000, 9899)}"


_VALUES: Mapping[str, Callable[[random.Random], str]] = {
    "CREDIT_CARD": card,
    "IBAN_CODE": iban,
    "EMAIL_ADDRESS": _email,
    "US_SSN": _ssn,
    "IP_ADDRESS": _address,
    "PHONE_NUMBER": _phone,
}
_TEMPLATES: Sequence[tuple[str, str, str]] = (
    ("My card is ", "CREDIT_CARD", ", please cancel it."),
    ("Charge it to card number ", "CREDIT_CARD", "."),
    ("Send the money to the account ", "IBAN_CODE", " today."),
    ("IBAN: ", "IBAN_CODE", "\nThank you"),
    ("You can write to ", "EMAIL_ADDRESS", " at any time."),
    ("Contact: ", "EMAIL_ADDRESS", "\n"),
    ("Her social security number is ", "US_SSN", "."),
    ("SSN ", "US_SSN", " was on the form."),
    ("The host answers at ", "IP_ADDRESS", " again."),
    ("ping ", "IP_ADDRESS", "\n64 bytes"),
    ("Please call me at ", "PHONE_NUMBER", " tomorrow."),
    ("Phone: ", "PHONE_NUMBER", "\nFax: none"),
)
