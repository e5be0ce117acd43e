"""Lists that administrators edit while the server runs: who else administers a host, whom it talks to.

XEP-0133 §4.11, §4.12 and §4.29. They stand beside the settings: an account that the key ``admins`` names is
an administrator whatever the list says.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection, bindparam, delete, insert, select

from burble.jid import JID
from burble.module import CommandFailed, Module, command
from burble.storage.schema import access_lists

__all__ = ["Access", "ListName"]

ListName: TypeAlias = Literal["admins", "blacklist", "whitelist"]

_READ = select(access_lists.c.list, access_lists.c.jid).where(access_lists.c.host == bindparam("host"))
_CLEAR = delete(access_lists).where(
    access_lists.c.host == bindparam("of_host"), access_lists.c.list == bindparam("of_list")
)
_STORE = insert(access_lists)

# More would not fit into the form in which a client edits the list.
_LONGEST: Final = 5000


class Access(Module):
    """Keeps the lists of one host, and sees that they are obeyed.

    The blacklist and the whitelist are about other servers, those that are not served here. What they forbid
    is refused in both directions, for accounts and for the host's services. Of several entries for an
    address the narrowest counts, in the order of XEP-0016 §2.1: the full JID, the bare JID, the domain with
    the resource, the domain. With a whitelist, whoever is on neither list is refused.
    """

    async def start(self) -> None:
        """Read the lists and obey them."""
        rows = await self.host.database.fetch(_READ, {"host": self.host.name})
        self._lists: dict[str, frozenset[str]] = {
            name: frozenset(row.jid for row in rows if row.list == name)
            for name in ("admins", "blacklist", "whitelist")
        }
        self._obey()

    async def stop(self) -> None:
        """Nothing is to be obeyed any more."""
        self.host.added_admins = frozenset()
        self.host.router.guard(self.host.name, None)

    @command(tags=["access"], safe=True)
    def get_access_list(self, host: str, name: ListName) -> list[str]:
        """Show one of the lists that are edited while the server runs.

        Args:
            host: a domain served here.
            name: ``admins``, besides those of the settings file; ``blacklist`` or ``whitelist`` of addresses
                and domains elsewhere.

        Returns:
            Its entries, in order.

        Example:
            get_access_list localhost blacklist
        """
        return sorted(self._lists[name])

    @command(tags=["access"])
    async def set_access_list(self, host: str, name: ListName, jids: list[JID]) -> None:
        """Replace one of the lists that are edited while the server runs; it holds at once.

        Args:
            host: a domain served here.
            name: ``admins``, besides those of the settings file; ``blacklist`` or ``whitelist`` of addresses
                and domains elsewhere.
            jids: all its entries. Administrators are accounts; the other lists take any address.

        Example:
            set_access_list localhost blacklist spam.example,mallory@example.net
        """
        if len(jids) > _LONGEST:
            raise CommandFailed(f"a list has at most {_LONGEST} entries")
        if name == "admins" and (wrong := next((jid for jid in jids if not jid.local or jid.resource), None)):
            raise CommandFailed(f"an administrator is an account such as juliet@example.org; got {wrong}")
        wanted = frozenset(str(jid) for jid in jids)
        rows = [{"host": self.host.name, "list": name, "jid": jid} for jid in sorted(wanted)]

        def replace(connection: Connection) -> None:
            connection.execute(_CLEAR, {"of_host": self.host.name, "of_list": name})
            if rows:
                connection.execute(_STORE, rows)

        await self.host.database.write(replace)
        self._lists[name] = wanted
        self._obey()

    def _obey(self) -> None:
        self.host.added_admins = self._lists["admins"]
        guarded = self._lists["blacklist"] or self._lists["whitelist"]
        self.host.router.guard(self.host.name, self._admits if guarded else None)

    def _admits(self, peer: JID) -> bool:
        black, white = self._lists["blacklist"], self._lists["whitelist"]
        for name in (peer, peer.bare, f"{peer.domain}/{peer.resource}", peer.domain):
            if name in black:
                return False
            if name in white:
                return True
        return not white
