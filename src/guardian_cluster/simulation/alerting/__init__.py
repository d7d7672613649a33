"""Where alerts go, to rehearse with: local servers that take them as strictly as the real ones, and fail as told."""

from guardian_cluster.simulation.alerting.alertmanager import AlertmanagerServer
from guardian_cluster.simulation.alerting.mail import MailServer
from guardian_cluster.simulation.alerting.pagerduty import PagerDutyServer
from guardian_cluster.simulation.alerting.receiver import Received, Receiver
from guardian_cluster.simulation.alerting.slack import SlackServer
from guardian_cluster.simulation.alerting.trouble import (
    Trouble,
    Troubles,
    first_of_all,
    hangs,
    loses,
    says,
    well,
)
from guardian_cluster.simulation.alerting.webhook import WebhookServer

__all__ = [
    "AlertmanagerServer",
    "MailServer",
    "PagerDutyServer",
    "Received",
    "Receiver",
    "SlackServer",
    "Trouble",
    "Troubles",
    "WebhookServer",
    "first_of_all",
    "hangs",
    "loses",
    "says",
    "well",
]
