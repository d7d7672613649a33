"""`guardian drill`: rehearses faults against a configuration, with simulated stand-ins for its endpoints."""

from guardian_cluster.cli.drill.command import drill

__all__ = ["drill"]
