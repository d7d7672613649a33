"""What an endpoint said of its failure, as a template: the words of errors stay, and nothing else does.

An error message may quote the request, or hold a key. So words are kept by a list of those that errors are made of,
and never because nothing was found against them.
"""

import re
from collections.abc import Iterator

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import ChatRequest, EmbeddingsRequest, UserRequest

MAX_CHARACTERS = 120
"""Of a template: two sentences, which tell one kind of failure from another."""

READ_CHARACTERS = 600
"""Of a message; what comes behind is a trace, or the request again."""

MASK = "*"
"""Stands for whatever is not a word of errors: names, numbers, addresses, what is quoted."""

ASKED_CHARACTERS = 4_000
"""Of a question that are looked through for what a message repeats of it."""

_REPEATED = 3
"""Words in a row that the question has as well: fewer are anybody's."""

WORDS = frozenset(
    """
    a access account active additional after again allocate allocated allocation allow allowed already an and any api
    application apply argument arguments array as assistant at attempt audio auth authentication authorization
    authorized available backend backoff bad balance batch be because been before being below billing block blocked
    body broken budget busy but by bytes cache call calls can cannot capacity certificate change channel characters chat
    check choices client closed cluster code completion completions concurrency concurrent config configuration
    configured connect connection contact contains content context conversation could count crashed credentials credit
    credits cuda current currently daily data day deadline decode default denied deploy deployed deployment deprecated
    detail details device dimensions disabled disk does down draining due during embedding embeddings empty encode
    encoding end endpoint engine error errors evicted exceed exceeded exceeds exception exhausted expected expired
    failed failure feature field fields file filter filtered finish flagged for forbidden format found from full
    function functions gateway general generate generation gone got gpu greater had handle handler handshake has have
    header headers healthy high host hour http https id if ignored image images in inactive incomplete increase index
    inference initialize initialized input inputs instance instead insufficient integer internal into invalid io is it
    item items its job json key keys kv large larger later latest length less limit limited limits list load loaded
    loading local long longer lost made maintenance malformed management many match max maximum maybe memory message
    messages method middleware min minimum minute minutes missing model models moderation month monthly more most must
    name needs network no node non not null number object of off offline on one only open operation options or
    organization out output over overload overloaded own page parallel parameter parameters parse parsing patience
    payload payment pending per permanent permission permissions plan please policy pool port preempted prefill
    previous processing project prompt property provide provided provider proxy queue quota range ratelimit rate
    reached read ready reason received reduce refused region rejected reload remaining remote remove replica request
    requested requests required requests requires reset resource resources response restart restarting restricted
    result retries retry retrying role route rpm running runtime safety same schema scheduler second seconds seed
    send sending sent sequence server servers service session set should shut shutdown shutting size slow socket
    soon specified ssl start started starting state status still stop stopped storage stream streaming string strict
    subscription such support supported suspended system team temperature template temporarily temporary terminated
    than that the then there this throttled throttling time timed timeout timeouts times tls to token tokenizer tokens
    too tool tools top total tpm traffic transient trial tried trying type types unable unauthorized unavailable
    under unexpected unhandled unknown unprocessable unreachable unrecognized unsupported until up upgrade upstream
    usage use used user using valid validation value values vector version vision vram wait waiting warming warmup was
    while window with within without worker workers wrong you your zone
    do encountered envoy exist exists find gb gib incorrect information issue mb mib nginx resulted see try
    """.split()  # noqa: SIM905  lines of words can be read
)
"""What messages of OpenAI, Azure, Anthropic, Google, vLLM, llama.cpp, TGI, Ollama, nginx and Envoy are made of."""

_LINKING = frozenset(
    """
    a an and any as at be by can does for from has have if in is it its no not of on one or that the then there this to
    was with you your
    """.split()  # noqa: SIM905
)
"""Words of anything: a passage is not taken for an error's because of them."""

_QUOTED = re.compile(
    r'"[^"]*(?:"|$)|`[^`]*(?:`|$)|“[^”]*(?:”|$)|«[^»]*(?:»|$)|‘[^’]*(?:’|$)|(?<!\w)\'[^\']*(?:\'|$)|<[^>]*(?:>|$)'
)
_PASSAGES = re.compile(r"[.:;!?\n(){}\[\]|]+(?:\s|$)|[\n(){}\[\]|]+|(?<=\s)-+\s")
_LETTERS = re.compile(r"[^\W\d_]+")
_NAMED = re.compile(r"[a-z]+(?:[_-][a-z]+)*")


def said_of(failure: AttemptFailed, request: UserRequest) -> str:
    """Return the template of what an endpoint said of its failure; empty where it said nothing."""
    return template(failure.said, _asked(request)) if failure.said else ""


def template(message: str, asked: str = "") -> str:
    """Return a message without all that is not of errors: equal for failures of one kind.

    At most `MAX_CHARACTERS`, in small letters. `asked` is what the request says: what is repeated of it goes, too.
    """
    passages: list[str] = []
    known = f" {_plain(asked[:ASKED_CHARACTERS])} "
    for passage in _PASSAGES.split(_QUOTED.sub(f" {MASK} ", message[:READ_CHARACTERS])):
        masked = _masked(passage)
        words = [word for word in masked if word != MASK]
        if len(words) >= _REPEATED and any(f" {run} " in known for run in _runs(words)):
            masked = [MASK]
        if masked and (masked != [MASK] or passages[-1:] != [MASK]):
            passages.append(" ".join(masked))
    return _cut(" / ".join(passages))


def _masked(passage: str) -> list[str]:
    """Return the words of a passage, others masked; of one that is mostly of other words nothing."""
    masked: list[str] = []
    telling = foreign = 0
    for word in passage.lower().split():
        word = word.strip(",'\"=-")
        if not word:
            continue
        is_known = _NAMED.fullmatch(word) is not None and WORDS.issuperset(re.split("[_-]", word))
        telling += is_known and word not in _LINKING
        foreign += not is_known and word.replace("'", "").isalpha()
        if is_known or masked[-1:] != [MASK]:
            masked.append(word if is_known else MASK)
    return masked if telling > foreign or not masked else [MASK]


def _runs(words: list[str]) -> Iterator[str]:
    for at in range(len(words) - _REPEATED + 1):
        yield _plain(" ".join(words[at : at + _REPEATED]))


def _plain(text: str) -> str:
    return " ".join(_LETTERS.findall(text.lower()))


def _cut(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    end = text.rfind(" ", 0, MAX_CHARACTERS)
    return text[: end if end > 0 else MAX_CHARACTERS].rstrip(" /")


def _asked(request: UserRequest) -> str:
    view = request.view
    if isinstance(view, ChatRequest):
        return view.last_question()
    return view.input if isinstance(view, EmbeddingsRequest) and isinstance(view.input, str) else ""
