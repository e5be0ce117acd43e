"""Who learns that a client is available (RFC 6121 §4)."""

from burble.modules.presence.module import Presences, directed

__all__ = ["Presences", "directed"]
