"""Telling other servers of their users who were reported here (XEP-0377 §4.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from burble.errors import StanzaError
from burble.forms import Form, FormError
from burble.jid import JID, JIDError
from burble.modules.archive import Archive
from burble.modules.archive.reading import moment
from burble.modules.archive.store import Range
from burble.modules.archive.stored import parse
from burble.modules.blocking.reports import Report
from burble.namespaces import (
    CLIENT,
    DATA_FORMS,
    DELAY,
    DISCO_INFO,
    FORWARD,
    JID_ELEMENT,
    REPORTING,
    SERVER_INFO,
)
from burble.routing.hosts import Host
from burble.stanza import Iq, Message
from burble.storage import StorageError
from burble.xml import Element

__all__ = ["forward"]

_log = logging.getLogger("burble.reports")

#: Addresses of one server that are told.
_MOST_ADDRESSES: Final = 5
#: Messages that go with a report, and their bytes in all.
_MOST_MESSAGES: Final = 10
_MOST_BYTES: Final = 65536


async def forward(host: Host, user: str, report: Report) -> None:
    """Tell the server of whoever was reported, at the address it has for that or else at its domain.

    It does not learn who has reported: what it is shown are the messages that the report names, without those
    they were for.

    Args:
        host: where it was reported.
        user: by which account.
        report: the report; `Report.may_be_forwarded` is the caller's to respect.
    """
    domain = JID.parse(report.jid.domain)
    try:
        addresses = [*_addresses(domain, await _described(host, domain))][:_MOST_ADDRESSES]
        messages = await _messages(host, user, report)
    except (StanzaError, StorageError) as error:
        _log.info("the report of %s could not be forwarded: %s", report.jid, error)
        return
    told = Element("report", REPORTING, {"reason": report.element.get("reason") or ""})
    told.add("jid", JID_ELEMENT, text=str(report.jid))
    for text in report.element.elements("text", REPORTING):
        told.append(text.copy())
    message = Message(None, host.jid, {"type": "normal"})
    message.add("subject", CLIENT, text=f"{report.jid} was reported for {report.reason}")
    message.add("body", CLIENT, text=f"A user of {host.name} reports {report.summary}")
    message.children += [told, *messages]
    for address in addresses or [domain]:
        waiting = host.router.route(message.readdressed(address, host.jid))
        if waiting is not None:
            await waiting


async def _described(host: Host, domain: JID) -> Element | None:
    """What a server says of itself.

    Raises:
        StanzaError: it does not say, or can't be reached.
    """
    question = Iq(domain, None, {"type": "get"}, Element("query", DISCO_INFO))
    return (await host.local.ask(question)).payload


def _addresses(domain: JID, described: Element | None) -> Iterator[JID]:
    """Where a server wants to hear of abuse (XEP-0157), as far as it is there or at a domain above it: else
    it could have us write to anybody."""
    for form in () if described is None else described.elements("x", DATA_FORMS):
        try:
            info = Form.from_element(form)
        except FormError:
            continue
        field = info.field("abuse-addresses") if info.form_type == SERVER_INFO else None
        for uri in () if field is None else field.values:
            if not uri.startswith("xmpp:"):
                continue
            try:
                address = JID.parse(unquote(uri.removeprefix("xmpp:").partition("?")[0]))
            except JIDError:
                continue
            if f".{domain}".endswith(f".{address.domain}") and "." in address.domain:
                yield address


async def _messages(host: Host, user: str, report: Report) -> list[Element]:
    """The messages that a report names, from its user's archive, forwarded (XEP-0297).

    Raises:
        StorageError: the archive can't be read.
    """
    archive = host.modules.get(Archive.name)
    own = JID.build(user, host.name)
    ids = tuple(int(id_) for id_, by in report.ids if by == own and id_.isdecimal() and len(id_) < 20)
    if not isinstance(archive, Archive) or not ids:
        return []
    await host.database.batch.flush()
    found, size = [], 0
    for row in await archive.store.page(user, Range(ids=ids), _MOST_MESSAGES):
        message = parse(row.stanza)
        size += len(row.stanza)
        if message.from_ is None or report.jid not in (
            message.from_,
            message.from_.bare,
            message.from_.domain,
        ):
            continue
        if size > _MOST_BYTES:
            break
        message.to = None
        stamp = Element("delay", DELAY, {"stamp": moment(row.id)})
        found.append(Element("forwarded", FORWARD, None, stamp, message))
    return found
