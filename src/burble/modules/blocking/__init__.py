"""Blocking (XEP-0191)."""

from burble.modules.blocking.lists import BlockLists, blocks
from burble.modules.blocking.module import Blocking

__all__ = ["BlockLists", "Blocking", "blocks"]
