"""XEP-0049: keep XML for an account that only its owner sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from burble.errors import StanzaError
from burble.module import Module, iq
from burble.namespaces import PRIVATE
from burble.stanza import Iq
from burble.storage import upsert
from burble.storage.schema import private_xml
from burble.xml import Element, parse_element

_COLUMNS = private_xml.c
_OF_ACCOUNT = (_COLUMNS.host == bindparam("host"), _COLUMNS.user == bindparam("user"))
_OF_NAME = (_COLUMNS.ns == bindparam("ns"), _COLUMNS.name == bindparam("name"))
_FIND = select(_COLUMNS.xml).where(*_OF_ACCOUNT, *_OF_NAME)
_TOTAL = select(func.coalesce(func.sum(func.length(_COLUMNS.xml)), 0)).where(*_OF_ACCOUNT)
_STORE = upsert(private_xml)


class PrivateXml(Module):
    """Stores elements for an account, one for each namespace and name.

    Namespaces that the specification lets a server refuse are stored like all others, save its own.
    """

    features = (PRIVATE,)
    account_features = (PRIVATE,)

    @iq(PRIVATE, "query", to="account", owner_only=False, any_account=True)
    async def answer(self, request: Iq) -> Element | None:
        """Store or return elements (§2).

        Raises:
            StanzaError: forbidden for anybody but the owner, whether the account exists or not;
                not-acceptable or bad-request where there is nothing to store or to look for; not-allowed
                for an anonymous account; policy-violation where it would be too much.
        """
        query = request.payload
        assert query is not None
        assert request.to is not None
        if request.from_ is None or request.from_.bare != request.to:
            raise StanzaError("forbidden", "private XML is its owner's alone")
        user, children = request.to.local, list(query.elements())
        if request.type == "set":
            await self.store(user, children)
            return None
        if not children or len({child.ns for child in children}) > 1:
            raise StanzaError("bad-request", "ask for elements of one namespace")
        found = [await self.find(user, child.ns, child.name) for child in children]
        return Element(
            "query", PRIVATE, None, *[kept or child for kept, child in zip(found, children, strict=True)]
        )

    async def find(self, user: str, ns: str, name: str) -> Element | None:
        """What is kept for an account by a namespace and a name, or None.

        Raises:
            StorageError: it can't be read.
        """
        key = {"host": self.host.name, "user": user, "ns": ns, "name": name}
        row = await self.host.database.fetch_one(_FIND, key)
        return parse_element(row.xml) if row is not None else None

    async def store(self, user: str, children: list[Element]) -> None:
        """Keep elements for an account, each in place of the one by its namespace and name.

        Raises:
            StanzaError: as `answer` says.
            StorageError: they can't be stored.
        """
        if not children or any(child.ns == PRIVATE for child in children):
            raise StanzaError("not-acceptable", "give at least one element, each in a namespace of its own")
        if self.host.sessions.is_anonymous(user):
            raise StanzaError("not-allowed", "nothing is kept for an anonymous account")
        account = {"host": self.host.name, "user": user}
        rows = [{**account, "ns": each.ns, "name": each.name, "xml": each.to_bytes()} for each in children]
        limit = self.host.settings.limits.private_xml_bytes
        await self.host.database.write(lambda connection: _write(connection, account, rows, limit))


def _write(
    connection: Connection, account: Mapping[str, str], rows: list[dict[str, Any]], limit: int
) -> None:
    for row in rows:
        connection.execute(_STORE, row)
    if connection.execute(_TOTAL, account).scalar_one() > limit:  # raising undoes what was written
        raise StanzaError("policy-violation", f"an account may store {limit} bytes of private XML")
