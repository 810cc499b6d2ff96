"""What a machine can reach: its registries, read-only, and the names that someone allowed."""

from sandboxd.egress.egress import EGRESS_PORT, Egress

__all__ = ["EGRESS_PORT", "Egress"]
