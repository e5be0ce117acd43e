"""Multi-user chat (XEP-0045)."""

from burble.modules.muc.module import Muc

__all__ = ["Muc"]
