"""Commands about vCards (XEP-0054)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from burble.commands.base import Administered, account_host, module_on
from burble.config.fields import expected
from burble.errors import StanzaError
from burble.module import command
from burble.modules.vcard import VCard
from burble.namespaces import VCARD
from burble.xml import Element


def _field(text: str) -> str:
    name = text.upper()
    if not (name.isascii() and name.replace("-", "").isalpha()):
        raise expected('a field of vCards such as "NICKNAME"')
    return name


Field = Annotated[str, AfterValidator(_field)]
"""The name of an element in a vCard; upper case is all the same."""


class VCardCommands:
    """The commands about vCards.

    Args:
        server: whose accounts'.
    """

    def __init__(self, server: Administered) -> None:
        self._server = server

    @command(tags=["vcard"], safe=True, result="content::string")
    async def get_vcard(self, user: str, host: str, name: Field) -> str:
        """Tell what stands in a field of an account's vCard.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            name: the field, such as ``FN``, ``NICKNAME``, ``BDAY``, ``TITLE``, ``ROLE``, ``DESC``, ``URL``.

        Returns:
            Its text; of several the first.

        Example:
            get_vcard juliet localhost NICKNAME
        """
        return _first(await self._find(user, host, name, ""), user, host)

    @command(tags=["vcard"], safe=True, result="content::string")
    async def get_vcard2(self, user: str, host: str, name: Field, subname: Field) -> str:
        """Tell what stands in a part of a field of an account's vCard.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            name: the field, such as ``N``, ``ADR``, ``EMAIL``, ``ORG``, ``TEL``.
            subname: its part, such as ``FAMILY``, ``CTRY``, ``USERID``, ``ORGNAME``; of ``TEL`` the kind of
                number, such as ``WORK``, ``CELL``, ``VOICE``.

        Returns:
            Its text; of several the first.

        Example:
            get_vcard2 juliet localhost N FAMILY
        """
        return _first(await self._find(user, host, name, subname), user, host)

    @command(tags=["vcard"], safe=True, result="contents::[value::string]")
    async def get_vcard2_multi(self, user: str, host: str, name: Field, subname: Field) -> list[str]:
        """Tell what stands in all parts of that name of a field of an account's vCard.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            name: the field, such as ``ORG``.
            subname: its part, such as ``ORGUNIT``; of ``TEL`` the kind of number.

        Returns:
            Their texts.

        Example:
            get_vcard2_multi juliet localhost ORG ORGUNIT
        """
        return await self._find(user, host, name, subname)

    @command(tags=["vcard"], result="res::rescode")
    async def set_vcard(self, user: str, host: str, name: Field, content: str) -> None:
        """Write a field of an account's vCard.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            name: the field, as for `get_vcard`.
            content: its text; "" takes the field away.

        Example:
            set_vcard juliet localhost NICKNAME Jules
        """
        module, card = await self._card(user, host)
        _drop(card, list(card.elements(name, VCARD)))
        if content:
            card.add(name, text=content)
        await module.store(user, card)

    @command(tags=["vcard"], result="res::rescode")
    async def set_vcard2(self, user: str, host: str, name: Field, subname: Field, content: str) -> None:
        """Write a part of a field of an account's vCard.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            name: the field, as for `get_vcard2`.
            subname: its part, as for `get_vcard2`.
            content: its text; "" takes the part away.

        Example:
            set_vcard2 juliet localhost TEL WORK "+39 045 800 0000"
        """
        await self.set_vcard2_multi(user, host, name, subname, [content])

    @command(tags=["vcard"], result="res::rescode")
    async def set_vcard2_multi(
        self, user: str, host: str, name: Field, subname: Field, contents: list[str]
    ) -> None:
        """Write all parts of that name of a field of an account's vCard.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            name: the field, as for `get_vcard2`.
            subname: its part, as for `get_vcard2`.
            contents: their texts.

        Example:
            set_vcard2_multi juliet localhost ORG ORGUNIT "House of Capulet,Balcony"
        """
        module, card = await self._card(user, host)
        texts = [text for text in contents if text]
        if name == "TEL":
            _drop(card, [tel for tel in card.elements(name, VCARD) if tel.child(subname, VCARD) is not None])
            for text in texts:
                tel = card.add(name)
                tel.add(subname)
                tel.add("NUMBER", text=text)
        else:
            field = card.child(name, VCARD)
            if field is None:
                field = card.add(name)
            _drop(field, list(field.elements(subname, VCARD)))
            for text in texts:
                field.add(subname, text=text)
            if not field.children:
                _drop(card, [field])
        await module.store(user, card)

    @command(tags=["vcard"], result="res::rescode")
    async def set_nickname(self, user: str, host: str, nickname: str) -> None:
        """Write the nickname in an account's vCard.

        Args:
            user: the account's name, without its domain.
            host: a domain served here.
            nickname: the nickname; "" for none.

        Example:
            set_nickname juliet localhost Jules
        """
        await self.set_vcard(user, host, "NICKNAME", nickname)

    # ---- what they have in common

    async def _card(self, user: str, host: str) -> tuple[VCard, Element]:
        module = module_on(await account_host(self._server, user, host), VCard)
        return module, await module.find(user) or Element("vCard", VCARD)

    async def _find(self, user: str, host: str, name: str, subname: str) -> list[str]:
        _, card = await self._card(user, host)
        return list(_texts(card, name, subname))


def _texts(card: Element, name: str, subname: str) -> Iterator[str]:
    for field in card.elements(name, VCARD):
        if not subname:
            yield field.text
        elif name != "TEL":
            yield from (part.text for part in field.elements(subname, VCARD))
        elif field.child(subname, VCARD) is not None:
            yield field.child_text("NUMBER", VCARD, "") or ""


def _first(found: list[str], user: str, host: str) -> str:
    if not found:
        raise StanzaError("item-not-found", f"that is not in the vCard of {user}@{host}")
    return found[0]


def _drop(parent: Element, children: list[Element]) -> None:
    gone = {id(child) for child in children}
    parent.children = [child for child in parent.children if id(child) not in gone]
