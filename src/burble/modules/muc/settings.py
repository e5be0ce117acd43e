"""The options of the chat service: ``[modules.muc]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from burble.config.fields import Domain, FilePath, expected
from burble.module import ModuleSettings
from burble.modules.muc.config import RoomConfig
from burble.modules.muc.limits import RoomLimits


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise expected("an absolute path such as /var/log/burble/rooms")
    return path


class MucSettings(ModuleSettings):
    """The chat service: who may make rooms, what new rooms are like, and what all rooms may use."""

    service: Domain | None = Field(
        None, description="The domain of the service; by default `conference.HOST` with the host's name."
    )
    name: str = Field("Chat rooms", description="What the service is called in lists of services.")
    create: Literal["anyone", "local", "admins"] = Field(
        "local",
        description="Who may make rooms: `anyone`, accounts of this host only (`local`), or `admins`. "
        "Who has logged in anonymously never may.",
    )
    max_rooms: int = Field(
        100,
        ge=0,
        description="Rooms one account may have made that are still there; 0 is no limit. Admins have none.",
    )
    max_rooms_discoitems: int = Field(
        100, ge=1, description="Rooms listed at once; the client asks for the next page (XEP-0059)."
    )
    message_interval: float = Field(
        0.0, ge=0, le=3600, description="Least time between two messages of an occupant, seconds."
    )
    presence_interval: float = Field(
        0.0, ge=0, le=3600, description="Least time between two presence changes of an occupant, seconds."
    )
    idle: float = Field(
        60.0, gt=0, description="How long a persistent room stays in memory without occupants, seconds."
    )
    idle_rooms: int = Field(
        200, ge=0, description="Rooms without occupants that stay in memory at most, the latest used."
    )
    vcard_bytes: int = Field(
        131_072, ge=0, description="Largest vCard of a room, with its avatar (XEP-0486), bytes of XML."
    )
    log_dir: Annotated[FilePath, AfterValidator(_absolute)] | None = Field(
        None,
        description="Absolute path of a directory for the logs of rooms whose owners turn logging on. "
        "Without it no room is logged.",
    )
    log_url: str = Field(
        "",
        description="The URL where `log_dir` can be read, which then is told of logged rooms. It needs a web "
        "server; Burble only writes the files.",
    )
    log_format: Literal["html", "text"] = Field("html", description="What the logs are written as.")
    room_defaults: RoomConfig = Field(default=RoomConfig())
    limits: RoomLimits = Field(default=RoomLimits())
