"""`guardian demo`: nine scenes with real processes and simulated models, checked against what was recorded."""

from guardian_cluster.cli.demo.command import demo

__all__ = ["demo"]
