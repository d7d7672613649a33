"""The pure parts of the benchmark of compound requests, and that its sets are what they are called."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks.requests import Asked, Score, Served, answered, holds, score
from benchmarks.sets import ordinary
from benchmarks.sets.compound import DEVELOPED, HELD_OUT, Compound, KnownPart, compounds
from guardian_cluster.request.decomposition import Part
from guardian_cluster.specialists.solver import is_solvable

CHECKOUT = Path(__file__).resolve().parents[1]
SUM = KnownPart("what is 2*3?", "exact")
LEAVE = KnownPart("what does the handbook say", "retrieval")
BOTH = Compound("what is 2*3? what does the handbook say", (SUM, LEAVE), held_out=False)


def test_every_known_part_is_in_its_request_once_and_in_order():
    for request in compounds(400, seed=3):
        at = 0
        for known in request.parts:
            at = request.text.index(known.text, at) + len(known.text)
        assert not set("[]{}") & set(request.text)
        assert len({known.kind for known in request.parts}) >= 2


def test_a_known_part_for_the_solver_is_one_that_it_understands():
    exact = {
        known.text for request in compounds(400, seed=3) for known in request.parts if known.kind == "exact"
    }

    assert [text for text in exact if not is_solvable(text)] == []


def test_half_of_the_requests_come_from_templates_held_out_and_the_two_kinds_share_none():
    made = compounds(200, seed=1)

    assert sum(request.held_out for request in made) == 100
    assert not set(DEVELOPED) & set(HELD_OUT)
    assert compounds(200, seed=1) == made


def test_a_part_is_found_when_exactly_one_holds_it_and_no_other():
    exact = Part(1, "What is  2*3", "exact", "")
    recalled = Part(2, LEAVE.text, "retrieval", "")
    everything = Part(1, BOTH.text, "general", "")
    scores = [Score() for _ in range(4)]
    for parts, into in zip(([exact, recalled], [everything], [exact, exact], []), scores, strict=True):
        score(BOTH, parts, into)

    assert [(each.parts, each.found, each.right) for each in scores] == [
        (2, 2, 2),
        (2, 0, 0),
        (2, 0, 0),
        (2, 0, 0),
    ]


def test_a_part_of_the_wrong_kind_is_found_but_not_right():
    total = Score()
    score(BOTH, [Part(1, SUM.text, "general", ""), Part(2, LEAVE.text, "retrieval", "")], total)

    assert total.figures() == {"parts_found": 1.0, "right_specialist": 0.5}


def test_differences_of_writing_do_not_hide_a_part():
    assert holds("please,  What is\n2*3", SUM, [LEAVE])
    assert not holds("what is 2*4", SUM, [LEAVE])


@pytest.mark.parametrize(("answer", "share"), [("6, and the handbook says 30", 1.0), ("6", 0.0)])
async def test_an_answer_counts_only_with_the_evidence_of_every_part(answer: str, share: float):
    async def ask(question: str) -> Served:
        return Served(answer, (Asked("exact", "what is 2*3"), Asked("general", LEAVE.text)))

    found = await answered([BOTH], ask, {SUM: "6", LEAVE: "30"}.__getitem__)

    assert found == {"parts_found": 1.0, "right_specialist": 0.5, "all_parts_in_answer": share}


def test_ordinary_requests_come_from_the_given_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for file, field in ordinary.SOURCES:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            gzip.compress("\n".join(json.dumps({field: f"{file} {n}"}) for n in range(9)).encode())
        )
    monkeypatch.setenv("GUARDIAN_DATA", str(tmp_path))

    found, origin = ordinary.ordinary(20, seed=1)

    assert (len(set(found)), origin) == (20, "given")
    assert ordinary.ordinary(20, seed=1)[0] == found


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GUARDIAN_DATA", str(tmp_path))

    with pytest.raises(RuntimeError, match=r"gsm8k\.jsonl\.gz"):
        ordinary.ordinary(20, seed=1)


def test_the_benchmark_says_how_it_is_called():
    command = [sys.executable, "-m", "benchmarks.requests", "--help"]
    told = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True)

    assert "--quick" in told.stdout
