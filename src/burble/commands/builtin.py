"""The commands that every server has, whichever modules it loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from burble.commands.accounts import Accounts
from burble.commands.activity import ActivityCommands
from burble.commands.archives import ArchiveCommands
from burble.commands.backups import Backups
from burble.commands.bans import Bans
from burble.commands.base import Administered
from burble.commands.components import ComponentCommands
from burble.commands.configuration import Configuration
from burble.commands.databases import Databases
from burble.commands.doctor import Doctor
from burble.commands.federation import FederationCommands
from burble.commands.hosts import HostCommands
from burble.commands.kindly import KindlyCommands
from burble.commands.logs import LogCommands
from burble.commands.messages import MessageCommands
from burble.commands.migrations import Migrations
from burble.commands.modules import ModuleCommands
from burble.commands.oauth import OAuth
from burble.commands.offline import OfflineCommands
from burble.commands.presences import PresenceCommands
from burble.commands.push import PushCommands
from burble.commands.roompeople import RoomPeopleCommands
from burble.commands.rooms import RoomCommands
from burble.commands.rosterfiles import RosterFileCommands
from burble.commands.rosteritems import RosterItemCommands
from burble.commands.rosters import RosterCommands
from burble.commands.server import ServerCommands
from burble.commands.sessions import Sessions
from burble.commands.statistics import Statistics
from burble.commands.stored import StoredCommands
from burble.commands.vcards import VCardCommands

__all__ = ["BUILTIN"]

#: What makes the objects whose methods are the commands.
BUILTIN: Final[tuple[Callable[[Administered], object], ...]] = (
    Accounts,
    Bans,
    Sessions,
    PresenceCommands,
    ActivityCommands,
    MessageCommands,
    RosterCommands,
    RosterItemCommands,
    RosterFileCommands,
    VCardCommands,
    RoomCommands,
    RoomPeopleCommands,
    StoredCommands,
    ArchiveCommands,
    PushCommands,
    Statistics,
    FederationCommands,
    ComponentCommands,
    OAuth,
    Configuration,
    HostCommands,
    ModuleCommands,
    ServerCommands,
    Doctor,
    KindlyCommands,
    LogCommands,
    Backups,
    Databases,
    Migrations,
    OfflineCommands,
)
