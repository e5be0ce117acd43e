"""A login by SASL2 that is under way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from burble.namespaces import FAST, SASL2
from burble.sasl import Exchange, SaslFailure, Success
from burble.xml import Element

if TYPE_CHECKING:
    from burble.modules.sasl2.module import Sasl2
    from burble.modules.sasl2.upgrade import Upgrade
    from burble.streams.c2s import C2SStream

# A UUID (§2.2); which version is not looked at, since clients have used others.
_UUID: Final = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
#: Longest name of a device or its software that is kept.
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class UserAgent:
    """What a client says of itself (§2.2).

    Attributes:
        id: names this installation, or "".
        software: its name for people.
        device: the name of the device it is on.
    """

    id: str = ""
    software: str = ""
    device: str = ""

    @classmethod
    def of(cls, request: Element) -> UserAgent:
        """The one of an ``<authenticate/>``; an id that is no UUID counts as none."""
        element = request.child("user-agent", SASL2)
        if element is None:
            return cls()
        id = element.get("id") or ""
        return cls(
            id=id.lower() if _UUID.fullmatch(id) else "",
            software=(element.child_text("software") or "")[:_LONGEST_NAME],
            device=(element.child_text("device") or "")[:_LONGEST_NAME],
        )


@dataclass(slots=True)
class Attempt:
    """A login under way (`burble.streams.c2s.Negotiation`).

    Attributes:
        request: the ``<authenticate/>``.
        agent: the client.
        exchange: of the mechanism.
        success: its outcome, while a task follows.
        upgrade: that task.
        ns: of the elements that belong to it.
    """

    request: Element
    agent: UserAgent
    exchange: Exchange
    success: Success | None = None
    upgrade: Upgrade | None = None
    ns: str = SASL2

    @classmethod
    def begin(cls, module: Sasl2, stream: C2SStream, request: Element) -> Attempt:
        """Begin with what the client asks for.

        Raises:
            SaslFailure: it can't be had.
        """
        agent, mechanism = UserAgent.of(request), request.get("mechanism") or ""
        token = request.child("fast", FAST)
        if token is None:
            exchange = module.host.sasl.begin(mechanism, stream.carrier.tls)
        elif module.settings.fast:
            exchange = module.fast.begin(stream, agent, mechanism, token)
        else:
            raise SaslFailure("invalid-mechanism", "tokens are not offered here")
        return cls(request, agent, exchange)
