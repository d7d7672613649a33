"""The loop of workflow 2 back to the watcher: a threshold that a person approves is deployed and changes verdicts."""

from pathlib import Path

from improvement_samples import NOON, improvement, review

from guardian_cluster.config import load_config
from guardian_cluster.contract.snapshot import DetectorThreshold, Snapshot, WatchPolicy
from guardian_cluster.contract.threshold_action import Scope, ThresholdEvidence
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import ThresholdChange
from guardian_cluster.domain.request import Message, UserRequest
from guardian_cluster.improvement.decisions import Decisions
from guardian_cluster.improvement.memory_store import MemoryImprovements
from guardian_cluster.improvement.queue import ImprovementQueue
from guardian_cluster.learning.threshold_ledger import Draft, with_drafts
from guardian_cluster.processes.deployer import Deployer
from guardian_cluster.thresholds import ThresholdFile
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watcher import Watcher

DOCUMENT = "The bridge in Porto was opened in 1886. It is 385 metres long and spans the Douro."
HALF_INVENTED = "The bridge in Porto was opened in 1886. It was painted red by Gustave Eiffel in Lyon."
"""Scores 0.3 to 0.4."""

SCOPE = Scope("ungrounded", "solver", "default")
EVIDENCE = ThresholdEvidence(
    examples=400, since=0.0, until=1.0, new=400, asked=0.05, expected=0.05, realised_low=0.0,
    realised_high=0.1, least=0.0, most=1.0,
)  # fmt: skip


def deployed(folder: Path) -> Snapshot:
    """Deploy as the gateway's supervisor does when a file has changed."""
    config = load_config(None, environment={"GUARDIAN_DATA__FOLDER": str(folder)})
    return Deployer(config).deploy(config)


def verdicts(thresholds: tuple[DetectorThreshold, ...]) -> list[str]:
    """Return what the solver's watcher finds in an answer that is half invented."""
    watcher = Watcher("solver", CompiledPolicy(WatchPolicy()), {}, thresholds)
    asked = [Message(role="tool", content=DOCUMENT), Message(role="user", content="Tell me of it.")]
    body = {"model": "m", "messages": [{"role": "user", "content": "Tell me of it."}]}
    watch = watcher.monitor_execution(UserRequest(body=body, tenant="default"))
    scores = watch.score(lambda: asked)
    answer = {"index": 0, "message": {"role": "assistant", "content": HALF_INVENTED}, "finish_reason": "stop"}
    released = watch.feed([{"id": "a", "object": "chat.completion", "model": "m", "choices": [answer]}])
    assert scores is not None
    scores.take(released)
    scores.step()
    return [verdict.rule for verdict in watch.finish(may_retry=False).verdicts]


async def test_an_approved_threshold_changes_what_the_watcher_says_until_it_is_undone(tmp_path: Path) -> None:
    file, clock, store = ThresholdFile(tmp_path), ManualClock(NOON), MemoryImprovements()
    draft = Draft(SCOPE, None, 0.9, EVIDENCE)
    file.change(lambda actions: with_drafts(actions, [draft], NOON))
    change = ThresholdChange(**SCOPE._asdict(), before=0.9, after=0.3)
    pair = (improvement("i1", change, specialist="solver"), review("i1"))
    decisions = Decisions(store, file, clock)
    await ImprovementQueue(store, clock, lambda: "ada").queue_improvements([pair], key="run:1:queue")

    before = deployed(tmp_path)
    await decisions.approve("i1", who="ada")
    after = deployed(tmp_path)
    await decisions.undo("i1", who="ada")
    undone = deployed(tmp_path)

    assert [each.rev for each in (before, after, undone)] == [1, 2, 3]
    assert [each.overlay.thresholds[0].value for each in (before, after, undone)] == [0.9, 0.3, 0.9]
    found = [verdicts(each.overlay.thresholds) for each in (before, after, undone)]
    assert found == [[], ["ungrounded"], []]
