"""A whole cluster that serves compound requests: the solver, recall over documents that hold what is asked, a model.

What each known part's answer has to hold is known beforehand: the solver's own result, a reference that stands only
in the passage about a part, and a word that the simulated model says for a part and for no other.
"""

import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from benchmarks.sets.compound import Compound, KnownPart
from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.snapshot import Base, Endpoint, Snapshot, Specialist, Variant
from guardian_cluster.documents.block import Document, Passage
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.execution import Execution
from guardian_cluster.simulation import ModelServer
from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.request import ModelRequest
from guardian_cluster.specialists.solver import SolverAnswers

KINDS = {"solver": "exact", "recall": "retrieval"}
TENANT = "default"


class Cluster:
    """What serves, and what its answers have to hold."""

    def __init__(self, cluster: LLMGuardianCluster, solved: dict[str, str]) -> None:
        self._cluster = cluster
        self._solved = solved

    async def ask(self, text: str) -> tuple[str, list[tuple[str, str]]]:
        """Return the one answer, and the kind and question of everything that specialists were asked."""
        body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
        answer = self._cluster.workflow.open(UserRequest(body=body))
        pieces: list[str] = []

        async def keep(batch: list[dict[str, object]]) -> None:
            for chunk in batch:
                choices: list[dict[str, dict[str, str]]] = chunk["choices"]  # type: ignore[assignment]
                pieces.append(choices[0]["message"]["content"])

        await answer.run(keep)
        return "".join(pieces), [_asked(execution, text) for execution in answer.executions]

    def evidence(self, known: KnownPart) -> str:
        """Return what must be in an answer for the part to be answered."""
        return self._solved[known.text] if known.kind == "exact" else reference(known.text)


def reference(text: str) -> str:
    """Return a word that belongs to one part."""
    return f"REF-{zlib.crc32(text.lower().encode()):08X}"


@asynccontextmanager
async def serving(requests: Sequence[Compound]) -> AsyncGenerator[Cluster]:
    """Serve requests from documents that answer all their questions about documents."""
    known = {part.text: part for request in requests for part in request.parts}
    solved = await _solved([part.text for part in known.values() if part.kind == "exact"])
    said = [part.text for part in known.values() if part.kind in ("code", "general")]
    about = [part.text for part in known.values() if part.kind == "retrieval"]
    async with (
        ModelServer(_says(said)) as model,
        LLMGuardianCluster(Snapshot(rev=1, base=_base(model.url))) as cluster,
    ):
        await cluster.memory.open()
        for number, text in enumerate(about):
            await cluster.memory.put_document(TENANT, _document(number, text))
        yield Cluster(cluster, solved)


def _asked(execution: Execution, whole: str) -> tuple[str, str]:
    """Return what kind of specialist was asked what; one for everything answers a part of any kind but its own."""
    part, kind = execution.assignment.part, execution.candidate.specialist.kind
    other = part.requirement if part is not None and part.requirement in ("code", "general") else "general"
    return KINDS.get(kind, other), part.text if part is not None else whole


def _base(url: str) -> Base:
    def builtin(kind: str) -> Specialist:
        endpoint = Endpoint(id=f"{kind}/1", url=f"builtin:{kind}", model=kind)
        return Specialist(name=kind, kind=kind, endpoints=(endpoint,), variants=(Variant(id="v"),))  # type: ignore[arg-type]

    endpoint = Endpoint(id="model/1", url=url, model="simulated-1")
    model = Specialist(name="model", endpoints=(endpoint,), variants=(Variant(id="v"),))
    return Base(specialists=(builtin("solver"), builtin("recall"), model))


def _says(parts: Sequence[str]) -> Callable[[ModelRequest], Answer]:
    """Return a model that says the reference of every part it is asked, and nothing of any other."""

    def script(request: ModelRequest) -> Answer:
        asked = " ".join(request.prompt.lower().split())
        found = [reference(part) for part in parts if " ".join(part.lower().split()).rstrip(" .?!") in asked]
        return Answer(text=f"The answer is {', '.join(found) or 'not known to me'}.")

    return script


def _document(number: int, text: str) -> Document:
    sentence = f"{text.rstrip(' .?!')}: this is settled under reference {reference(text)}."
    passage = Passage(text=sentence, heading=(), first_line=1, last_line=1)
    name = f"document-{number}.md"
    return Document(
        origin=f"/{name}", names=(name,), digest=name, modified=1.0, size=len(sentence), passages=(passage,)
    )


async def _solved(questions: Sequence[str]) -> dict[str, str]:
    """Return for each question the line in which the solver states its result."""
    solver = SolverAnswers()
    try:
        return {text: (await solver.answer(text)).strip().splitlines()[-1] for text in questions}
    finally:
        await solver.close()
