"""Commands about the database itself."""

from __future__ import annotations

import pytest

from burble.commands import CommandFailed
from burble.server import Server
from burble.storage.schema import metadata
from burble.storage.upgrade import newest_revision
from tests.commands.calling import call


async def test_what_the_database_is(server: Server) -> None:
    said = await call(server, "mnesia_info")
    kind = "SQLite" if server.settings.database_url.startswith("sqlite") else "PostgreSQL"
    assert f"Database: {kind}\n" in said
    assert f"Schema: version {newest_revision()}\n" in said
    assert "\n  accounts: 3 rows, " in said
    assert await call(server, "mnesia", "info") == await call(server, "mnesia_info_ctl") == said


async def test_tables(server: Server) -> None:
    tables = {table.name: table for table in await call(server, "mnesia_list_tables")}
    assert set(tables) == set(metadata.tables)
    assert tables["accounts"].elements == 3
    assert tables["credentials"].elements == 9
    said = await call(server, "mnesia_table_info", "passwd")
    assert said.startswith("table: credentials\n")
    assert "key: host, user, mechanism\nrows: 9\n" in said
    with pytest.raises(CommandFailed, match="there is no table thing"):
        await call(server, "mnesia_table_info", "thing")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mnesia_change_nodename", ["a@b", "c@d", "old", "new"]),
        ("mnesia_change", ["a@b"]),
        ("set_master", ["self"]),
        ("rename_default_nodeplugin", []),
        ("update_sql", []),
    ],
)
async def test_what_there_is_nothing_to_do_for(server: Server, name: str, arguments: list[str]) -> None:
    assert (await call(server, name, *arguments)).startswith("Nothing to do: ")


async def test_tables_stay_where_they_are(server: Server) -> None:
    with pytest.raises(CommandFailed, match=r"roster_items is kept in .*, like all tables"):
        await call(server, "mnesia_table_change_storage", "roster", "disc_copies")
