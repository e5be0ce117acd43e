"""The options of the module `archive`."""

from __future__ import annotations

from pydantic import Field

from burble.module import ModuleSettings
from burble.modules.archive.preferences import Default


class ArchiveSettings(ModuleSettings):
    """What is archived, for how long, and how much of it is sent at once."""

    default: Default = Field(
        "always",
        description="What is archived for accounts that have not said what they want: all (`always`), what "
        "goes between them and their contacts (`roster`), or nothing (`never`).",
    )
    keep_days: int = Field(
        0, ge=0, description="How long messages stay in the archives of accounts, days; 0 is for ever."
    )
    keep_messages: int = Field(
        0, ge=0, description="How many messages an account's archive holds, the newest; 0 is all."
    )
    rooms_keep_days: int = Field(
        0, ge=0, description="How long messages stay in the archives of rooms, days; 0 is for ever."
    )
    rooms_keep_messages: int = Field(
        0, ge=0, description="How many messages a room's archive holds, the newest; 0 is all."
    )
    page: int = Field(100, ge=1, le=1000, description="Messages sent at most in answer to one query.")
    search: bool = Field(
        True,
        description="Whether accounts can look for words in their archives (XEP-0431). The first search of "
        "an account makes an index of its archive.",
    )
    erase_interval: float = Field(
        3600.0, gt=0, description="How often messages that are too old or too many are erased, seconds."
    )
