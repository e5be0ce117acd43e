"""The S2S manager: stanzas for domains that are not served here."""

from __future__ import annotations

from burble.errors import StanzaError
from burble.stanza import Stanza


class FederationManager:
    """Takes the stanzas for other servers. None can be reached from here (RFC 6120 §10.4.3)."""

    def route(self, stanza: Stanza) -> None:
        """Refuse a stanza.

        Raises:
            StanzaError: remote-server-not-found.
        """
        assert stanza.to is not None
        raise StanzaError("remote-server-not-found", f"{stanza.to.domain} can't be reached from here")
