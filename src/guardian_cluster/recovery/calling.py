"""Calls people for an incident, and keeps that they were called: for whoever finds that they are needed."""

from msgspec.structs import replace

from guardian_cluster.domain.incident import Incident
from guardian_cluster.recovery.incidents import told
from guardian_cluster.recovery.ports import Alerting, IncidentStore


async def called(
    alerts: Alerting, store: IncidentStore, incident: Incident, now: float, *, key: str
) -> Incident:
    """Call people for an incident that speaks for itself (`incidents.speaker`), and return it as it is kept then.

    Where nobody is called, for it is not bad enough or they were called before, it is returned as it is: `paged` says
    which. Done once under the key.
    """
    if not await alerts.raise_alert(incident, "trigger", key=key):
        return incident
    paged = replace(told(incident, now, "people were called"), paged=now)
    return await store.put_incident(replace(paged, escalation=max(paged.escalation, 1)), key=f"{key}:noted")
