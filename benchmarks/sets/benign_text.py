"""Makes benign text of many kinds, as much as is asked for: what a detector of secrets has nothing to say about.

Prose and code are taken from what is on the machine and mixed anew until there is enough of it; tables, blocks of
base64 and text in further scripts are generated. Where what is on the machine is the same, a seed gives the same text.
"""

import base64
import json
import random
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, chain
from pathlib import Path

from benchmarks.sets.benign_words import ENDS, JOINED, PROSE, WORDS
from benchmarks.sets.given import content_of, given_file

ANSWERS = "guards/benign_answers.jsonl.gz"
PIECE = 4000
"""Characters of one text, about: a long answer."""

_STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
_FOLDERS: Mapping[str, tuple[tuple[Path, ...], str]] = {
    "python": ((_STANDARD_LIBRARY,), "*.py"),
    "c": ((Path("/usr/include"),), "*.h"),
    "javascript": (
        (Path(sysconfig.get_path("purelib")), Path("/usr/lib/node_modules"), Path("/usr/share/javascript")),
        "*.js",
    ),
}
_LEFT_OUT = frozenset({"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"})
"""Folders below those above: tests hold keys made for testing, which are secrets in form."""
MAX_FILES = 1500
MAX_FILE_BYTES = 300_000


def kinds() -> tuple[str, ...]:
    """Return what kinds of text there are."""
    return tuple(_MADE)


def texts(kind: str, characters: int, rng: random.Random) -> Iterator[str]:
    """Yield texts of a kind, of some thousand characters each, until there are so many characters.

    Raises KeyError for a kind that there is not.
    """
    made = _MADE[kind]
    while characters > 0:
        text = made(rng)
        characters -= len(text)
        yield text


def source(kind: str) -> str:
    """Return where the text of a kind comes from."""
    if kind == "prose":
        return f"sentences of recorded answers ({answers()[1]}), in new orders"
    if kind in _FOLDERS:
        files = len(_files(kind))
        return f"{files} files on this machine, in parts" if files else "generated: no files on this machine"
    return "generated"


@cache
def answers() -> tuple[tuple[str, ...], str]:
    """Return ordinary answers of a model and where they come from.

    Raises RuntimeError, naming the file, where one that is there cannot be read.
    """
    given = given_file(ANSWERS)
    if given is None:
        rng = random.Random(11)
        return tuple(" ".join(_sentence("english", rng) for _ in range(9)) for _ in range(500)), "generated"
    path, origin = given
    try:
        return tuple(json.loads(line)["answer"] for line in content_of(path).splitlines()), origin
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise RuntimeError(f"cannot read the answers in {path}: {error}") from error


@cache
def _sentences() -> tuple[str, ...]:
    split = (answer.replace("\n", "\n\0").replace(". ", ". \0").split("\0") for answer in answers()[0])
    return tuple(chain.from_iterable(split))


def _prose(rng: random.Random) -> str:
    """Return whole answers, and in every second text sentences of many of them."""
    if rng.random() < 0.5:
        return "\n\n".join(_until_long(lambda: rng.choice(answers()[0])))
    return "".join(_until_long(lambda: rng.choice(_sentences())))


def _until_long(more: Callable[[], str], characters: int = PIECE) -> Iterator[str]:
    while characters > 0:
        piece = more()
        characters -= len(piece) + 1
        yield piece


@cache
def _files(kind: str) -> tuple[Path, ...]:
    folders, pattern = _FOLDERS[kind]
    found = sorted(
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.rglob(pattern)
        if not _LEFT_OUT & set(path.relative_to(folder).parts) and path.is_file()
    )
    return tuple(random.Random(len(found)).sample(found, min(MAX_FILES, len(found))))


@cache
def _content(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES).decode(errors="replace")


@cache
def _sizes(kind: str) -> tuple[int, ...]:
    """Return the bytes of the files up to each: a place in a long file is as likely as one in a short one."""
    return tuple(accumulate(min(path.stat().st_size, MAX_FILE_BYTES) for path in _files(kind)))


def _code(kind: str) -> Callable[[random.Random], str]:
    """Return what takes whole lines from a random place of a random file."""

    def made(rng: random.Random) -> str:
        files = _files(kind)
        if not files:
            return _minified(rng).replace(";", ";\n")
        content = _content(rng.choices(files, cum_weights=_sizes(kind))[0])
        start = content.rfind("\n", 0, rng.randrange(max(len(content) - PIECE, 1))) + 1
        return content[start : start + PIECE] or "\n"

    return made


def _spoken(language: str) -> Callable[[random.Random], str]:
    return lambda rng: "".join(_until_long(lambda: _sentence(language, rng)))


def _sentence(language: str, rng: random.Random) -> str:
    """Return words of a language in no sense, as its sentences are written."""
    words = [rng.choice(WORDS[language]) for _ in range(rng.randint(5, 18))]
    joined = JOINED.get(language, " ").join(words)
    number = f" {rng.randint(1, 2400)}" if rng.random() < 0.2 else ""
    return joined[:1].upper() + joined[1:] + number + rng.choice(ENDS.get(language, (". ", "? ", ".\n")))


