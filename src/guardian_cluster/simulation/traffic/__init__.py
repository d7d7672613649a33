"""Simulated traffic with known truth: what a gateway would have recorded of it, drawn from one seed."""

from guardian_cluster.simulation.traffic.faults import CATALOGUE, manners, scopes_of
from guardian_cluster.simulation.traffic.scopes import NoSuchSliceError
from guardian_cluster.simulation.traffic.traffic import Planned, Traffic, TrafficWorld
from guardian_cluster.simulation.traffic.truth import MAGNITUDES, SCOPES, Magnitude, Scope, Truth

__all__ = [
    "CATALOGUE",
    "MAGNITUDES",
    "SCOPES",
    "Magnitude",
    "NoSuchSliceError",
    "Planned",
    "Scope",
    "Traffic",
    "TrafficWorld",
    "Truth",
    "manners",
    "scopes_of",
]
