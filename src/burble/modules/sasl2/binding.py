"""XEP-0386: bind a resource, and begin the session with what the client asks for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from typing import TYPE_CHECKING, Final

from burble.jid import JID, JIDError
from burble.modules.archive import Archive
from burble.modules.archive.reading import metadata
from burble.modules.carbons import Carbons
from burble.modules.csi import Csi
from burble.modules.offline import READS_ARCHIVE
from burble.modules.sasl2.attempt import UserAgent
from burble.modules.stream_management import StreamManagement
from burble.namespaces import BIND2, CARBONS, CSI, STREAM_MANAGEMENT
from burble.routing.hosts import Host
from burble.routing.session import Session
from burble.sasl import Success
from burble.storage import StorageError
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream

_log = logging.getLogger("burble.c2s")

#: Longest tag of a client that becomes part of its resource.
_LONGEST_TAG: Final = 64
_BY_MODULE: Final = ((Carbons, CARBONS), (Csi, CSI), (StreamManagement, STREAM_MANAGEMENT))


def features(host: Host) -> list[Element]:
    """What can be asked for along with a login (§3.1, XEP-0198 §9)."""
    bind = Element("bind", BIND2)
    inline = bind.add("inline")
    for module, name in _BY_MODULE:
        if module.name in host.modules:
            inline.add("feature", attrs={"var": name})
    offered = [bind]
    if StreamManagement.name in host.modules:
        offered.append(Element("sm", STREAM_MANAGEMENT))
    return offered


def resource(host: Host, request: Element, agent: UserAgent) -> str | None:
    """The resource for a client (§3.3): its own tag and something that stays the same for this installation.

    A session the same client has left behind so has the same resource, and is replaced (§3.2).

    Returns:
        None where the client says nothing of itself, for a random one.
    """
    tag = (request.child_text("tag") or "")[:_LONGEST_TAG]
    if not agent.id:
        return f"{tag}/{secrets.token_urlsafe(9)}" if _usable(host, tag) else None
    digest = hmac.digest(host.secret, f"resource {host.name} {agent.id}".encode(), hashlib.sha256)
    stable = base64.urlsafe_b64encode(digest[:9]).decode()
    return f"{tag}/{stable}" if _usable(host, tag) else stable


def _usable(host: Host, tag: str) -> bool:
    try:
        return bool(tag) and bool(JID.build("", host.name, f"{tag}/"))
    except JIDError:
        return False


async def metadata_of(host: Host, success: Success) -> Element | None:
    """Where an account's archive begins and ends (§3.4), so that its client knows what it has missed.

    Returns:
        None where it has none, or that can't be read.
    """
    archive = host.modules.get(Archive.name)
    if not isinstance(archive, Archive) or success.anonymous:
        return None
    try:
        await host.database.batch.flush()
        return metadata(await archive.store.ends(success.user))
    except StorageError as error:
        _log.error("the archive of %s@%s can't be read: %s", success.user, host.name, error)
        return None


def begin(
    host: Host, stream: C2SStream, session: Session, request: Element, known: Element | None
) -> Element:
    """Begin a session that was just bound.

    Args:
        host: its host.
        stream: the client's.
        session: the session.
        request: the client's ``<bind/>``, with what it wants to be enabled.
        known: what `metadata_of` says. A client that reads its archive then is not sent what was kept for it
            and can be read there (§3.2); one that does not would lose it, and some don't.

    Returns:
        The ``<bound/>`` (§3.4). What is not known is not answered.
    """
    bound = Element("bound", BIND2)
    if known is not None:
        session.data[READS_ARCHIVE] = False  # until it does
        bound.append(known)
    modules = host.modules
    carbons, csi = modules.get(Carbons.name), modules.get(Csi.name)
    if isinstance(carbons, Carbons) and request.child("enable", CARBONS) is not None:
        carbons.choose(session, True)
    if isinstance(csi, Csi) and request.child("inactive", CSI) is not None:
        csi.deactivate(session)
    management = modules.get(StreamManagement.name)
    enable = request.child("enable", STREAM_MANAGEMENT)
    if enable is not None and isinstance(management, StreamManagement):
        bound.append(management.enable(stream, session, enable))
    return bound
