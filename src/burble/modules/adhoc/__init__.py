"""XEP-0050: commands that a client calls with data forms, step by step."""

from burble.modules.adhoc.module import Adhoc
from burble.modules.adhoc.steps import (
    AdhocCommand,
    Answer,
    Ask,
    CommandsRequested,
    Done,
    Note,
    Steps,
    admins_of,
)

__all__ = [
    "Adhoc",
    "AdhocCommand",
    "Answer",
    "Ask",
    "CommandsRequested",
    "Done",
    "Note",
    "Steps",
    "admins_of",
]