def _value(rng: random.Random) -> object:
    words = PROSE
    return rng.choice(
        (
            lambda: rng.randint(0, 10 ** rng.randint(1, 9)),
            lambda: round(rng.uniform(-1000, 1000), rng.randint(1, 6)),
            lambda: " ".join(rng.choices(words, k=rng.randint(1, 6))),
            lambda: (
                f"20{rng.randint(10, 26)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T08:{rng.randint(10, 59)}:00Z"
            ),
            lambda: rng.choice((True, False, None)),
            lambda: f"{rng.choice(words)}.{rng.choice(words)}@example.com",
            lambda: (
                f"https://www.example.com/{rng.choice(words)}/{rng.randint(1, 99999)}?page={rng.randint(1, 9)}"
            ),
        )
    )()


def _rows(rng: random.Random) -> tuple[list[str], list[list[object]]]:
    names = [
        f"{rng.choice(PROSE)}_{rng.choice(('id', 'count', 'name', 'at', 'total'))}"
        for _ in range(rng.randint(3, 8))
    ]
    return names, [[_value(rng) for _ in names] for _ in range(PIECE // (16 * len(names)))]


def _json(rng: random.Random) -> str:
    names, rows = _rows(rng)
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=rng.choice((None, 2)))


def _csv(rng: random.Random) -> str:
    names, rows = _rows(rng)
    mark = rng.choice(",;\t")
    return "\n".join(mark.join(map(str, row)) for row in (names, *rows))


def _markdown(rng: random.Random) -> str:
    names, rows = _rows(rng)
    rule = ["---"] * len(names)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (names, rule, *rows))


def _bytes(rng: random.Random, count: int) -> bytes:
    """Return bytes as files have them: random ones, runs of zeros, small numbers, words."""
    pieces: list[bytes] = []
    while sum(map(len, pieces)) < count:
        pieces.append(
            rng.choice(
                (
                    rng.randbytes(rng.randint(8, 400)),
                    bytes(rng.randint(2, 40)),
                    bytes(
                        chain.from_iterable((rng.randrange(64), 0, 0, 0) for _ in range(rng.randint(2, 20)))
                    ),
                    " ".join(rng.choices(PROSE, k=5)).encode(),
                )
            )
        )
    return b"".join(pieces)[:count]


def _base64(rng: random.Random) -> str:
    content = _bytes(rng, rng.randint(60, PIECE * 3 // 4))
    if rng.random() < 0.3:
        return base64.encodebytes(content).decode()
    encoded = (base64.b64encode if rng.random() < 0.7 else base64.urlsafe_b64encode)(content).decode()
    form = (
        "{}\n",
        "![plot](data:image/png;base64,{})\n",
        'src: url("data:font/woff2;base64,{}")\n',
        '{{"content": "{}"}}\n',
    )
    return rng.choice(form).format(encoded)


def _hex(rng: random.Random) -> str:
    form = rng.choice(("sums", "dump", "block", "bytes"))
    if form == "sums":
        length = rng.choice((16, 20, 32, 64))
        return "".join(f"{rng.randbytes(length).hex()}  {rng.choice(PROSE)}.tar.gz\n" for _ in range(30))
    content = _bytes(rng, PIECE // 3)
    lines = [content[at : at + 16] for at in range(0, len(content), 16)]
    if form == "dump":
        return "".join(f"{16 * at:08x}  {line.hex(' ')}\n" for at, line in enumerate(lines))
    return content.hex() + "\n" if form == "block" else ", ".join(f"0x{byte:02x}" for byte in content)


def _minified(rng: random.Random) -> str:
    """Return statements as minifiers of JavaScript write them, without spaces."""
    forms = (
        "var {0}={1}({2},{3});",
        "function {0}({1},{2}){{return {1}.{4}?{2}[{5}]:{3}({1})}}",
        'if("{4}"==={0}.type)throw new Error("{4} "+{1});',
        "{0}.prototype.{4}=function({1}){{this._{4}={1};return this}},",
        "!function({0}){{{0}.{4}={5}}}({1}||({1}={{}}));",
        "for(let {0}=0;{0}<{1}.length;{0}++){2}.push({1}[{0}]^{5});",
    )
    return "".join(
        _until_long(
            lambda: rng.choice(forms).format(
                *rng.choices("abcdefghijklmnopqrstuvwxyz", k=4), rng.choice(PROSE), rng.randint(0, 4095)
            )
        )
    )


_LANGUAGES: Sequence[str] = tuple(name for name in WORDS if name != "english")
_MADE: Mapping[str, Callable[[random.Random], str]] = {
    "prose": _prose,
    **{kind: _code(kind) for kind in _FOLDERS},
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
    "base64": _base64,
    "hex": _hex,
    "minified": _minified,
    **{language: _spoken(language) for language in _LANGUAGES},
}
