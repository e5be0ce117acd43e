"""XEP-0054: keep the vCard of each account, for everybody to read."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from burble.errors import StanzaError
from burble.module import Module, iq
from burble.namespaces import VCARD
from burble.stanza import Iq
from burble.storage import upsert
from burble.storage.schema import vcards
from burble.xml import Element, parse_element

_FIND = select(vcards.c.xml).where(vcards.c.host == bindparam("host"), vcards.c.user == bindparam("user"))
_STORE = upsert(vcards)


class VCard(Module):
    """Stores and shows vCards, whether their owners are connected or not."""

    features = (VCARD,)
    account_features = (VCARD,)

    @iq(VCARD, "vCard", to="account", owner_only=False, any_account=True)
    async def answer(self, request: Iq) -> Element | None:
        """Show an account's vCard (§3.1, §3.3), or replace it (§3.2).

        Raises:
            StanzaError: item-not-found where the owner has none; service-unavailable for everybody else
                who asks, so that nobody learns whether the account exists; forbidden where another's would be
                replaced; not-allowed for an anonymous account; policy-violation where it is too large.
        """
        card, account = request.payload, request.to
        assert card is not None
        assert account is not None
        own = request.from_ is not None and request.from_.bare == account
        if request.type == "set":
            if not own:
                raise StanzaError("forbidden", "only its owner changes a vCard")
            await self.store(account.local, card)
            return None
        found = await self.find(account.local)
        if found is not None:
            return found
        if own:
            raise StanzaError("item-not-found", "you have no vCard yet")
        raise StanzaError("service-unavailable", "there is no such vCard")

    async def find(self, user: str) -> Element | None:
        """The vCard of an account, or None.

        Raises:
            StorageError: it can't be read.
        """
        row = await self.host.database.fetch_one(_FIND, {"host": self.host.name, "user": user})
        return None if row is None else parse_element(row.xml)

    async def store(self, user: str, card: Element) -> None:
        """Replace the vCard of an account.

        Raises:
            StanzaError: not-allowed for an anonymous account; policy-violation where it is too large.
            StorageError: it can't be stored.
        """
        if self.host.sessions.is_anonymous(user):
            raise StanzaError("not-allowed", "nothing is kept for an anonymous account")
        xml, limit = card.to_bytes(), self.host.settings.limits.vcard_bytes
        if len(xml) > limit:
            raise StanzaError("policy-violation", f"a vCard may have {limit} bytes; this one has {len(xml)}")
        await self.host.database.execute(_STORE, {"host": self.host.name, "user": user, "xml": xml})
