"""Message archives (XEP-0313)."""

from burble.modules.archive.module import Archive

__all__ = ["Archive"]
