"""What a server says of the stanzas that it takes (XEP-0478)."""

from __future__ import annotations

import sys
from typing import Final

from burble.namespaces import STREAM_LIMITS
from burble.xml import Element

__all__ = ["UNLIMITED", "read_limit", "write_limit"]

UNLIMITED: Final = sys.maxsize

# Every server takes stanzas of some size (RFC 6120 §13.12); who claims less is not believed.
_LEAST: Final = 10_000


def read_limit(within: Element) -> int:
    """The largest stanza that the peer takes, bytes.

    Args:
        within: its stream features, or its ``<bidi/>``.
    """
    limits = within.child("limits", STREAM_LIMITS)
    text = limits.child_text("max-bytes", STREAM_LIMITS) if limits is not None else None
    if not text or not text.isascii() or not text.isdigit() or len(text) > 18:
        return UNLIMITED
    return max(int(text), _LEAST)


def write_limit(within: Element, most: int) -> None:
    """Say what the largest stanza is that we take, bytes."""
    within.add("limits", STREAM_LIMITS).add("max-bytes", text=str(most))
