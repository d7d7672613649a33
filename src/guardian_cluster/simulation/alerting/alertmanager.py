"""Alertmanager's API v2, as far as it is used: alerts by their labels, which fire until they end.

What it takes is that of https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml.
"""

import re
from datetime import datetime
from typing import Any, cast

from guardian_cluster.simulation.alerting.receiver import Received, Receiver, Refusal, Taken, object_in

_ALERT = {"labels": dict, "annotations": dict, "startsAt": str, "endsAt": str, "generatorURL": str}
_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_RESOLVE_TIMEOUT_S = 300.0
"""Alertmanager's default for alerts that name no end."""

Labels = tuple[tuple[str, str], ...]


class AlertmanagerServer(Receiver):
    """Keeps when each alert ends, and counts how often one began to fire."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ends: dict[Labels, float] = {}
        """Labels, sorted -> the Unix time of the end."""
        self.pages: list[Labels] = []
        """The alert of each notification that it fires."""

    @property
    def firing(self) -> list[dict[str, str]]:
        """The labels of alerts that have not ended."""
        now = self.clock.now()
        return [dict(labels) for labels, ends in self.ends.items() if ends > now]

    def forget(self) -> None:
        """Be started anew: alerts are kept in memory alone."""
        self.ends.clear()

    def take(self, request: Received) -> Taken:
        """Check alerts and keep them."""
        if request.path != "/api/v2/alerts":
            raise Refusal(404, "404 page not found")
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refusal(
                415, {"code": 415, "message": "unsupported media type, only [application/json] are allowed"}
            )
        try:
            alerts: object = request.body
            if not isinstance(alerts, list):
                raise ValueError("alerts are no array")
            checked = [_checked(each) for each in cast("list[object]", alerts)]
        except ValueError as error:
            raise Refusal(400, {"code": 400, "message": str(error)}) from error
        for labels, ends in checked:
            self._keep(labels, ends)
        return Taken(200, "")

    def _keep(self, labels: Labels, ends: float | None) -> None:
        now = self.clock.now()
        until = now + _RESOLVE_TIMEOUT_S if ends is None else ends
        if until > now and self.ends.get(labels, 0.0) <= now:
            self.pages.append(labels)
        self.ends[labels] = until


def _checked(value: object) -> tuple[Labels, float | None]:
    alert = object_in(value, _ALERT, ("labels",))
    for field in ("labels", "annotations"):
        for name, content in alert.get(field, {}).items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{field} have an invalid name {name!r}")
            if not isinstance(content, str):
                raise ValueError(f"{field} have a value that is no text")
    starts, ends = (
        datetime.fromisoformat(alert[name]) if name in alert else None for name in ("startsAt", "endsAt")
    )
    if starts and ends and ends < starts:
        raise ValueError("start time must be before end time")
    labels = tuple(sorted((name, text) for name, text in alert["labels"].items() if text))
    return labels, ends.timestamp() if ends else None
