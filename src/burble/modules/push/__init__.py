"""Push notifications (XEP-0357)."""

from burble.modules.push.module import Push

__all__ = ["Push"]
