"""The tables of the database, by their names and by those that ejabberd gives them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from sqlalchemy import Table

from burble.module import CommandFailed
from burble.storage.schema import metadata

__all__ = ["find_table"]

_EJABBERD: Final = {
    "passwd": "credentials",
    "roster": "roster_items",
    "roster_version": "roster_versions",
    "offline_msg": "offline_messages",
    "private_storage": "private_xml",
    "vcard": "vcards",
    "muc_room": "rooms",
    "oauth_token": "api_tokens",
}


def find_table(name: str) -> Table:
    """The table of a name.

    Args:
        name: its name, or the one that what is in it has with ejabberd.

    Raises:
        CommandFailed: there is none.
    """
    found = metadata.tables.get(_EJABBERD.get(name, name))
    if found is None:
        near = get_close_matches(name, [*metadata.tables, *_EJABBERD], n=1)
        hint = f"; did you mean {near[0]}?" if near else "; mnesia_list_tables lists them"
        raise CommandFailed(f"there is no table {name}{hint}")
    return found
