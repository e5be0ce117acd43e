"""Who learns that a client is available (RFC 6121 §4)."""

from burble.modules.presence.module import Presences

__all__ = ["Presences"]
