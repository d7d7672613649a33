"""What is kept of a snapshot, to compare with later, opens nothing."""

import msgspec
from harness import specialist

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, Base, MemoryPolicy, Sink, Snapshot
from guardian_cluster.processes.guarding import without_secrets

HIDDEN = Secret("hidden-7f3a")


def test_a_snapshot_that_is_kept_to_compare_with_holds_no_secret():
    writer = specialist("writer", "http://one/v1", "http://two/v1")
    places = tuple(msgspec.structs.replace(place, api_key=HIDDEN) for place in writer.endpoints)
    sinks = {
        "oncall": Sink(kind="pagerduty", key=HIDDEN),
        "lead": Sink(kind="slack", url=HIDDEN),
    }
    full = Base(
        specialists=(msgspec.structs.replace(writer, proxy=HIDDEN, endpoints=places),),
        memory=MemoryPolicy(url=HIDDEN),
        alerts=AlertPolicy(sinks=sinks, pages_per_hour=3),
        router_salt=HIDDEN,
    )

    bare = without_secrets(Snapshot(rev=1, base=full))

    assert HIDDEN.value in msgspec.json.encode(full).decode()
    assert HIDDEN.value not in msgspec.json.encode(bare).decode()
    assert list(bare.base.alerts.sinks) == ["oncall", "lead"]
    assert bare.base.alerts.pages_per_hour == 3
