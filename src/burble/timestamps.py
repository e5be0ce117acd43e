"""Points in time as XMPP writes them (XEP-0082)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["format_stamp", "parse_stamp"]

_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def format_stamp(moment: datetime) -> str:
    """Write a moment in UTC, such as ``2002-09-10T23:08:25Z``; a fraction of a second only where it has one.

    Raises:
        ValueError: the moment has no time zone, so that nobody knows when it was.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_stamp(text: str) -> datetime:
    """Read a DateTime of XEP-0082 §3.2, in any zone.

    Returns:
        the moment in UTC, to the microsecond; further digits are dropped.

    Raises:
        ValueError: the text is no DateTime, or lies outside the years 1 to 9999.
    """
    if not _DATE_TIME.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no time such as 2002-09-10T23:08:25Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:80]!r} is no time: {error}") from None
