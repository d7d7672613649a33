"""How well `recall` finds the passage that answers, how often it quotes one that does not, and how long it takes.

Documents are generated: things (`the northern pump station`) of which some facts are stated, each in a passage
among others that say other things of it or the same of others. Questions are worded otherwise than the facts. Those
without an answer ask for a fact that was not stated of a thing that is there, or for one that is not there at all.
docs/design/memory.md has the figures.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.offline import Measured, conduct_offline
from benchmarks.harness.report import note, percentile
from guardian_cluster.documents.block import Document, Passage
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.specialists.builtin.recall.quoting import order
from guardian_cluster.specialists.recall import RecallSpecialist
from guardian_cluster.storage.memory_store import MemoryStore

GOALS = {
    "missed_at_1": 0.15,
    "missed_at_5": 0.05,
    "false_support": 0.1,
    "query_ms_p50": 25.0,
    "query_ms_p99": 60.0,
}
"""Each at most."""

TENANT = "benchmark"
PASSAGES = 2_000
TIMED_PASSAGES = 10_000
FACTS_OF_A_THING = 4
PASSAGES_OF_A_DOCUMENT = 20

ADJECTIVES = (
    "northern old amber quiet mobile lower granite coastal second iron hidden upper maple winter silver"
    " central"
)
NOUNS = (
    "pump station,archive,boat house,greenhouse,observatory,loading dock,print shop,reading room,chapel,swimming pool,"
    "server hall,visitor centre,tool library,bakery,test track,sports hall,water tower,theatre,bicycle garage,orchard"
)
PLACES = "in Graz,at the harbour,of the institute,behind the mill,on the campus,near the bridge,in Linz,of the city"

FACTS: tuple[tuple[str, str], ...] = (
    ("{Thing} opens at {number} o'clock.", "When does {thing} open?"),
    (
        "Renewing the permit of {thing} costs {number} euros.",
        "How much does a renewal of the permit of {thing} cost?",
    ),
    (
        "The warranty for {thing} ends after {number} months.",
        "How many months does the warranty for {thing} last?",
    ),
    ("{Thing} is maintained by {person} every {number} weeks.", "Who does the maintenance of {thing}?"),
    (
        "Visitors of {thing} register {number} days in advance.",
        "How early must a visitor register for {thing}?",
    ),
    ("The storage limit of {thing} was raised to {number} crates.", "What is the storage limit of {thing}?"),
    ("Complaints about {thing} are sent to {person}.", "Who receives a complaint about {thing}?"),
    ("Deliveries for {thing} arrive at gate {number}.", "At which gate do deliveries for {thing} arrive?"),
    (
        "Near {thing} the noise must stay below {number} decibels.",
        "How many decibels of noise are allowed near {thing}?",
    ),
    (
        "The insurance of {thing} excludes damage by {peril}.",
        "Which damage is excluded by the insurance of {thing}?",
    ),
    ("Keys to {thing} are kept by {person}.", "Who keeps the keys to {thing}?"),
    ("The roof of {thing} was repaired in {year}.", "When was the roof of {thing} repaired?"),
)
"""A fact as it is stated, and the question for it."""

FILLERS = (
    "This was agreed at the meeting in spring.",
    "Further details are kept in the office.",
    "Please tell the front desk when something changes.",
    "The rule applies to weekdays and holidays alike.",
    "Exceptions need a signature.",
    "A map hangs next to the entrance.",
    "Costs and dates are reviewed once a year.",
)
PEOPLE = "Ada Lind,Bo Maier,Cem Arslan,Dora Weiss,Eva Novak,Finn Olsen,Gita Rao,Hugo Blanc"
PERILS = "flood,frost,lightning,mice,falling trees,vandalism"
ELSEWHERE = (
    "Who won the cup final last year?",
    "What is the boiling point of mercury?",
    "How do I cook risotto?",
    "Which tax applies to crypto gains?",
    "When was the printing press invented?",
    "What is the wifi password of the guest network?",
)


@dataclass(frozen=True)
class Corpus:
    """Documents, questions with the text that answers them, and questions without an answer."""

    documents: tuple[Document, ...]
    answerable: tuple[tuple[str, str], ...]
    unanswerable: tuple[str, ...]


def corpus(passages: int, questions: int, rng: random.Random) -> Corpus:
    """Return documents of so many passages, and so many questions of each kind."""
    things = [
        f"the {a} {n} {p}" for a in ADJECTIVES.split() for n in NOUNS.split(",") for p in PLACES.split(",")
    ]
    rng.shuffle(things)
    count = passages // FACTS_OF_A_THING
    known, unknown = things[:count], things[count:]
    made: list[Passage] = []
    asked: list[tuple[str, str]] = []
    missing: list[str] = []
    for thing in known:
        chosen = rng.sample(range(len(FACTS)), FACTS_OF_A_THING)
        for place in chosen:
            fact = _filled(FACTS[place][0], thing, rng)
            made.append(_passage(fact, thing, len(made), rng))
            asked.append((_filled(FACTS[place][1], thing, rng), made[-1].text))
        absent = rng.choice([place for place in range(len(FACTS)) if place not in chosen])
        missing.append(_filled(FACTS[absent][1], thing, rng))
    other = [_filled(rng.choice(FACTS)[1], thing, rng) for thing in unknown[: questions // 3]]
    rng.shuffle(made)
    unanswerable = [*rng.sample(missing, questions - len(other) - len(ELSEWHERE)), *other, *ELSEWHERE]
    return Corpus(_documents(made), tuple(rng.sample(asked, questions)), tuple(unanswerable))


def _filled(template: str, thing: str, rng: random.Random) -> str:
    return template.format(
        thing=thing,
        Thing=thing[0].upper() + thing[1:],
        number=rng.randint(2, 90),
        year=rng.randint(1950, 2020),
        person=rng.choice(PEOPLE.split(",")),
        peril=rng.choice(PERILS.split(",")),
    )


def _passage(fact: str, thing: str, number: int, rng: random.Random) -> Passage:
    """Return a passage with the fact; every second one names its thing in the heading alone."""
    heading = ("Sites", thing.removeprefix("the "))
    if number % 2:
        fact = fact.replace(thing, "it").replace(thing[0].upper() + thing[1:], "It")
    sentences = [fact, *rng.sample(FILLERS, 3)]
    rng.shuffle(sentences)
    return Passage(" ".join(sentences) + f" (note {number})", heading if number % 2 else ("Sites",), 1, 1)


def _documents(passages: Sequence[Passage]) -> tuple[Document, ...]:
    starts = range(0, len(passages), PASSAGES_OF_A_DOCUMENT)
    return tuple(
        Document(
            f"/sites/{start}.md", (f"{start}.md",), str(start), 0.0, 1, tuple(passages[start : start + 20])
        )
        for start in starts
    )


async def measure(*, quick: bool, location: Path | str | None = None) -> dict[str, float | int]:
    """Return all figures; memory is a new file, or at `location`."""
    questions = 150 if quick else 600
    quality = await _quality(corpus(PASSAGES, questions, random.Random(7)), location)
    timed = 100 if quick else 500
    return {**quality, **await _speed(corpus(TIMED_PASSAGES, timed, random.Random(8)), location)}


async def _quality(data: Corpus, location: Path | str | None) -> dict[str, float | int]:
    with tempfile.TemporaryDirectory() as folder:
        store = await _filled_store(data, location or Path(folder, "memory.db"))
        recall = RecallSpecialist("recall", store, SystemClock())
        ranks = [await _rank(recall, question, text) for question, text in data.answerable]
        answered = [await recall.answer(question, tenant=TENANT) for question, _ in data.answerable]
        quoted = [
            any(quote.passage.text == text for quote in answer.quotes)
            for answer, (_, text) in zip(answered, data.answerable, strict=True)
        ]
        refused = sum(not answer.quotes for answer in answered)
        false = [
            bool((await recall.answer(question, tenant=TENANT)).quotes) for question in data.unanswerable
        ]
        await store.close()
    count = len(ranks)
    return {
        "passages": sum(len(document.passages) for document in data.documents),
        "questions": count,
        "unanswerable_questions": len(false),
        "recall_at_1": sum(rank == 1 for rank in ranks) / count,
        "recall_at_5": sum(0 < rank <= 5 for rank in ranks) / count,
        "missed_at_1": sum(rank != 1 for rank in ranks) / count,
        "missed_at_5": sum(not 0 < rank <= 5 for rank in ranks) / count,
        "quoted_right": sum(quoted) / count,
        "refused": refused / count,
        "false_support": sum(false) / len(false),
    }


async def _rank(recall: RecallSpecialist, question: str, text: str) -> int:
    """Return the place of the passage that answers among those ranked, 0 where it is not among them."""
    found = order((await recall.weighed(question, tenant=TENANT)).found)
    return next((place for place, each in enumerate(found, 1) if each.passage.text == text), 0)


async def _speed(data: Corpus, location: Path | str | None) -> dict[str, float | int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "memory.db")
        started = time.perf_counter()
        store = await _filled_store(data, location or path)
        ingested_s = time.perf_counter() - started
        size = path.stat().st_size if location is None else 0  # noqa: ASYNC240  nobody else waits here
        recall = RecallSpecialist("recall", store, SystemClock())
        samples: list[float] = []
        cpu = time.process_time()
        for question in [*(question for question, _ in data.answerable), *data.unanswerable]:
            before = time.perf_counter()
            await recall.answer(question, tenant=TENANT)
            samples.append(1_000 * (time.perf_counter() - before))
        cpu_ms = 1_000 * (time.process_time() - cpu) / len(samples)
        await store.close()
    return {
        "timed_passages": sum(len(document.passages) for document in data.documents),
        "query_ms_p50": percentile(samples, 50),
        "query_ms_p99": percentile(samples, 99),
        "query_cpu_ms": cpu_ms,
        "ingest_passages_per_s": sum(len(document.passages) for document in data.documents) / ingested_s,
        "bytes_per_passage": size / TIMED_PASSAGES,
    }


async def _filled_store(data: Corpus, location: Path | str) -> MemoryStore:
    store = MemoryStore(location, clock=SystemClock(), deadline_s=60)
    for document in data.documents:
        await store.put_document(TENANT, document)
    note(f"{len(data.documents):,} documents are in memory")
    return store


def measured(quick: bool) -> Measured:
    """Return the figures, and what they were measured on."""
    return asyncio.run(measure(quick=quick)), {"data": "generated", "database": "sqlite"}


if __name__ == "__main__":
    conduct_offline("memory", __doc__, measured, at_least={}, at_most=GOALS)
