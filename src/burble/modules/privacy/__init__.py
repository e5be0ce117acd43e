"""Privacy lists (XEP-0016)."""

from burble.modules.privacy.module import Privacy

__all__ = ["Privacy"]
