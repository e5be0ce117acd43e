"""Service administration (XEP-0133): its commands on each host, for the administrators of that host."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from burble.commands import ADMIN as ADMIN_ROLE
from burble.commands import Caller, Registry
from burble.commands.base import Administered
from burble.faces.adhoc import accounts, announcing, lists
from burble.faces.adhoc.desk import Desk
from burble.jid import JID
from burble.modules.adhoc import CommandsRequested, Steps, admins_of
from burble.namespaces import ADMIN
from burble.routing.hosts import Host

__all__ = ["NODES", "Administration"]

Work: TypeAlias = Callable[[Desk], Steps]

#: The name and the steps of each command, by what follows ``http://jabber.org/protocol/admin#`` in its node.
NODES: Final[dict[str, tuple[str, Work]]] = {
    "add-user": ("Add User", accounts.add_user),
    "delete-user": ("Delete User", accounts.delete_user),
    "disable-user": ("Disable User", accounts.disable_user),
    "reenable-user": ("Re-Enable User", accounts.reenable_user),
    "end-user-session": ("End User Session", accounts.end_user_session),
    "get-user-password": ("Get User Password", accounts.get_user_password),
    "change-user-password": ("Change User Password", accounts.change_user_password),
    "get-user-roster": ("Get User Roster", accounts.get_user_roster),
    "get-user-lastlogin": ("Get User Last Login Time", accounts.get_user_lastlogin),
    "user-stats": ("Get User Statistics", accounts.user_stats),
    "edit-blacklist": ("Edit Blacklist", lists.edit_blacklist),
    "edit-whitelist": ("Edit Whitelist", lists.edit_whitelist),
    "get-registered-users-num": ("Get Number of Registered Users", partial(lists.count, "registered")),
    "get-disabled-users-num": ("Get Number of Disabled Users", partial(lists.count, "disabled")),
    "get-online-users-num": ("Get Number of Online Users", partial(lists.count, "online")),
    "get-active-users-num": ("Get Number of Active Users", partial(lists.count, "active")),
    "get-idle-users-num": ("Get Number of Idle Users", partial(lists.count, "idle")),
    "get-registered-users-list": ("Get List of Registered Users", partial(lists.show, "registered")),
    "get-disabled-users-list": ("Get List of Disabled Users", partial(lists.show, "disabled")),
    "get-online-users-list": ("Get List of Online Users", partial(lists.show, "online")),
    "get-active-users": ("Get List of Active Users", partial(lists.show, "active")),
    "get-idle-users": ("Get List of Idle Users", partial(lists.show, "idle")),
    "announce": ("Send Announcement to Online Users", announcing.announce),
    "set-motd": ("Set Message of the Day", announcing.set_motd),
    "edit-motd": ("Edit Message of the Day", announcing.edit_motd),
    "delete-motd": ("Delete Message of the Day", announcing.delete_motd),
    "set-welcome": ("Set Welcome Message", announcing.set_welcome),
    "delete-welcome": ("Delete Welcome Message", announcing.delete_welcome),
    "edit-admin": ("Edit Admin List", lists.edit_admin),
    "restart": ("Restart Service", announcing.restart),
    "shutdown": ("Shut Down Service", announcing.shut_down),
}

# §4.6 is retracted: who asks is told why there is no answer, but nobody is invited to ask.
_UNLISTED: Final = frozenset({"get-user-password"})
# These are about all hosts.
_WHOLE_SERVER: Final = frozenset({"restart", "shutdown"})
_RULE: Final = "only administrators of the whole server may do this: those of the key admins at the top"


class Administration:
    """Offers the commands of XEP-0133.

    Args:
        server: what is administered.
        registry: the commands that do it.
    """

    def __init__(self, server: Administered, registry: Registry) -> None:
        self._server = server
        self._registry = registry

    def offer(self, host: Host, event: CommandsRequested) -> None:
        """Offer the commands, or the one that is asked for."""
        if event.node is not None and not event.node.startswith(f"{ADMIN}#"):
            return
        admins = admins_of(host)
        for name, (title, work) in NODES.items():
            refusal = self._refusal if name in _WHOLE_SERVER else admins
            run = partial(self._run, host, work)
            event.offer(f"{ADMIN}#{name}", title, run, refusal, listed=name not in _UNLISTED)

    def _refusal(self, asker: JID) -> str:
        return "" if asker.bare in self._server.settings.admins else _RULE

    def _run(self, host: Host, work: Work, asker: JID) -> Steps:
        # That the asker administers the host was found out before; each command is asked for this host only.
        caller = Caller(f"{asker.bare} by adhoc", frozenset({ADMIN_ROLE}))
        return work(Desk(host, self._registry, caller))
