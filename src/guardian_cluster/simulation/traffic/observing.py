"""Simulated traffic as guardians would have seen it at one time: with the marks that had come by then, and no truth."""

from collections.abc import Callable

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.domain.observation import Observation
from guardian_cluster.domain.window import Window
from guardian_cluster.monitoring.signals import Budgets, observation_of
from guardian_cluster.simulation.traffic.traffic import Traffic

Topic = Callable[[RequestRecord], str]


def observations(traffic: Traffic, topic: Topic, budgets: Budgets) -> tuple[Observation, ...]:
    """Return the requests of a stretch of traffic as they are known at its end."""
    said: dict[str, list[Feedback]] = {}
    for mark in traffic.feedback:
        if mark.received <= traffic.until:
            said.setdefault(mark.request_id, []).append(mark)
    found = [
        observation_of(record, said.get(record.id, ()), budgets=budgets, topic=topic(record))
        for record in traffic.records
    ]
    return tuple([each for each in found if each is not None])


def window(traffic: Traffic, topic: Topic, budgets: Budgets) -> Window:
    """Return a stretch of traffic as the window that guardians look at; nobody has raised an alarm yet."""
    return Window(
        specialist=traffic.specialist,
        since=traffic.since,
        until=traffic.until,
        observations=observations(traffic, topic, budgets),
        changes=traffic.changes,
    )
