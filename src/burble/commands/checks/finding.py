"""What a check has found, in words for an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level", "error", "ok", "warning"]

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ``ok``; ``warning`` where something works, but not as it should or not for everybody; ``error``
            where something does not work.
        subject: what was looked at.
        text: what was found, a clause.
        advice: what to do about it; "" where all is well.
    """

    level: Level
    subject: str
    text: str
    advice: str = ""


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding("ok", subject, text)


def warning(subject: str, text: str, advice: str) -> Finding:
    """Something is not as it should be."""
    return Finding("warning", subject, text, advice)


def error(subject: str, text: str, advice: str) -> Finding:
    """Something does not work."""
    return Finding("error", subject, text, advice)
