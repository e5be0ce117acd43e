"""Commands about the database itself: what is in it, how large it is, how its tables are made.

ejabberd keeps its data in Mnesia, the database of Erlang, and has commands about that. Here they tell of the
database that is there; those that have nothing to do say why.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Select, Table, column, func, literal, select, table
from sqlalchemy.engine import make_url

from burble.commands.base import Administered
from burble.commands.tables import find_table
from burble.module import CommandFailed, command
from burble.storage.schema import metadata
from burble.storage.snapshot import Snapshot
from burble.storage.upgrade import newest_revision

__all__ = ["Databases", "TableSize"]

_KINDS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class TableSize:
    """How large a table is.

    Attributes:
        name: its name.
        storage_type: the database that keeps it.
        elements: how many rows it has.
        memory_kb: how much space it takes with its indexes, KiB; 0 where the database does not tell.
        memory_mb: the same in MiB.
    """

    name: str
    storage_type: str
    elements: int
    memory_kb: int
    memory_mb: int


class Databases:
    """The commands about the database.

    Args:
        server: whose database.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @property
    def _kind(self) -> str:
        return make_url(self._server.settings.database_url).get_backend_name()

    # ---- what there is

    @command(tags=["mnesia"], safe=True, result="res::string")
    async def mnesia_info(self) -> str:
        """Tell which database is used, which version its schema has, and how large its tables are.

        Example:
            mnesia_info
        """
        url = make_url(self._server.settings.database_url)
        sizes = await self._sizes([*metadata.sorted_tables])
        total = sum(size.memory_kb for size in sizes)
        lines = [
            f"Database: {_KINDS.get(self._kind, self._kind)}",
            f"Address: {url.render_as_string(hide_password=True)}",
            f"Schema: version {newest_revision()}",
            f"Tables: {len(sizes)}, {sum(size.elements for size in sizes)} rows, {total} KiB",
        ]
        lines += [f"  {size.name}: {size.elements} rows, {size.memory_kb} KiB" for size in sizes]
        return "\n".join(lines)

    @command(tags=["mnesia"], safe=True)
    async def mnesia(self, what: Literal["info"] = "info") -> str:
        """Tell which database is used; the same as `mnesia_info`.

        Args:
            what: info.

        Example:
            mnesia info
        """
        return await self.mnesia_info()

    @command(tags=["mnesia"], safe=True, result="res::rescode")
    async def mnesia_info_ctl(self) -> str:
        """Tell which database is used; the same as `mnesia_info`.

        Example:
            mnesia_info_ctl
        """
        return await self.mnesia_info()

    @command(
        tags=["mnesia"],
        safe=True,
        result="tables::[table::(name::atom, storage_type::string, elements::integer, "
        "memory_kb::integer, memory_mb::integer)]",
    )
    async def mnesia_list_tables(self) -> list[TableSize]:
        """List the tables of the database, with how many rows they have and how much space they take.

        Example:
            mnesia_list_tables
        """
        return await self._sizes([*metadata.sorted_tables])

    @command(tags=["mnesia"], safe=True, result="res::string")
    async def mnesia_table_info(self, table: str) -> str:
        """Tell what a table is made of and how large it is.

        Args:
            table: its name, or the one that ejabberd gives it.

        Example:
            mnesia_table_info roster_items
        """
        return "\n".join(f"{name}: {value}" for name, value in await self.mnesia_table_details(table))

    @command(tags=["mnesia"], safe=True, result="details::[detail::(name::atom, value::string)]")
    async def mnesia_table_details(self, table: str) -> list[tuple[str, str]]:
        """Tell what a table is made of and how large it is, as a list.

        Args:
            table: its name, or the one that ejabberd gives it.

        Example:
            mnesia_table_details roster_items
        """
        found = find_table(table)
        (size,) = await self._sizes([found])
        columns = [f"{each.name} {each.type}".lower() for each in found.columns]
        return [
            ("table", size.name),
            ("database", size.storage_type),
            ("columns", ", ".join(columns)),
            ("key", ", ".join(each.name for each in found.primary_key)),
            ("rows", str(size.elements)),
            ("size", f"{size.memory_kb} KiB"),
        ]

    async def _sizes(self, tables: Sequence[Table]) -> list[TableSize]:
        kind = self._kind
        found = []
        async with self._server.database.snapshot() as snapshot:
            for each in tables:
                rows = await _scalar(snapshot, select(func.count()).select_from(each))
                size = await _bytes(snapshot, kind, each)
                name = _KINDS.get(kind, kind)
                found.append(TableSize(each.name, name, rows, size // _KIB, size // _KIB // _KIB))
        return found

    # ---- what there is nothing to do for

    @command(tags=["sql"], result="res::rescode")
    def update_sql(self) -> str:
        """Do nothing: the server brings its tables up to date at each start, and they are for all hosts.

        Example:
            update_sql
        """
        return f"Nothing to do: the schema is at version {newest_revision()}, and for all hosts"

    @command(tags=["mnesia"], result="res::restuple")
    def mnesia_change_nodename(
        self, oldnodename: str, newnodename: str, oldbackup: str, newbackup: str
    ) -> str:
        """Do nothing: backups hold no name of a node, and can be restored on any machine.

        Args:
            oldnodename: the name to be changed.
            newnodename: the name to put in its place.
            oldbackup: the backup with the old name.
            newbackup: where the one with the new name would go.

        Example:
            mnesia_change_nodename burble@old burble@new old.backup new.backup
        """
        return "Nothing to do: a backup holds no name of a node; restore it on any machine as it is"

    @command(tags=["mnesia"], result="res::rescode")
    def mnesia_change(self, old_node_name: str) -> str:
        """Do nothing: the database holds no name of a node.

        Args:
            old_node_name: the name to be changed.

        Example:
            mnesia_change burble@old
        """
        return "Nothing to do: the database holds no name of a node"

    @command(tags=["mnesia"], result="res::restuple")
    def mnesia_table_change_storage(self, table: str, storage_type: str) -> str:
        """Refuse: all tables are in the one database of the server.

        Args:
            table: its name.
            storage_type: how it should be kept.

        Example:
            mnesia_table_change_storage roster disc_copies
        """
        name = find_table(table).name
        raise CommandFailed(f"{name} is kept in {_KINDS.get(self._kind, self._kind)}, like all tables")

    @command(tags=["cluster"], result="res::restuple")
    def set_master(self, nodename: str) -> str:
        """Do nothing: there is one node, and it is the master.

        Args:
            nodename: of the node; `self` is this one.

        Example:
            set_master self
        """
        return "Nothing to do: this server is one node, and keeps all tables itself"

    @command(tags=["pubsub"], result="res::rescode")
    def rename_default_nodeplugin(self) -> str:
        """Do nothing: only a database of ejabberd before 2.1.0 has nodes with the old name.

        Example:
            rename_default_nodeplugin
        """
        return "Nothing to do: no database of this server ever had the name that is to be changed"


async def _scalar(snapshot: Snapshot, statement: Select[Any]) -> int:
    value = None
    async for rows in snapshot.stream(statement):
        value = rows[0][0]
    return int(value or 0)


async def _bytes(snapshot: Snapshot, kind: str, each: Table) -> int:
    """How much space a table takes with its indexes; 0 where the database does not tell."""
    if kind == "postgresql":
        return await _scalar(snapshot, select(func.pg_total_relation_size(literal(each.name))))
    names = [each.name, *(str(index.name) for index in each.indexes), f"sqlite_autoindex_{each.name}_1"]
    pages = table("dbstat", column("name"), column("pgsize"))
    try:
        return await _scalar(snapshot, select(func.sum(pages.c.pgsize)).where(pages.c.name.in_(names)))
    except sqlite3.OperationalError:
        return 0  # SQLite was built without this
