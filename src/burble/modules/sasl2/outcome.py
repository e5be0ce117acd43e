"""How a login by SASL2 ends well: with all that the client asked for along with it (XEP-0388 §2.6.1)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from burble.errors import StanzaError
from burble.jid import JID
from burble.modules.sasl2 import binding
from burble.modules.sasl2.attempt import Attempt
from burble.modules.sasl2.fast import Fast
from burble.modules.stream_management import Resumption, StreamManagement
from burble.namespaces import BIND2, SASL2, STREAM_MANAGEMENT
from burble.routing.hosts import Host
from burble.sasl import Success, encode
from burble.xml import Element

if TYPE_CHECKING:
    from burble.streams.c2s import C2SStream

_log = logging.getLogger("burble.c2s")


async def conclude(
    host: Host, stream: C2SStream, attempt: Attempt, success: Success, fast: Fast | None
) -> None:
    """Resume or bind, whatever the client asked for, and tell it so.

    Args:
        host: its host.
        stream: the client's, whose `login` is set.
        attempt: the login.
        success: what its last step ended with.
        fast: gives tokens, where they are given at all.
    """
    request = attempt.request
    token = None if fast is None else await fast.token(attempt, success)
    wanted = request.child("bind", BIND2)
    known = None if wanted is None else await binding.metadata_of(host, success)
    answer = Element("success", SASL2)
    if success.data is not None:
        answer.add("additional-data", text=encode(success.data))
    identity = answer.add("authorization-identifier")
    # From here on nothing is waited for once there is a session: nothing may be sent to it before the answer.
    resumption = await _resumed(host, stream, success, request, answer)
    if resumption is None and wanted is not None:
        await _bound(host, stream, attempt, success, wanted, known, answer)
    if stream.closing:
        return
    if token is not None:
        answer.append(token)
    session = resumption.session if resumption is not None else stream.session
    identity.children.append(session.jid if session is not None else JID.build(success.user, host.name))
    stream.send(answer)
    if resumption is not None:  # XEP-0198 §9.2: and no features then
        await resumption.proceed()
    else:
        stream.send_features(host)


async def _resumed(
    host: Host, stream: C2SStream, success: Success, request: Element, answer: Element
) -> Resumption | None:
    """Resume a session where that is asked for; says in the answer how it went (XEP-0198 §9.2)."""
    wanted = request.child("resume", STREAM_MANAGEMENT)
    management = host.modules.get(StreamManagement.name)
    if wanted is None or not isinstance(management, StreamManagement):
        return None
    outcome = await management.resume(stream, success, wanted)
    if isinstance(outcome, Resumption):
        answer.append(outcome.element)
        return outcome
    answer.append(outcome)
    return None


async def _bound(
    host: Host,
    stream: C2SStream,
    attempt: Attempt,
    success: Success,
    wanted: Element,
    known: Element | None,
    answer: Element,
) -> None:
    """Bind a resource; where that can't be done the client may try the old way, after the features."""
    try:
        session = await host.bind(stream, success, binding.resource(host, wanted, attempt.agent))
    except StanzaError as error:
        _log.info("%s could not bind: %s", stream, error)
        return
    if stream.closing:
        session.lost(stream)
        return
    stream.carry(session)
    answer.append(binding.begin(host, stream, session, wanted, known))
    _log.info("%s logged in from %s", session.jid, stream.carrier.address)
