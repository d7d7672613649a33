"""Topics of simulated requests as the product learns them: from the words of requests before the fault."""

from collections.abc import Callable, Sequence

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.monitoring.topics import Topics


def topics_of(known: Sequence[RequestRecord]) -> Callable[[RequestRecord], str]:
    """Return what names the topic of a request, as learned from earlier ones."""
    topics = Topics()
    for record in known:
        topics.take(record.words)
    return lambda record: topics.topic_of(record.words)
